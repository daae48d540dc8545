#include "network/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace berth::network::nft {

namespace {

// A nested list is one attribute, so at most 64 KiB; larger sets of elements take several messages of one transaction.
constexpr std::size_t list_limit = 60'000;

nfgenmsg head_of(std::uint8_t family, std::uint16_t resource) {
    nfgenmsg head{};
    head.nfgen_family = family;
    head.version = NFNETLINK_V0;
    head.res_id = htons(resource);
    return head;
}

std::uint32_t number_of(unsigned reg) { return NFT_REG32_00 + reg; }

std::span<const std::uint8_t> bytes_of(const std::uint32_t& value) {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

}  // namespace

// --- rules -------------------------------------------------------------------------------------------------------------

void Rule::begin(std::string_view name) {
    steps_.push_back([name](Batch& batch) {
        batch.nest(NFTA_LIST_ELEM);
        batch.put_text(NFTA_EXPR_NAME, name);
        batch.nest(NFTA_EXPR_DATA);
    });
}

void Rule::end() {
    steps_.push_back([](Batch& batch) {
        batch.nest_end();
        batch.nest_end();
    });
}

void Rule::put_reg(std::uint16_t attribute, unsigned reg) {
    steps_.push_back([=](Batch& batch) { batch.put_u32_be(attribute, number_of(reg)); });
}

void Rule::put_data(std::uint16_t attribute, std::span<const std::uint8_t> bytes) {
    steps_.push_back([attribute, held = Bytes(bytes.begin(), bytes.end())](Batch& batch) {
        batch.nest(attribute);
        batch.put(NFTA_DATA_VALUE, held);
        batch.nest_end();
    });
}

Rule& Rule::meta(std::uint32_t key, unsigned reg) {
    begin("meta");
    steps_.push_back([=](Batch& batch) { batch.put_u32_be(NFTA_META_KEY, key); });
    put_reg(NFTA_META_DREG, reg);
    end();
    return *this;
}

Rule& Rule::payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length, unsigned reg) {
    begin("payload");
    put_reg(NFTA_PAYLOAD_DREG, reg);
    steps_.push_back([=](Batch& batch) {
        batch.put_u32_be(NFTA_PAYLOAD_BASE, base);
        batch.put_u32_be(NFTA_PAYLOAD_OFFSET, offset);
        batch.put_u32_be(NFTA_PAYLOAD_LEN, length);
    });
    end();
    return *this;
}

Rule& Rule::ct(std::uint32_t key, unsigned reg) {
    begin("ct");
    steps_.push_back([=](Batch& batch) { batch.put_u32_be(NFTA_CT_KEY, key); });
    put_reg(NFTA_CT_DREG, reg);
    end();
    return *this;
}

