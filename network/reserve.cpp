#include "network/reserve.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "base/file.h"
#include "network/netlink.h"
#include "network/socket_address.h"

namespace berth::network {

namespace {

int kernel_number(Protocol protocol) {
    if (protocol == Protocol::udp) return IPPROTO_UDP;
    return protocol == Protocol::sctp ? IPPROTO_SCTP : IPPROTO_TCP;
}

struct OpenPort {
    IpAddress address;
    std::uint16_t port;
    std::uint32_t inode;
};

/// Listening (tcp) or bound (udp) sockets of one family.
Result<std::vector<OpenPort>> list_open(Protocol protocol, Family family) {
    std::vector<OpenPort> found;
    Netlink diag = TRY(Netlink::open(Netlink::Protocol::sock_diag));
    inet_diag_req_v2 head{};
    head.sdiag_family = family == Family::v6 ? AF_INET6 : AF_INET;
    head.sdiag_protocol = static_cast<std::uint8_t>(kernel_number(protocol));
    head.idiag_states = protocol == Protocol::udp ? ~0u : 1u << TCP_LISTEN;
    Batch request;
    request.begin(SOCK_DIAG_BY_FAMILY, 0x300 /* NLM_F_DUMP */, head, "list sockets");
    TRY(diag.ask(std::move(request), [&](const Reply& reply) {
        const auto* message = reply.head<inet_diag_msg>();
        if (message == nullptr) return;
        const auto* source = reinterpret_cast<const std::uint8_t*>(message->id.idiag_src);
        const IpAddress address = IpAddress::of_bytes({source, family == Family::v6 ? 16u : 4u});
        found.push_back({address, ntohs(message->id.idiag_sport), message->idiag_inode});
    }));
    return found;
}

bool clashes(const OpenPort& open, const IpAddress& address) {
    const bool open_any = open.address.is_any(), wanted_any = address.is_any();
    if (open.address.family() == address.family()) return open_any || wanted_any || open.address == address;
    // A wildcard IPv6 socket takes IPv4 too, unless it is v6-only, which is not told here: binding decides.
    return false;
}

bool holds_inode(const Fd& process, std::uint32_t inode) {
    const auto folder = sys::openat(process, "fd", O_RDONLY | O_DIRECTORY);
    if (!folder.ok()) return false;
    const std::string wanted = cat("socket:[", inode, ']');
    const std::vector<std::string> names = list_folder(folder.value()).value_or({});
    for (const std::string& name : names)
        if (sys::readlinkat(folder.value(), name).value_or("") == wanted) return true;
    return false;
}

std::optional<std::string> process_with(std::uint32_t inode) {
    const auto proc = sys::open("/proc", O_RDONLY | O_DIRECTORY);
    if (!proc.ok()) return std::nullopt;
    const std::vector<std::string> names = list_folder(proc.value()).value_or({});
    for (const std::string& pid : names) {
        if (pid[0] < '0' || pid[0] > '9') continue;
        const auto process = sys::openat(proc.value(), pid, O_RDONLY | O_DIRECTORY);
        if (!process.ok() || !holds_inode(process.value(), inode)) continue;
        std::string name = read_file(process.value(), "comm", 64).value_or("?\n");
        name.pop_back();
        return cat(name, " (pid ", pid, ')');
    }
    return std::nullopt;
}

int option_on(const Fd& socket, int level, int option) {
    const int on = 1;
    return ::setsockopt(socket.raw(), level, option, &on, sizeof on);
}

}  // namespace

Result<HeldPort> hold_port(Protocol protocol, const IpAddress& address, std::uint16_t port) {
    const int type = (protocol == Protocol::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    Fd socket(::socket(address.is_v6() ? AF_INET6 : AF_INET, type, kernel_number(protocol)));
    if (!socket.valid()) {
        const bool absent = errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT;
        return Error::of_errno(errno, protocol_text(protocol)).with_kind(absent ? Kind::unsupported : Kind::system);
    }
    // Connections of an earlier container may linger in TIME_WAIT; for udp it would let others bind too.
    if (protocol != Protocol::udp) option_on(socket, SOL_SOCKET, SO_REUSEADDR);
    if (address.is_v6()) option_on(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    SocketAddress name;
    socklen_t length = name.fill(address, port);
    if (::bind(socket.raw(), &name.any, length) != 0) return Error::of_errno(errno, "bind");
    if (protocol != Protocol::udp && ::listen(socket.raw(), SOMAXCONN) != 0) return Error::of_errno(errno, "listen");
    if (::getsockname(socket.raw(), &name.any, &length) != 0) return Error::of_errno(errno, "getsockname");
    return HeldPort{std::move(socket), name.port()};
}

Result<std::optional<std::uint16_t>> find_used_port(Protocol protocol, const IpAddress& address, PortRange range) {
    const std::vector<OpenPort> sockets = TRY(list_open(protocol, address.family()));
    std::optional<std::uint16_t> lowest;
    for (const OpenPort& open : sockets)
        if (range.contains(open.port) && clashes(open, address) && (!lowest || open.port < *lowest)) lowest = open.port;
    return lowest;
}

std::string describe_user(Protocol protocol, const IpAddress& address, std::uint16_t port) {
    // A dual-stack socket is listed as IPv6 and keeps IPv4's port too.
    for (const Family family : {address.family(), Family::v6}) {
        const std::vector<OpenPort> sockets = list_open(protocol, family).value_or({});
        for (const OpenPort& open : sockets) {
            const bool same = open.port == port && (clashes(open, address) || open.address.is_any());
            if (!same) continue;
            if (const auto process = process_with(open.inode)) return *process;
        }
    }
    return "another program";
}

bool host_has_ipv6() {
    // One line for each address; no file when IPv6 is off.
    return !read_file("/proc/net/if_inet6", 1u << 20).value_or("").empty();
}

}  // namespace berth::network
