#pragma once
// nf_tables, as far as berth needs it: a transaction of tables, chains, sets, rules and set elements, written as netlink
// messages (linux/netfilter/nf_tables.h). Nothing is read back and no program is started: an element costs 5 µs.
// firewall.h says which rules there are.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "network/netlink.h"

namespace berth::network::nft {

using Bytes = std::vector<std::uint8_t>;

/// An element of a set or map. With `key_end` it is an interval; `data` is empty in a plain set.
struct Element {
    std::string_view set;  ///< one of firewall.cpp's names
    Bytes key;
    Bytes key_end;
    Bytes data;
    bool operator==(const Element&) const = default;
};

struct Set {
    std::string_view name;
    std::uint32_t key_type;            ///< nft's number, for `nft list` only; concatenations are 6 bits a field
    std::vector<std::uint32_t> fields; ///< length of each field of the key
    std::uint32_t data_type;           ///< 0: no map
    std::uint32_t data_length;
    bool interval;
    bool host_order = false;           ///< the key is text: tells `nft list` not to turn its bytes round
};

struct Hook {
    std::string_view type;  ///< "nat", "filter"
    std::uint32_t number;   ///< NF_INET_…
    std::int32_t priority;
};

/// The expressions of one rule, in the order of evaluation. Registers are nf_tables' 32-bit ones, 0 … 15.
class Rule {
public:
    Rule& meta(std::uint32_t key, unsigned reg);
    Rule& payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length, unsigned reg);
    Rule& ct(std::uint32_t key, unsigned reg);
    /// The kind of the source or destination address (RTN_LOCAL, …).
    enum class Side { source, destination };
    Rule& fib_type(Side side, unsigned reg);
    /// One byte: whether the way to the packet's source leads out by the link that it came in by.
    Rule& fib_returns(unsigned reg);
    Rule& mask(unsigned reg, std::uint32_t bits);  ///< keeps those bits, host byte order
    Rule& equal(unsigned reg, std::span<const std::uint8_t> bytes);
    Rule& equal_u32(unsigned reg, std::uint32_t value);
    Rule& differs_u32(unsigned reg, std::uint32_t value);
    Rule& in(std::string_view set, unsigned reg);
    Rule& map(std::string_view name, unsigned reg, unsigned into);
    /// Puts bytes into a register, and a register into the packet's transport header, whose checksum lies at `checksum`.
    Rule& load(unsigned reg, std::span<const std::uint8_t> bytes);
    Rule& store_transport(unsigned reg, std::uint32_t offset, std::uint32_t length, std::uint32_t checksum);
    /// Destination address in `address`, port in `port` when given.
    Rule& dnat(std::uint32_t family, unsigned address, std::optional<unsigned> port);
    Rule& masquerade();
    Rule& verdict(std::int32_t code, std::string_view chain = {});

private:
    friend class Transaction;
    void begin(std::string_view name);
    void end();
    void put_reg(std::uint16_t attribute, unsigned reg);
    void put_data(std::uint16_t attribute, std::span<const std::uint8_t> bytes);
    std::vector<std::function<void(Batch&)>> steps_;
};

enum class Existing { refused, kept };

/// All or nothing; the kernel sees it when commit sends it.
class Transaction {
public:
    /// `family` is NFPROTO_INET for both IP families, NFPROTO_IPV4 or NFPROTO_IPV6 for one.
    Transaction(std::string_view table, std::uint8_t family);

    void add_table();
    /// Fails when the table is absent.
    void remove_table();
    void add_set(const Set& set);
    void add_chain(std::string_view name, const std::optional<Hook>& hook);
    void add_rule(std::string_view chain, const Rule& rule);
    /// With Existing::refused an element that is there is EEXIST; with kept only one with other data is.
    void add_elements(std::span<const Element> elements, Existing existing);
    /// ENOENT when one is absent.
    void remove_elements(std::span<const Element> elements);

    Result<void> commit(Netlink& netlink) &&;

private:
    void begin(std::uint16_t message, unsigned flags, std::string purpose);
    void put_elements(std::uint16_t message, unsigned flags, std::span<const Element> elements, std::string_view purpose);
    std::string table_;
    std::uint8_t family_;
    Batch batch_;
    std::uint32_t next_set_ = 1;
};

}  // namespace berth::network::nft
