#include "network/endpoint.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

namespace berth::network {

namespace {

Result<bool> parse_flag(const Network& network, std::string_view name, bool otherwise) {
    const std::string_view value = network.option(name);
    if (value.empty()) return otherwise;
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return Error(Kind::invalid, cat("--opt ", name, ": '", value, "' is not true or false"));
}

Result<unsigned> parse_mtu(const Network& network) {
    const std::string_view name = network.option("mtu").empty() ? "com.docker.network.driver.mtu" : "mtu";
    const std::string_view value = network.option(name);
    if (value.empty()) return 0u;
    unsigned mtu = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), mtu);
    // 68 is IPv4's least (RFC 791), 1280 IPv6's (RFC 8200).
    const unsigned least = network.ipv6 ? 1280 : 68;
    if (code != std::errc() || end != value.data() + value.size() || mtu < least || mtu > 65535)
        return Error(Kind::invalid, cat("--opt ", name, ": '", value, "' is not between ", least, " and 65535"));
    return mtu;
}

Result<std::string> parse_mode(const Network& network) {
    if (network.driver == "bridge") return std::string();
    const bool macvlan = network.driver == "macvlan";
    const std::string_view name = macvlan ? "macvlan_mode" : "ipvlan_mode";
    std::string_view mode = network.option(name);
    if (mode.empty()) mode = macvlan ? "bridge" : "l2";
    const bool known = macvlan ? (mode == "bridge" || mode == "private" || mode == "vepa" || mode == "passthru")
                               : (mode == "l2" || mode == "l3" || mode == "l3s");
    if (!known) return Error(Kind::invalid, cat("--opt ", name, ": '", mode, "' is no mode of ", network.driver));
    return std::string(mode);
}

/// ipvlan l3 routes in the parent: there is no gateway to ask for.
bool routes_by_link(std::string_view mode) { return mode == "l3" || mode == "l3s"; }

const AddressPool* pool_of(const Network& network, Family family) {
    for (const AddressPool& pool : network.pools)
        if (pool.subnet.family() == family) return &pool;
    return nullptr;
}

Result<IpAddress> check_wanted(const AddressPool& pool, std::string_view text, std::string_view table) {
    const IpAddress address = TRY(IpAddress::parse(text));
    if (!pool.subnet.contains(address)) return Error(Kind::invalid, cat(text, " does not lie in ", pool.subnet.str()));
    const bool reserved = address == pool.gateway || address == pool.subnet.base() || address == pool.subnet.broadcast();
    if (reserved) return Error(Kind::invalid, cat(text, " is reserved in ", pool.subnet.str()));
    if (const auto holder = find_holder(table, address))
        return Error(Kind::exists, cat(text, " is in use by container ", holder->substr(0, 12)));
    return address;
}

Result<IpAddress> choose_address(const Network& network, const AddressPool& pool, std::string_view wanted, std::string_view table) {
    if (!wanted.empty()) return check_wanted(pool, wanted, table);
    AddressSearch search{pool.subnet, pool.range.value_or(pool.subnet), {}};
    if (pool.gateway) search.reserved.push_back(*pool.gateway);
    for (const auto& [name, address] : pool.reserved) search.reserved.push_back(address);
    const std::optional<IpAddress> found = find_free_address(search, table);
    if (!found) return Error(Kind::busy, cat("no free address in ", search.range.str())).with_hint(
        cat("containers that have stopped give theirs back; or create a network with a larger --subnet than that of ", network.name));
    return *found;
}

/// From the address, as docker did for ten years: when an address passes to another container, its neighbours' ARP
/// entries stay right. Locally administered, unicast.
MacAddress mac_of(const IpAddress& address) {
    const auto ip = address.bytes();
    const std::uint8_t bytes[6] = {0x02, 0x42, ip[0], ip[1], ip[2], ip[3]};
    return MacAddress::of_bytes(bytes);
}

