#include "network/dns.h"

#include <cerrno>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file.h"
#include "network/dns_redirect.h"
#include "network/dns_tcp.h"
#include "network/dns_udp.h"
#include "network/files.h"
#include "network/socket_address.h"

namespace berth::network {

namespace {

constexpr std::uint32_t resolver_address = 0x7f00000b;  // 127.0.0.11, docker's
constexpr std::uint16_t dns_port = 53;
// Above the range that the kernel gives to outgoing sockets, and no known service's.
constexpr std::uint16_t usual_port = 61053;

Result<Fd> bind_inside(int type, std::uint16_t port) {
    Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    const int on = 1;
    if (type == SOCK_STREAM) ::setsockopt(socket.raw(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SocketAddress address;
    const socklen_t length = address.fill(IpAddress::of_v4(resolver_address), port);
    if (::bind(socket.raw(), &address.any, length) != 0)
        return Error::of_errno(errno, cat("bind 127.0.0.11:", port));
    if (type == SOCK_STREAM && ::listen(socket.raw(), 16) != 0) return Error::of_errno(errno, "listen");
    return socket;
}

struct Fronts {
    Fd udp;
    Fd tcp;
};

Result<Fronts> bind_both(std::uint16_t port) {
    Fd udp = TRY(bind_inside(SOCK_DGRAM, port));
    Fd tcp = TRY(bind_inside(SOCK_STREAM, port));
    return Fronts{std::move(udp), std::move(tcp)};
}

/// On a port of our own with a redirection; on 53 itself where the kernel has no nf_tables.
Result<Fronts> open_fronts(const Fd& netns) {
    std::optional<Result<Fronts>> fronts;
    std::uint16_t port = usual_port;
    const auto open = [&] { return fronts = bind_both(port), Result<void>(); };
    for (unsigned attempt = 0; attempt < 16; ++attempt, ++port) {
        TRY(inside_netns(netns, open));
        if (fronts->ok() || fronts->error().code() != EADDRINUSE) break;
    }
    if (!fronts->ok()) return std::move(*fronts).error();
    Netlink inside = TRY(Netlink::open_inside(netns, Netlink::Protocol::netfilter));
    const auto redirected = redirect_dns(inside, port);
    // A new monitor of a container that runs finds the table of the one before, with the same port unless that was taken.
    if (redirected.ok() || redirected.error().code() == EEXIST) return std::move(*fronts);
    port = dns_port;
    TRY(inside_netns(netns, open));
    return std::move(*fronts);
}

}  // namespace

std::vector<IpAddress> DnsCore::upstream() const {
    if (!servers.empty()) return servers;
    std::vector<IpAddress> found;
    // A server on the host's loopback will do: it is asked from the host.
    for (const std::string& text : parse_resolv_conf(read_file("/etc/resolv.conf", 1u << 20).value_or("")).servers)
        if (const auto address = IpAddress::parse(text); address.ok()) found.push_back(address.value());
    if (found.empty()) found = {IpAddress::of_v4(0x08080808), IpAddress::of_v4(0x08080404)};
    return found;
}

Result<Fd> DnsCore::connect(const IpAddress& server, int type) const {
    Fd socket;
    const auto open = [&] {
        socket = Fd(::socket(server.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        return Result<void>();
    };
    if (servers.empty()) TRY(open());
    else TRY(inside_netns(netns, open));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    SocketAddress name;
    const socklen_t length = name.fill(server, dns_port);
    const int done = ::connect(socket.raw(), &name.any, length);
    if (done != 0 && errno != EINPROGRESS) return Error::of_errno(errno, cat("name server ", server.str()));
    return socket;
}

std::optional<dns::Message> DnsCore::answer(dns::Bytes question, const dns::Query& query, dns::Transport transport) {
    return answer_locally(load_scope(scope), question, query, transport, turn++);
}

DnsServer::DnsServer() = default;
DnsServer::~DnsServer() = default;

Result<std::unique_ptr<DnsServer>> DnsServer::create(const Poller& poller, const Fd& netns, Settings settings) {
    std::unique_ptr<DnsServer> server(new DnsServer);
    server->core_.scope = std::move(settings.scope);
    server->core_.servers = std::move(settings.servers);
    server->core_.netns = TRY(netns.duplicate());
    Fronts fronts = TRY(open_fronts(netns), "name service");
    server->udp_ = TRY(Udp::create(poller, server->core_, std::move(fronts.udp)), "name service");
    server->tcp_ = TRY(Tcp::create(poller, server->core_, std::move(fronts.tcp)), "name service");
    return server;
}

void DnsServer::set_scope(NameScope scope) { core_.scope = std::move(scope); }

}  // namespace berth::network
