#include "network/publish.h"

#include <cerrno>

namespace berth::network {

namespace {

/// The container's address for traffic that arrives on `host`: the same family, else the other one by relay.
const IpAddress* destination(const PublishTarget& target, Family host) {
    const auto& same = host == Family::v6 ? target.v6 : target.v4;
    const auto& other = host == Family::v6 ? target.v4 : target.v6;
    if (same) return &*same;
    return other ? &*other : nullptr;
}

bool is_direct(const PublishTarget& target, Family host) {
    return host == Family::v6 ? target.v6.has_value() : target.v4.has_value();
}

Error in_use(const PublishedPort& port, std::uint16_t number, std::string_view by) {
    return Error(Kind::exists, cat("port ", number, '/', protocol_text(port.protocol), " on ", port.host_ip, " is in use by ", by))
        .with_hint("choose another host port, or stop what uses it");
}

class Planner {
public:
    Planner(const PublishRequest& request, std::string table) : request_(request), used_holds_(request.held) {
        out_.table = std::move(table);
    }

    Result<void> add(const PortMapping& mapping) {
        const std::vector<IpAddress> hosts = TRY(hosts_of(mapping));
        if (hosts.empty()) return Error(Kind::unsupported, "the container and this host have no address family in common");
        if (mapping.host.first == 0) return add_random(mapping, hosts);
        if (mapping.host.size() != mapping.container.size()) return add_one_of(mapping, hosts);
        return add_fixed(mapping, hosts);
    }
    Published take() && { return std::move(out_); }

private:
    bool fits_holds(const PortMapping& mapping) const { return used_holds_ + mapping.container.size() <= most_holds; }

    Result<std::vector<IpAddress>> hosts_of(const PortMapping& mapping) const {
        const std::string& wanted = mapping.host_ip.empty() ? request_.default_address : mapping.host_ip;
        if (wanted.empty()) return default_hosts(mapping);
        const IpAddress address = TRY(IpAddress::parse(wanted));
        const bool relayed = !is_direct(request_.target, address.family());
        if (relayed && (!fits_holds(mapping) || mapping.protocol == Protocol::sctp))
            return Error(Kind::unsupported, cat("the container has no ", address.is_v6() ? "IPv6" : "IPv4", " address, and only ",
                                                most_holds, " tcp and udp ports are relayed to its other one"));
        return std::vector<IpAddress>{address};
    }

    std::vector<IpAddress> default_hosts(const PortMapping& mapping) const {
        std::vector<IpAddress> hosts;
        const bool relay = fits_holds(mapping) && mapping.protocol != Protocol::sctp;
        if (request_.target.v4 || relay) hosts.push_back(IpAddress::any(Family::v4));
        if ((request_.target.v6 || relay) && host_has_ipv6()) hosts.push_back(IpAddress::any(Family::v6));
        return hosts;
    }

    /// The lease that stands in the way, as an error.
    Result<void> check_table(const PublishedPort& port) const {
        const auto conflict = find_conflict(out_.table, port);
        if (!conflict) return {};
        const std::uint16_t number = std::max(port.host.first, conflict->port.host.first);
        return in_use(port, number, cat("container ", conflict->name));
    }

    Result<Hold> hold(const PublishedPort& port, const IpAddress& host, std::uint16_t number, std::uint16_t inside) const {
        auto held = hold_port(port.protocol, host, number);
        if (!held.ok()) {
            const int code = held.error().code();
            if (code == EADDRINUSE) return in_use(port, number, describe_user(port.protocol, host, number)).with_kind(Kind::exists);
            Error error = std::move(held).error().context("port ", number, '/', protocol_text(port.protocol), " on ", port.host_ip);
            if (code == EADDRNOTAVAIL) return std::move(error).with_hint("the host has no such address: see 'ip address'");
            return error;
        }
        return Hold{std::move(held).value(), port.protocol, host, *destination(request_.target, host.family()), inside};
    }

    void lease(const PublishedPort& port) {
        out_.table += port_line({request_.container, request_.name, port});
        out_.ports.push_back(port);
    }

    /// One host port on all its addresses, or none of them.
    Result<void> add_single(const std::vector<IpAddress>& hosts, Protocol protocol, std::uint16_t number, std::uint16_t inside) {
        std::vector<Hold> holds;
        std::vector<PublishedPort> ports;
        for (const IpAddress& host : hosts) {
            const PublishedPort port{host.str(), {number, number}, {inside, inside}, protocol};
            TRY(check_table(port));
            auto held = hold(port, host, number, inside);
            // No SCTP in this kernel's sockets: the firewall passes it all the same, and the table keeps it ours.
            if (!held.ok() && held.error().kind() != Kind::unsupported) return std::move(held).error();
            if (held.ok()) holds.push_back(std::move(held).value());
            ports.push_back(port);
        }
        for (const PublishedPort& port : ports) lease(port);
        for (Hold& held : holds) out_.holds.push_back(std::move(held));
        ++used_holds_;
        return {};
    }