void add_unique(std::vector<std::string>& names, std::string name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

std::vector<std::string> names_of(const EndpointRequest& request, const AttachRequest& container) {
    std::vector<std::string> names;
    add_unique(names, container.name);
    for (const std::string& alias : request.aliases) add_unique(names, alias);
    add_unique(names, std::string(container.id.short_id()));
    add_unique(names, container.hostname);
    return names;
}

Result<void> plan_addresses(EndpointPlan& plan, const EndpointRequest& request, std::string_view table) {
    Endpoint& endpoint = plan.endpoint;
    const DriverOptions options = TRY(parse_driver_options(plan.network));
    const bool has_gateway = !plan.network.internal && !routes_by_link(options.mode);
    if (const AddressPool* pool = pool_of(plan.network, Family::v4)) {
        const IpAddress address = TRY(choose_address(plan.network, *pool, request.ip, table));
        endpoint.ip = address.str();
        endpoint.prefix = pool->subnet.prefix();
        if (pool->gateway && has_gateway) endpoint.gateway = pool->gateway->str();
    } else if (!request.ip.empty()) {
        return Error(Kind::invalid, "it has no IPv4 subnet");
    }
    if (const AddressPool* pool = pool_of(plan.network, Family::v6)) {
        const IpAddress address = TRY(choose_address(plan.network, *pool, request.ip6, table));
        endpoint.ip6 = address.str();
        endpoint.prefix6 = pool->subnet.prefix();
        if (pool->gateway && has_gateway) endpoint.gateway6 = pool->gateway->str();
    } else if (!request.ip6.empty()) {
        return Error(Kind::invalid, "it has no IPv6 subnet").with_hint("create it with --ipv6");
    }
    return {};
}

Result<MacAddress> choose_mac(const Endpoint& endpoint, const EndpointRequest& request) {
    if (!request.mac.empty()) return MacAddress::parse(request.mac);
    if (endpoint.ip.empty()) return MacAddress::make_random();
    const IpAddress address = TRY(IpAddress::parse(endpoint.ip));
    return mac_of(address);
}

Result<LinkAddress> parse_link_address(const std::string& text, std::int64_t prefix) {
    const IpAddress address = TRY(IpAddress::parse(text));
    return LinkAddress{address, static_cast<unsigned>(prefix)};
}

/// 169.254.0.0/16 and fe80::/64 beside the network's own.
Result<LinkAddress> parse_link_local(const std::string& text) {
    const IpAddress address = TRY(IpAddress::parse(text), "--link-local-ip");
    return LinkAddress{address, address.is_v6() ? 64u : 16u};
}

Result<InsideLink> plan_inside(const EndpointPlan& plan, bool has_default, const std::string& mode) {
    const Endpoint& endpoint = plan.endpoint;
    InsideLink inside{endpoint.interface, {}, {}, false, !endpoint.ip6.empty()};
    if (!endpoint.ip.empty()) {
        const LinkAddress address = TRY(parse_link_address(endpoint.ip, endpoint.prefix));
        inside.addresses.push_back(address);
    }
    if (!endpoint.ip6.empty()) {
        const LinkAddress address = TRY(parse_link_address(endpoint.ip6, endpoint.prefix6));
        inside.addresses.push_back(address);
    }
    for (const std::string& text : endpoint.link_local_ips) {
        const LinkAddress address = TRY(parse_link_local(text));
        inside.addresses.push_back(address);
    }
    if (!has_default || plan.network.internal) return inside;
    if (routes_by_link(mode)) return inside.default_by_link = true, inside;
    for (const std::string* text : {&endpoint.gateway, &endpoint.gateway6}) {
        if (text->empty()) continue;
        const IpAddress gateway = TRY(IpAddress::parse(*text));
        inside.gateways.push_back(gateway);
    }
    return inside;
}

/// A container's macvlan goes with its namespace, some milliseconds after the container: what is in the way by the kernel's
/// word `busy` may be gone in a moment.
Result<void> once_free(int busy, const std::function<Result<void>()>& make) {
    const Tick began = tick_now();
    for (;;) {
        auto made = make();
        const bool waits = !made.ok() && made.error().code() == busy && tick_now() - began < Duration::of_seconds(1);
        if (!waits) return made;
        sleep_for(Duration::of_milliseconds(5));
    }
}

Result<void> create_veth_of(Netlink& route, const Fd& netns, const EndpointPlan& plan, const DriverOptions& options) {
    const std::optional<LinkInfo> bridge = TRY(find_link(route, plan.network.link));
    if (!bridge) return Error(Kind::not_found, cat("bridge ", plan.network.link, " is gone"));
    const MacAddress mac = TRY(MacAddress::parse(plan.endpoint.mac));
    VethLink link{plan.endpoint.host_link, plan.endpoint.interface, netns.raw(), bridge->index, mac, bridge->mtu, !options.icc, {}};
    for (const std::string* text : {&plan.endpoint.ip, &plan.endpoint.ip6}) {
        if (text->empty()) continue;
        const IpAddress address = TRY(IpAddress::parse(*text));
        link.addresses.push_back(address);
    }
    return create_veth(route, link);
}

Result<void> create_sub_link_of(Netlink& route, const Fd& netns, const EndpointPlan& plan, const DriverOptions& options) {
    const LinkInfo parent = TRY(ensure_parent(route, plan.network));
    SubLink link{plan.network.driver, options.mode, parent.index, plan.endpoint.interface, netns.raw(), std::nullopt, options.mtu};
    if (!plan.endpoint.mac.empty()) link.mac = TRY(MacAddress::parse(plan.endpoint.mac));
    // EINVAL: macvlan_common_newlink() lets nothing stand beside a passthru.
    auto made = once_free(options.mode == "passthru" ? EINVAL : EADDRINUSE, [&] { return create_sub_link(route, link); });
    if (made.ok()) return made;
    if (made.error().code() == EINVAL && options.mode == "passthru")
        return Error(Kind::exists, cat("a link with mode passthru takes one container, and '", parent.name, "' has one"));
    if (made.error().code() == EBUSY)
        return Error(Kind::exists, cat("parent link '", parent.name, "' is in use otherwise"))
            .with_hint("a port of a bridge or bond takes none, and no link takes both macvlans and ipvlans");
    return explain_missing_driver(std::move(made), link.kind);
}

/// On a bridge the only routers are other containers. Before the link is there: later it has listened for a moment.
Result<void> choose_advertisements(const Fd& netns, const EndpointPlan& plan) {
    const bool has_router = plan.network.driver != "bridge" && !plan.endpoint.ip6.empty();
    return inside_netns(netns, [&]() -> Result<void> {
        if (!has_router) return refuse_advertisements("default");
        TRY(write_sysctl("ipv6/conf/default/accept_ra", "1"));
        return {};
    });
}

/// EADDRINUSE: macvlan_open() lets no two links of a parent have one address.
Result<void> configure_sub_link(Netlink& inside, const EndpointPlan& plan, const InsideLink& link) {
    auto configured = once_free(EADDRINUSE, [&] { return configure_inside(inside, link); });
    if (configured.ok() || configured.error().code() != EADDRINUSE) return configured;
    return Error(Kind::exists, cat("the MAC address ", plan.endpoint.mac, " is in use on '", plan.network.link, "'"))
        .with_hint("choose another with --mac-address");
}

Result<void> check_routes(Netlink& route, const Network& network) {
    const std::vector<Subnet> taken = TRY(list_destinations(route));
    for (const AddressPool& pool : network.pools)
        for (const Subnet& other : taken)
            if (other.overlaps(pool.subnet))
                return Error(Kind::exists, cat("its subnet ", pool.subnet.str(), " overlaps the host's route to ", other.str()))
                    .with_hint("remove that route, or remove the network and create it with another --subnet");
    return {};
}

Result<void> make_bridge(Netlink& route, const Network& network) {
    const DriverOptions options = TRY(parse_driver_options(network));
    BridgeLink bridge{network.link, network.id, options.mtu, {}, network.ipv6};
    if (bridge.mtu == 0) bridge.mtu = TRY(default_mtu(route));
    for (const AddressPool& pool : network.pools)
        if (pool.gateway) bridge.addresses.push_back({*pool.gateway, pool.subnet.prefix()});
    TRY(create_bridge(route, bridge));
    return {};
}

}  // namespace

