// The socket is libnl's; messages are built here, because libnl's objects know neither nf_tables nor several messages in
// one sendmsg(2), which is what makes attaching a container cost half a millisecond.
//
// rtnetlink and nfnetlink answer before sendmsg(2) returns, so the socket is non-blocking: an empty queue means that no
// answer will come, and a lost acknowledgement is an error instead of a hang.

#include "network/netlink.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"

namespace berth::network {

namespace {

constexpr std::size_t aligned(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

std::span<const char> as_chars(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
std::optional<T> value_of(std::optional<std::span<const char>> bytes) {
    if (!bytes || bytes->size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
}

int kernel_number(Netlink::Protocol protocol) {
    switch (protocol) {
        case Netlink::Protocol::route: return NETLINK_ROUTE;
        case Netlink::Protocol::netfilter: return NETLINK_NETFILTER;
        case Netlink::Protocol::sock_diag: return NETLINK_SOCK_DIAG;
    }
    bug("a netlink protocol without a number");
}

/// The kernel's own words for a refusal (NETLINK_EXT_ACK), for --debug: they say which attribute it did not like.
void log_extended(const nlmsghdr& head, const nlmsgerr& answer) {
    if (!log::debug_wanted() || (head.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return;
    std::size_t skipped = sizeof(nlmsghdr) + sizeof(nlmsgerr);
    if ((head.nlmsg_flags & NLM_F_CAPPED) == 0) skipped += answer.msg.nlmsg_len - sizeof(nlmsghdr);
    if (skipped >= head.nlmsg_len) return;
    const Attributes attributes(std::span(reinterpret_cast<const char*>(&head) + skipped, head.nlmsg_len - skipped));
    if (const std::string text = attributes.text(NLMSGERR_ATTR_MSG); !text.empty()) log::debug("netlink: ", text);
}

/// Buffers that nl_recv(3) allocated.
struct Received {
    unsigned char* bytes = nullptr;
    int size = 0;
    Received() = default;
    Received(const Received&) = delete;
    Received& operator=(const Received&) = delete;
    ~Received() { std::free(bytes); }
};

}  // namespace

// --- building ----------------------------------------------------------------------------------------------------------

void Batch::begin_message(std::uint16_t type, unsigned flags, std::span<const char> head, std::string purpose) {
    close_message();
    messages_.push_back({buffer_.size(), std::move(purpose), (flags & NLM_F_ACK) != 0});
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    append(header);
    append_bytes(head);
}

void Batch::append_bytes(std::span<const char> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    buffer_.resize(aligned(buffer_.size()));
}

void Batch::close_message() {
    if (!open_.empty()) bug("a nested attribute is still open");
    if (messages_.empty()) return;
    const std::size_t at = messages_.back().at;
    const auto length = static_cast<std::uint32_t>(buffer_.size() - at);
    std::memcpy(buffer_.data() + at + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

void Batch::put(std::uint16_t attribute, std::string_view bytes) {
    nlattr head{};
    head.nla_type = attribute;
    head.nla_len = static_cast<std::uint16_t>(sizeof head + bytes.size());
    append(head);
    append_bytes(bytes);
}

void Batch::put(std::uint16_t attribute, std::span<const std::uint8_t> bytes) {
    const std::span<const char> chars = as_chars(bytes);
    put(attribute, std::string_view(chars.data(), chars.size()));
}

void Batch::put_text(std::uint16_t attribute, std::string_view text) {
    const std::string ended(text);
    put(attribute, std::string_view(ended.c_str(), ended.size() + 1));
}

void Batch::put_flag(std::uint16_t attribute) { put(attribute, std::string_view()); }

void Batch::put_u8(std::uint16_t attribute, std::uint8_t value) { put(attribute, std::span(&value, 1)); }

void Batch::put_u16(std::uint16_t attribute, std::uint16_t value) {
    put(attribute, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
}

void Batch::put_u32(std::uint16_t attribute, std::uint32_t value) {
    put(attribute, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
}

void Batch::put_u16_be(std::uint16_t attribute, std::uint16_t value) { put_u16(attribute, __builtin_bswap16(value)); }

void Batch::put_u32_be(std::uint16_t attribute, std::uint32_t value) { put_u32(attribute, __builtin_bswap32(value)); }

void Batch::put_u64_be(std::uint16_t attribute, std::uint64_t value) {
    const std::uint64_t swapped = __builtin_bswap64(value);
    put(attribute, std::string_view(reinterpret_cast<const char*>(&swapped), sizeof swapped));
}

void Batch::nest(std::uint16_t attribute) {
    open_.push_back(buffer_.size());
    nlattr head{};
    head.nla_type = static_cast<std::uint16_t>(attribute | NLA_F_NESTED);
    append(head);
}

void Batch::nest_end() {
    if (open_.empty()) bug("no nested attribute is open");
    const std::size_t length = buffer_.size() - open_.back();
    if (length > 0xffff) bug("a nested attribute holds at most 64 KiB");
    const auto stored = static_cast<std::uint16_t>(length);
    std::memcpy(buffer_.data() + open_.back() + offsetof(nlattr, nla_len), &stored, sizeof stored);
    open_.pop_back();
}

std::size_t Batch::nested_size() const { return open_.empty() ? 0 : buffer_.size() - open_.back(); }

// --- reading -----------------------------------------------------------------------------------------------------------

std::optional<std::span<const char>> Attributes::find(std::uint16_t type) const {
    for (std::span<const char> rest = bytes_; rest.size() >= sizeof(nlattr);) {
        nlattr head;
        std::memcpy(&head, rest.data(), sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > rest.size()) return std::nullopt;
        if ((head.nla_type & NLA_TYPE_MASK) == type) return rest.subspan(sizeof head, head.nla_len - sizeof head);
        rest = rest.subspan(std::min(aligned(head.nla_len), rest.size()));
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Attributes::u32(std::uint16_t type) const { return value_of<std::uint32_t>(find(type)); }
std::optional<std::uint16_t> Attributes::u16(std::uint16_t type) const { return value_of<std::uint16_t>(find(type)); }
std::optional<std::uint8_t> Attributes::u8(std::uint16_t type) const { return value_of<std::uint8_t>(find(type)); }

std::string Attributes::text(std::uint16_t type) const {
    const auto bytes = find(type);
    if (!bytes) return {};
    return std::string(bytes->data(), ::strnlen(bytes->data(), bytes->size()));
}

Attributes Attributes::nested(std::uint16_t type) const {
    return Attributes(find(type).value_or(std::span<const char>()));
}

Attributes Reply::attributes(std::size_t head_size) const {
    return Attributes(payload.subspan(std::min(aligned(head_size), payload.size())));
}

// --- talking -----------------------------------------------------------------------------------------------------------

struct Netlink::Socket {
    nl_sock* handle;
    std::uint32_t next = 1;
    explicit Socket(nl_sock* allocated) : handle(allocated) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { ::nl_socket_free(handle); }

    void set_option(int level, int option, int value) const {
        // Best effort: without it only a message text or a very large batch is lost, and that is reported where it happens.
        ::setsockopt(::nl_socket_get_fd(handle), level, option, &value, sizeof value);
    }
    /// False when the queue is empty.
    Result<bool> receive(Received& into) const {
        sockaddr_nl from{};
        into.size = ::nl_recv(handle, &from, &into.bytes, nullptr);
        if (into.size == -NLE_AGAIN || into.size == 0) return false;
        if (into.size < 0) return Error::of_errno(errno, "receive from netlink");
        return true;
    }
};

Netlink::Netlink(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open(Protocol protocol) {
    nl_sock* handle = ::nl_socket_alloc();
    if (handle == nullptr) return Error::of_errno(ENOMEM, "netlink socket");
    auto socket = std::make_unique<Socket>(handle);
    if (::nl_connect(handle, kernel_number(protocol)) < 0) return Error::of_errno(errno, "netlink socket");
    ::nl_socket_set_nonblocking(handle);
    socket->set_option(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    socket->set_option(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    return Netlink(std::move(socket));
}

Result<Netlink> Netlink::open_inside(const Fd& netns, Protocol protocol) {
    std::optional<Result<Netlink>> opened;
    TRY(inside_netns(netns, [&] { return opened = open(protocol), Result<void>(); }));
    return std::move(*opened);
}

Result<void> Netlink::send_bytes(Batch& batch) {
    batch.close_message();
    for (const Batch::Message& message : batch.messages_) {
        const std::uint32_t sequence = socket_->next++;
        std::memcpy(batch.buffer_.data() + message.at + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
    }
    if (batch.buffer_.size() > 64u << 10)
        socket_->set_option(SOL_SOCKET, SO_SNDBUFFORCE, static_cast<int>(batch.buffer_.size() + (16u << 10)));
    if (::nl_sendto(socket_->handle, batch.buffer_.data(), batch.buffer_.size()) < 0)
        return Error::of_errno(errno, "send to netlink");
    return {};
}

Result<void> Netlink::send(Batch&& batch) {
    if (batch.messages_.empty()) return {};
    const std::uint32_t first = socket_->next;
    TRY(send_bytes(batch));
    std::size_t expected = 0;
    for (const Batch::Message& message : batch.messages_) expected += message.acknowledged ? 1 : 0;

    std::optional<Error> failure;
    while (expected > 0) {
        Received received;
        if (!TRY(socket_->receive(received))) break;
        int left = received.size;
        for (auto* head = reinterpret_cast<nlmsghdr*>(received.bytes); ::nlmsg_ok(head, left); head = ::nlmsg_next(head, &left)) {
            // A lower number answers an earlier batch, of which only the first refusal was of interest.
            if (head->nlmsg_type != NLMSG_ERROR || head->nlmsg_seq < first) continue;
            const auto* answer = static_cast<const nlmsgerr*>(::nlmsg_data(head));
            const std::size_t index = head->nlmsg_seq - first;
            if (index < batch.messages_.size() && batch.messages_[index].acknowledged) --expected;
            if (answer->error == 0 || failure) continue;
            log_extended(*head, *answer);
            const std::string& purpose = index < batch.messages_.size() ? batch.messages_[index].purpose : std::string();
            failure = Error::of_errno(-answer->error, purpose.empty() ? "netlink" : purpose);
        }
    }
    if (failure) return std::move(*failure);
    if (expected > 0) return Error(Kind::internal, "netlink: an acknowledgement is missing");
    return {};
}

Result<void> Netlink::ask(Batch&& request, const std::function<void(const Reply&)>& each) {
    const std::uint32_t first = socket_->next;
    TRY(send_bytes(request));
    for (;;) {
        Received received;
        if (!TRY(socket_->receive(received))) return {};
        int left = received.size;
        for (auto* head = reinterpret_cast<nlmsghdr*>(received.bytes); ::nlmsg_ok(head, left); head = ::nlmsg_next(head, &left)) {
            if (head->nlmsg_seq < first) continue;
            if (head->nlmsg_type == NLMSG_DONE) return {};
            if (head->nlmsg_type == NLMSG_ERROR) {
                const auto* answer = static_cast<const nlmsgerr*>(::nlmsg_data(head));
                if (answer->error == 0) return {};
                log_extended(*head, *answer);
                return Error::of_errno(-answer->error, request.messages_.front().purpose);
            }
            each({head->nlmsg_type, {static_cast<const char*>(::nlmsg_data(head)), static_cast<std::size_t>(::nlmsg_datalen(head))}});
            // A single object comes without NLMSG_DONE.
            if ((head->nlmsg_flags & NLM_F_MULTI) == 0) return {};
        }
    }
}

Result<void> Netlink::join(unsigned group) {
    const int number = static_cast<int>(group);
    if (::setsockopt(raw(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &number, sizeof number) != 0) return Error::of_errno(errno, "join group");
    return {};
}

Result<void> Netlink::set_filter(std::span<const sock_filter> program) {
    const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    if (::setsockopt(raw(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) return Error::of_errno(errno, "set filter");
    return {};
}

int Netlink::raw() const { return ::nl_socket_get_fd(socket_->handle); }

void Netlink::drop_received() {
    // Notices that did not fit (ENOBUFS) are as good as one that did: both mean "look".
    char buffer[8192];
    while (::recv(raw(), buffer, sizeof buffer, MSG_DONTWAIT) > 0 || errno == ENOBUFS || errno == EINTR) errno = 0;
}

Result<void> inside_netns(const Fd& netns, const std::function<Result<void>()>& work) {
    const Fd home = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    if (::setns(netns.raw(), CLONE_NEWNET) != 0) return Error::of_errno(errno, "enter network namespace");
    auto done = work();
    if (::setns(home.raw(), CLONE_NEWNET) != 0) bug("cannot come back from a container's network namespace");
    return done;
}

}  // namespace berth::network