    Result<void> add_random(const PortMapping& mapping, const std::vector<IpAddress>& hosts) {
        for (unsigned i = 0; i < mapping.container.size(); ++i) {
            const auto inside = static_cast<std::uint16_t>(mapping.container.first + i);
            Result<void> added = Error(Kind::busy, "no address to publish on");
            // The kernel names a port that is free on the first address; another address or the table may say no.
            for (int attempt = 0; attempt < 32 && !added.ok(); ++attempt) {
                const Protocol asked = mapping.protocol == Protocol::sctp ? Protocol::tcp : mapping.protocol;
                HeldPort free = TRY(hold_port(asked, hosts.front(), 0), "choose a port");
                const std::uint16_t number = free.port;
                free.socket.reset();
                added = add_single(hosts, mapping.protocol, number, inside);
                if (!added.ok() && added.error().kind() != Kind::exists) return added;
            }
            TRY(std::move(added));
        }
        return {};
    }

    Result<void> add_one_of(const PortMapping& mapping, const std::vector<IpAddress>& hosts) {
        for (unsigned number = mapping.host.first; number <= mapping.host.last; ++number) {
            auto added = add_single(hosts, mapping.protocol, static_cast<std::uint16_t>(number), mapping.container.first);
            if (added.ok() || added.error().kind() != Kind::exists) return added;
        }
        return Error(Kind::exists, cat("all host ports of ", mapping.host.str(), '/', protocol_text(mapping.protocol), " are in use"));
    }

    Result<void> add_fixed(const PortMapping& mapping, const std::vector<IpAddress>& hosts) {
        const bool held = fits_holds(mapping);
        for (const IpAddress& host : hosts) {
            const PublishedPort port{host.str(), mapping.host, mapping.container, mapping.protocol};
            TRY(check_table(port));
            if (held) TRY(hold_range(port, host));
            else TRY(check_programs(port, host));
            lease(port);
        }
        if (held) used_holds_ += mapping.container.size();
        return {};
    }

    Result<void> hold_range(const PublishedPort& port, const IpAddress& host) {
        for (unsigned i = 0; i < port.host.size(); ++i) {
            auto held = hold(port, host, static_cast<std::uint16_t>(port.host.first + i), static_cast<std::uint16_t>(port.container.first + i));
            if (held.ok()) out_.holds.push_back(std::move(held).value());
            else if (held.error().kind() != Kind::unsupported) return std::move(held).error();
        }
        return {};
    }

    static Result<void> check_programs(const PublishedPort& port, const IpAddress& host) {
        if (port.protocol == Protocol::sctp) return {};
        auto used = find_used_port(port.protocol, host, port.host);
        // Kernels without sock_diag: nobody can be asked.
        if (!used.ok() || !used.value()) return {};
        return in_use(port, *used.value(), describe_user(port.protocol, host, *used.value()));
    }

    const PublishRequest& request_;
    Published out_;
    std::size_t used_holds_;
};

}  // namespace

Result<Published> plan_publish(const PublishRequest& request, std::string table) {
    Planner planner(request, std::move(table));
    if (!request.mappings.empty() && !request.target.v4 && !request.target.v6)
        return Error(Kind::invalid, "ports can be published on bridge networks only");
    for (const PortMapping& mapping : request.mappings) TRY(planner.add(mapping), "publish ", mapping.str());
    return std::move(planner).take();
}

std::vector<Hold> hold_published(const std::vector<PublishedPort>& ports, const PublishTarget& target) {
    std::vector<Hold> holds;
    for (const PublishedPort& port : ports) {
        const auto host = IpAddress::parse(port.host_ip);
        const IpAddress* inside = host.ok() ? destination(target, host.value().family()) : nullptr;
        if (inside == nullptr || port.host.size() > most_holds) continue;
        for (unsigned i = 0; i < port.host.size() && holds.size() < 2 * most_holds; ++i) {
            auto held = hold_port(port.protocol, host.value(), static_cast<std::uint16_t>(port.host.first + i));
            if (!held.ok()) continue;
            holds.push_back({std::move(held).value(), port.protocol, host.value(), *inside, static_cast<std::uint16_t>(port.container.first + i)});
        }
    }
    return holds;
}

std::vector<nft::Element> elements_of(const std::vector<PublishedPort>& ports, const PublishTarget& target) {
    std::vector<nft::Element> elements;
    for (const PublishedPort& port : ports) {
        const bool v6 = port.host_ip.find(':') != std::string::npos;
        const auto& address = v6 ? target.v6 : target.v4;
        if (!address) continue;
        for (nft::Element& element : port_elements(port, *address)) elements.push_back(std::move(element));
    }
    return elements;
}

}  // namespace berth::network