Result<DriverOptions> parse_driver_options(const Network& network) {
    DriverOptions options;
    options.icc = TRY(parse_flag(network, "com.docker.network.bridge.enable_icc", true));
    options.masquerade = TRY(parse_flag(network, "com.docker.network.bridge.enable_ip_masquerade", true));
    options.mtu = TRY(parse_mtu(network));
    options.mode = TRY(parse_mode(network));
    options.host_address = network.option("com.docker.network.bridge.host_binding_ipv4");
    if (!options.host_address.empty())
        TRY(IpAddress::parse(options.host_address), "--opt com.docker.network.bridge.host_binding_ipv4");
    return options;
}

Result<void> check_driver_options(const Network& network) {
    TRY(parse_driver_options(network));
    if (has_parent(network) && network.link == "lo")
        return Error(Kind::invalid, cat("loopback interface is not a valid ", network.driver, " parent link"));
    return {};
}

Result<BridgeRules> bridge_rules(const Network& network) {
    const DriverOptions options = TRY(parse_driver_options(network));
    return BridgeRules{network.link, options.masquerade, network.internal};
}

Result<void> check_addresses(const EndpointRequest& request) {
    const auto is_one = [](const std::string& text, bool is_v6) {
        const auto address = IpAddress::parse(text);
        return address.ok() && address.value().is_v6() == is_v6;
    };
    if (!request.ip.empty() && !is_one(request.ip, false)) return Error(Kind::invalid, cat("invalid IPv4 address '", request.ip, "'"));
    if (!request.ip6.empty() && !is_one(request.ip6, true)) return Error(Kind::invalid, cat("invalid IPv6 address '", request.ip6, "'"));
    for (const std::string& text : request.link_local_ips)
        if (!IpAddress::parse(text).ok()) return Error(Kind::invalid, cat("invalid link-local address '", text, "'"));
    return {};
}