Rule& Rule::fib_type(Side side, unsigned reg) {
    begin("fib");
    steps_.push_back([side](Batch& batch) {
        batch.put_u32_be(NFTA_FIB_FLAGS, side == Side::source ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR);
        batch.put_u32_be(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    });
    put_reg(NFTA_FIB_DREG, reg);
    end();
    return *this;
}

Rule& Rule::fib_returns(unsigned reg) {
    begin("fib");
    steps_.push_back([](Batch& batch) {
        batch.put_u32_be(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
        batch.put_u32_be(NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF);
    });
    put_reg(NFTA_FIB_DREG, reg);
    end();
    return *this;
}

Rule& Rule::mask(unsigned reg, std::uint32_t bits) {
    begin("bitwise");
    put_reg(NFTA_BITWISE_SREG, reg);
    put_reg(NFTA_BITWISE_DREG, reg);
    steps_.push_back([](Batch& batch) { batch.put_u32_be(NFTA_BITWISE_LEN, sizeof(std::uint32_t)); });
    const std::uint32_t none = 0;
    put_data(NFTA_BITWISE_MASK, bytes_of(bits));
    put_data(NFTA_BITWISE_XOR, bytes_of(none));
    end();
    return *this;
}

Rule& Rule::equal(unsigned reg, std::span<const std::uint8_t> bytes) {
    begin("cmp");
    put_reg(NFTA_CMP_SREG, reg);
    steps_.push_back([](Batch& batch) { batch.put_u32_be(NFTA_CMP_OP, NFT_CMP_EQ); });
    put_data(NFTA_CMP_DATA, bytes);
    end();
    return *this;
}

Rule& Rule::equal_u32(unsigned reg, std::uint32_t value) { return equal(reg, bytes_of(value)); }

Rule& Rule::differs_u32(unsigned reg, std::uint32_t value) {
    begin("cmp");
    put_reg(NFTA_CMP_SREG, reg);
    steps_.push_back([](Batch& batch) { batch.put_u32_be(NFTA_CMP_OP, NFT_CMP_NEQ); });
    put_data(NFTA_CMP_DATA, bytes_of(value));
    end();
    return *this;
}

Rule& Rule::in(std::string_view set, unsigned reg) {
    begin("lookup");
    steps_.push_back([set](Batch& batch) { batch.put_text(NFTA_LOOKUP_SET, set); });
    put_reg(NFTA_LOOKUP_SREG, reg);
    end();
    return *this;
}

Rule& Rule::map(std::string_view name, unsigned reg, unsigned into) {
    begin("lookup");
    steps_.push_back([name](Batch& batch) { batch.put_text(NFTA_LOOKUP_SET, name); });
    put_reg(NFTA_LOOKUP_SREG, reg);
    put_reg(NFTA_LOOKUP_DREG, into);
    end();
    return *this;
}

Rule& Rule::load(unsigned reg, std::span<const std::uint8_t> bytes) {
    begin("immediate");
    put_reg(NFTA_IMMEDIATE_DREG, reg);
    put_data(NFTA_IMMEDIATE_DATA, bytes);
    end();
    return *this;
}

Rule& Rule::store_transport(unsigned reg, std::uint32_t offset, std::uint32_t length, std::uint32_t checksum) {
    begin("payload");
    put_reg(NFTA_PAYLOAD_SREG, reg);
    steps_.push_back([=](Batch& batch) {
        batch.put_u32_be(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
        batch.put_u32_be(NFTA_PAYLOAD_OFFSET, offset);
        batch.put_u32_be(NFTA_PAYLOAD_LEN, length);
        batch.put_u32_be(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
        batch.put_u32_be(NFTA_PAYLOAD_CSUM_OFFSET, checksum);
    });
    end();
    return *this;
}

Rule& Rule::dnat(std::uint32_t family, unsigned address, std::optional<unsigned> port) {
    begin("nat");
    steps_.push_back([=](Batch& batch) {
        batch.put_u32_be(NFTA_NAT_TYPE, NFT_NAT_DNAT);
        batch.put_u32_be(NFTA_NAT_FAMILY, family);
    });
    put_reg(NFTA_NAT_REG_ADDR_MIN, address);
    if (port) put_reg(NFTA_NAT_REG_PROTO_MIN, *port);
    end();
    return *this;
}

Rule& Rule::masquerade() {
    begin("masq");
    end();
    return *this;
}

Rule& Rule::verdict(std::int32_t code, std::string_view chain) {
    begin("immediate");
    steps_.push_back([=](Batch& batch) {
        batch.put_u32_be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        batch.nest(NFTA_IMMEDIATE_DATA);
        batch.nest(NFTA_DATA_VERDICT);
        batch.put_u32_be(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
        if (!chain.empty()) batch.put_text(NFTA_VERDICT_CHAIN, chain);
        batch.nest_end();
        batch.nest_end();
    });
    end();
    return *this;
}

// --- transactions ------------------------------------------------------------------------------------------------------

Transaction::Transaction(std::string_view table, std::uint8_t family) : table_(table), family_(family) {
    batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, head_of(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void Transaction::begin(std::uint16_t message, unsigned flags, std::string purpose) {
    batch_.begin(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message), flags | NLM_F_ACK, head_of(family_, 0),
                 std::move(purpose));
}

void Transaction::add_table() {
    begin(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, cat("nftables: create table inet ", table_));
    batch_.put_text(NFTA_TABLE_NAME, table_);
}

void Transaction::remove_table() {
    begin(NFT_MSG_DELTABLE, 0, cat("nftables: remove table inet ", table_));
    batch_.put_text(NFTA_TABLE_NAME, table_);
}

void Transaction::add_set(const Set& set) {
    std::uint32_t flags = 0;
    if (set.data_type != 0) flags |= NFT_SET_MAP;
    if (set.interval) flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
    std::uint32_t key_length = 0;
    for (const std::uint32_t field : set.fields) key_length += (field + 3) & ~3u;

    begin(NFT_MSG_NEWSET, NLM_F_CREATE, cat("nftables: create set ", set.name));
    batch_.put_text(NFTA_SET_TABLE, table_);
    batch_.put_text(NFTA_SET_NAME, set.name);
    batch_.put_u32_be(NFTA_SET_FLAGS, flags);
    batch_.put_u32_be(NFTA_SET_KEY_TYPE, set.key_type);
    batch_.put_u32_be(NFTA_SET_KEY_LEN, key_length);
    if (set.data_type != 0) {
        batch_.put_u32_be(NFTA_SET_DATA_TYPE, set.data_type);
        batch_.put_u32_be(NFTA_SET_DATA_LEN, set.data_length);
    }
    batch_.put_u32_be(NFTA_SET_ID, next_set_++);
    // Read by nft alone: attribute 0 (key byte order), length 4, value 1 (host endian).
    constexpr std::uint8_t host_order[] = {0, 4, 1, 0, 0, 0};
    if (set.host_order) batch_.put(NFTA_SET_USERDATA, std::span(host_order));
    if (!set.interval) return;
    // The lengths of the fields make it a pipapo set (kernel: nft_set_pipapo.c), which takes intervals in any field.
    batch_.nest(NFTA_SET_DESC);
    batch_.nest(NFTA_SET_DESC_CONCAT);
    for (const std::uint32_t field : set.fields) {
        batch_.nest(NFTA_LIST_ELEM);
        batch_.put_u32_be(NFTA_SET_FIELD_LEN, field);
        batch_.nest_end();
    }
    batch_.nest_end();
    batch_.nest_end();
}

void Transaction::add_chain(std::string_view name, const std::optional<Hook>& hook) {
    begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, cat("nftables: create chain ", name));
    batch_.put_text(NFTA_CHAIN_TABLE, table_);
    batch_.put_text(NFTA_CHAIN_NAME, name);
    if (!hook) return;
    batch_.put_text(NFTA_CHAIN_TYPE, hook->type);
    batch_.put_u32_be(NFTA_CHAIN_POLICY, NF_ACCEPT);
    batch_.nest(NFTA_CHAIN_HOOK);
    batch_.put_u32_be(NFTA_HOOK_HOOKNUM, hook->number);
    batch_.put_u32_be(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(hook->priority));
    batch_.nest_end();
}

void Transaction::add_rule(std::string_view chain, const Rule& rule) {
    begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, cat("nftables: add rule to chain ", chain));
    batch_.put_text(NFTA_RULE_TABLE, table_);
    batch_.put_text(NFTA_RULE_CHAIN, chain);
    batch_.nest(NFTA_RULE_EXPRESSIONS);
    for (const auto& step : rule.steps_) step(batch_);
    batch_.nest_end();
}

void Transaction::put_elements(std::uint16_t message, unsigned flags, std::span<const Element> elements,
                               std::string_view purpose) {
    const auto put_key = [&](std::uint16_t attribute, const Bytes& key) {
        batch_.nest(attribute);
        batch_.put(NFTA_DATA_VALUE, key);
        batch_.nest_end();
    };
    for (std::size_t i = 0; i < elements.size();) {
        const std::string_view set = elements[i].set;
        begin(message, flags, cat("nftables: ", purpose, ' ', set));
        batch_.put_text(NFTA_SET_ELEM_LIST_TABLE, table_);
        batch_.put_text(NFTA_SET_ELEM_LIST_SET, set);
        batch_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
        for (; i < elements.size() && elements[i].set == set && batch_.nested_size() < list_limit; ++i) {
            batch_.nest(NFTA_LIST_ELEM);
            put_key(NFTA_SET_ELEM_KEY, elements[i].key);
            if (!elements[i].key_end.empty()) put_key(NFTA_SET_ELEM_KEY_END, elements[i].key_end);
            if (!elements[i].data.empty()) put_key(NFTA_SET_ELEM_DATA, elements[i].data);
            batch_.nest_end();
        }
        batch_.nest_end();
    }
}

void Transaction::add_elements(std::span<const Element> elements, Existing existing) {
    const unsigned exclusive = existing == Existing::refused ? NLM_F_EXCL : 0u;
    put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | exclusive, elements, "add to");
}

void Transaction::remove_elements(std::span<const Element> elements) {
    put_elements(NFT_MSG_DELSETELEM, 0, elements, "remove from");
}

Result<void> Transaction::commit(Netlink& netlink) && {
    batch_.begin(NFNL_MSG_BATCH_END, 0, head_of(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return netlink.send(std::move(batch_));
}

}  // namespace berth::network::nft
