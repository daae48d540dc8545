#pragma once
// Netlink sockets: libnl's only door, and small builders for messages. A Batch is several messages that go to the kernel
// in one sendmsg(2); each asks for an acknowledgement, and the first refusal is the error. rtnetlink carries out messages
// one by one; nf_tables takes a batch as one transaction (network/nft.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

struct sock_filter;

namespace berth::network {

/// Messages, one behind the other, in host byte order where netlink wants that.
class Batch {
public:
    /// Starts a message: type, flags (NLM_F_REQUEST is added), and its fixed head. `purpose` opens the error text.
    template <class Head>
    void begin(std::uint16_t type, unsigned flags, const Head& head, std::string purpose = {}) {
        begin_message(type, flags, std::span(reinterpret_cast<const char*>(&head), sizeof head), std::move(purpose));
    }
    void put(std::uint16_t attribute, std::span<const std::uint8_t> bytes);
    void put(std::uint16_t attribute, std::string_view bytes);  ///< no ending zero
    void put_text(std::uint16_t attribute, std::string_view text);  ///< with ending zero
    void put_flag(std::uint16_t attribute);
    void put_u8(std::uint16_t attribute, std::uint8_t value);
    void put_u16(std::uint16_t attribute, std::uint16_t value);
    void put_u32(std::uint16_t attribute, std::uint32_t value);
    void put_u16_be(std::uint16_t attribute, std::uint16_t value);
    void put_u32_be(std::uint16_t attribute, std::uint32_t value);
    void put_u64_be(std::uint16_t attribute, std::uint64_t value);
    /// Opens a nested attribute; nest_end closes the innermost.
    void nest(std::uint16_t attribute);
    void nest_end();
    /// A fixed structure inside an attribute (the ifinfomsg of VETH_INFO_PEER).
    template <class T>
    void append(const T& value) {
        append_bytes(std::span(reinterpret_cast<const char*>(&value), sizeof value));
    }
    /// Bytes in the nested attribute that is open.
    std::size_t nested_size() const;
    bool empty() const { return messages_.empty(); }
    std::size_t size() const { return buffer_.size(); }

private:
    friend class Netlink;
    struct Message {
        std::size_t at;
        std::string purpose;
        bool acknowledged;
    };
    void begin_message(std::uint16_t type, unsigned flags, std::span<const char> head, std::string purpose);
    void append_bytes(std::span<const char> bytes);
    void close_message();

    std::vector<char> buffer_;
    std::vector<Message> messages_;
    std::vector<std::size_t> open_;  // where nested attributes begin
};

/// One attribute of a received message; `find` looks into nested ones.
class Attributes {
public:
    explicit Attributes(std::span<const char> bytes) : bytes_(bytes) {}
    std::optional<std::span<const char>> find(std::uint16_t type) const;
    std::optional<std::uint32_t> u32(std::uint16_t type) const;
    std::optional<std::uint16_t> u16(std::uint16_t type) const;
    std::optional<std::uint8_t> u8(std::uint16_t type) const;
    std::string text(std::uint16_t type) const;
    Attributes nested(std::uint16_t type) const;

private:
    std::span<const char> bytes_;
};

/// One received message.
struct Reply {
    std::uint16_t type;
    std::span<const char> payload;  ///< behind the netlink head
    template <class Head>
    const Head* head() const {
        return payload.size() < sizeof(Head) ? nullptr : reinterpret_cast<const Head*>(payload.data());
    }
    Attributes attributes(std::size_t head_size) const;
};

class Netlink {
public:
    enum class Protocol { route, netfilter, sock_diag };
    /// In the namespace that the process is in now; the socket stays there whatever setns does later.
    static Result<Netlink> open(Protocol protocol);
    /// The same in another namespace; the process comes back at once.
    static Result<Netlink> open_inside(const Fd& netns, Protocol protocol);
    Netlink(Netlink&&) noexcept;
    Netlink& operator=(Netlink&&) noexcept;
    ~Netlink();

    /// Sends all and waits for every acknowledgement; the error of the first refused message, with its purpose in front.
    Result<void> send(Batch&& batch);
    /// A request that the kernel answers with messages (a dump, or one object); `each` sees them in turn.
    Result<void> ask(Batch&& request, const std::function<void(const Reply&)>& each);

    /// For notices: a multicast group, a classic BPF program that sifts them in the kernel, and the descriptor to watch.
    Result<void> join(unsigned group);
    Result<void> set_filter(std::span<const sock_filter> program);
    int raw() const;
    void drop_received();

private:
    struct Socket;
    explicit Netlink(std::unique_ptr<Socket> socket);
    Result<void> send_bytes(Batch& batch);
    std::unique_ptr<Socket> socket_;
};

/// Runs `work` in the namespace and comes back; failing to come back ends the process, since it would go on in the
/// wrong place. One thread only.
Result<void> inside_netns(const Fd& netns, const std::function<Result<void>()>& work);

}  // namespace berth::network