Result<void> check_request(const Network& network, const EndpointRequest& request) {
    TRY(check_addresses(request));
    if (!network.has_links()) return Error(Kind::invalid, "a container cannot be attached to it beside other networks");
    if (network.driver == "ipvlan" && !request.mac.empty())
        return Error(Kind::invalid, "ipvlan interfaces do not support custom mac address assignment").with_hint("they all have their parent's");
    if (network.is_user_defined()) return {};
    if (!request.aliases.empty())
        return Error(Kind::invalid, "network-scoped alias is supported only for containers in user defined networks")
            .with_hint("berth network create NAME, then --network NAME");
    if (!request.ip.empty() || !request.ip6.empty())
        return Error(Kind::invalid, "user specified IP address is supported on user defined networks only")
            .with_hint("berth network create --subnet SUBNET NAME, then --network NAME");
    return {};
}

Result<EndpointPlan> plan_endpoint(const Network& network, const EndpointWish& wish, std::string_view table) {
    const EndpointRequest& request = wish.request;
    TRY(check_request(network, request));
    EndpointPlan plan{network, make_idle_endpoint(request), {}};
    Endpoint& endpoint = plan.endpoint;
    endpoint.network = network.name;
    endpoint.network_id = network.id;
    endpoint.endpoint_id = random_hex(32);
    endpoint.interface = wish.interface;
    if (network.driver == "bridge") endpoint.host_link = cat("veth", random_hex(4));
    TRY(plan_addresses(plan, request, table));
    // All ipvlans of a link have its address, and so has the one macvlan of mode passthru unless another is wished for.
    const bool has_own = network.driver != "ipvlan" && (network.option("macvlan_mode") != "passthru" || !request.mac.empty());
    if (has_own) {
        const MacAddress mac = TRY(choose_mac(endpoint, request));
        endpoint.mac = mac.str();
    }
    if (network.is_user_defined()) endpoint.dns_names = names_of(request, wish.container);

    plan.member = {wish.container.id.str(), endpoint.mac, endpoint.ip, endpoint.ip6, endpoint.dns_names};
    // The default network resolves no names; its table says who has an address.
    if (plan.member.names.empty()) plan.member.names = {wish.container.name};
    return plan;
}

