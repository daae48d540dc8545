#pragma once
// One container on one network: which address and names it gets (pure), which links that takes, and the bridge that they
// hang on. attach.cpp puts endpoints together.

#include <string>
#include <vector>

#include "network/attach.h"
#include "network/firewall.h"
#include "network/links.h"
#include "network/networks.h"
#include "network/parent.h"
#include "network/state.h"
#include "network/tables.h"

namespace berth::network {

/// --opt of `network create`, read. The pure check of all of them is check_driver_options.
struct DriverOptions {
    bool icc = true;         ///< com.docker.network.bridge.enable_icc
    bool masquerade = true;  ///< com.docker.network.bridge.enable_ip_masquerade
    unsigned mtu = 0;        ///< com.docker.network.driver.mtu; 0: the default route's
    std::string host_address;  ///< com.docker.network.bridge.host_binding_ipv4
    std::string mode;        ///< macvlan_mode, ipvlan_mode
};
Result<DriverOptions> parse_driver_options(const Network& network);
Result<void> check_driver_options(const Network& network);
Result<BridgeRules> bridge_rules(const Network& network);

struct EndpointPlan {
    Network network;
    Endpoint endpoint;
    Member member;  ///< its line in the network's table
};
struct EndpointWish {
    const EndpointRequest& request;
    const AttachRequest& container;
    std::string interface;  ///< "eth0"
};
/// Addresses that are none, whatever the network.
Result<void> check_addresses(const EndpointRequest& request);
/// What the network's kind forbids to wish for. Kind::invalid, with docker's texts.
Result<void> check_request(const Network& network, const EndpointRequest& request);
/// Address, names and link names. Kind::busy when the subnet is full, Kind::exists when a wanted address is taken.
Result<EndpointPlan> plan_endpoint(const Network& network, const EndpointWish& wish, std::string_view table);

/// The endpoint that has the default route: highest priority, then first. Those of internal networks never.
const EndpointPlan* find_default(const std::vector<EndpointPlan>& plans);

/// What the network's containers hang on is there: its bridge, ours and up, or its parent. Returns the network as it is now:
/// the default network moves to another subnet when the host has got a route into its old one.
Result<Network> ensure_host_link(const Networks& networks, const State& state, Netlink& route, const Network& network);

/// The pair of links, and the inside configured (`inside` is a socket there). `has_default`: the default route goes this way.
struct LinkPlace {
    Netlink& host;
    Netlink& inside;
    const Fd& netns;
};
Result<void> create_links(const LinkPlace& place, const EndpointPlan& plan, bool has_default);
/// Stops all traffic of the endpoint at once and removes its neighbour entries; the links stay. Absent is success.
Result<void> disable_links(Netlink& route, const Endpoint& endpoint, std::string_view bridge);
/// The default route of both families goes by this endpoint from now on. `inside` is a socket in the container.
Result<void> move_default_route(Netlink& inside, const EndpointPlan& plan);
/// The bridge and its firewall elements, or the parent if berth made it, of a network that nobody is on. `others` are the
/// networks that stay.
Result<void> remove_network_links(const Network& network, std::span<const Network> others);

}  // namespace berth::network