const EndpointPlan* find_default(const std::vector<EndpointPlan>& plans) {
    const EndpointPlan* found = nullptr;
    for (const EndpointPlan& plan : plans) {
        if (plan.network.internal) continue;
        if (found == nullptr || plan.endpoint.gateway_priority > found->endpoint.gateway_priority) found = &plan;
    }
    return found;
}

Result<Network> ensure_host_link(const Networks& networks, const State& state, Netlink& route, const Network& network) {
    if (has_parent(network)) TRY(ensure_parent(route, network));
    if (network.driver != "bridge") return network;
    const std::optional<LinkInfo> link = TRY(find_link(route, network.link));
    if (link && link->alias == network.id) return network;
    const bool is_default = network.name == "bridge";
    if (link && !is_default)
        return Error(Kind::exists, cat("the host has a link ", network.link, " that is not berth's"));
    auto free = check_routes(route, network);
    if (!free.ok() && !is_default) return std::move(free).error();
    Network chosen = network;
    if (link || !free.ok()) chosen = TRY(networks.replan_default_bridge(state));
    TRY(make_bridge(route, chosen));
    return chosen;
}

Result<void> create_links(const LinkPlace& place, const EndpointPlan& plan, bool has_default) {
    const DriverOptions options = TRY(parse_driver_options(plan.network));
    TRY(choose_advertisements(place.netns, plan));
    const InsideLink inside = TRY(plan_inside(plan, has_default, options.mode));
    if (plan.network.driver != "bridge") {
        TRY(create_sub_link_of(place.host, place.netns, plan, options));
        return configure_sub_link(place.inside, plan, inside);
    }
    TRY(create_veth_of(place.host, place.netns, plan, options));
    return configure_inside(place.inside, inside);
}

Result<void> disable_links(Netlink& route, const Endpoint& endpoint, std::string_view bridge) {
    TRY(disable_port(route, endpoint.host_link));
    const std::optional<LinkInfo> link = TRY(find_link(route, bridge));
    if (!link) return {};
    std::vector<IpAddress> addresses;
    for (const std::string* text : {&endpoint.ip, &endpoint.ip6})
        if (const auto address = IpAddress::parse(*text); address.ok()) addresses.push_back(address.value());
    return remove_neighbours(route, link->index, addresses);
}

Result<void> move_default_route(Netlink& inside, const EndpointPlan& plan) {
    const Endpoint& endpoint = plan.endpoint;
    const DriverOptions options = TRY(parse_driver_options(plan.network));
    if (routes_by_link(options.mode)) {
        if (!endpoint.ip.empty()) TRY(set_default_route(inside, endpoint.interface, Family::v4, std::nullopt));
        if (!endpoint.ip6.empty()) TRY(set_default_route(inside, endpoint.interface, Family::v6, std::nullopt));
        return {};
    }
    for (const std::string* text : {&endpoint.gateway, &endpoint.gateway6}) {
        if (text->empty()) continue;
        const IpAddress gateway = TRY(IpAddress::parse(*text));
        TRY(set_default_route(inside, endpoint.interface, gateway.family(), gateway));
    }
    return {};
}

Result<void> remove_network_links(const Network& network, std::span<const Network> others) {
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    if (has_parent(network)) return release_parent(route, network, others);
    if (network.driver != "bridge") return {};
    const std::optional<LinkInfo> link = TRY(find_link(route, network.link));
    if (link && link->alias == network.id) TRY(remove_link(route, network.link));
    const BridgeRules rules = TRY(bridge_rules(network));
    Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
    return remove_elements(netfilter, bridge_elements(rules));
}

}  // namespace berth::network
