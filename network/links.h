#pragma once
// Links, addresses and routes, by rtnetlink: plain values in, one or two sendmsg(2) each. Which link a network needs is
// decided elsewhere (endpoint.h); here is how the kernel is told.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"
#include "network/netlink.h"

namespace berth::network {

/// An address with the length of its subnet: 172.17.0.1/16.
struct LinkAddress {
    IpAddress address;
    unsigned prefix = 0;
};

struct LinkInfo {
    int index = 0;
    std::string name;
    std::string alias;  ///< berth writes the network's id here: a bridge of that name may be somebody else's
    std::string kind;   ///< "bridge", "veth", …; empty for hardware
    unsigned mtu = 0;
    MacAddress mac;     ///< zero for links without one
};
/// Nothing when there is no such link.
Result<std::optional<LinkInfo>> find_link(Netlink& route, std::string_view name);

struct BridgeLink {
    std::string name;
    std::string alias;
    unsigned mtu = 1500;
    std::vector<LinkAddress> addresses;
    bool ipv6 = false;
};
/// Makes it, up and with its sysctls; removes what it made when it cannot finish. EEXIST when the name is taken.
Result<LinkInfo> create_bridge(Netlink& route, const BridgeLink& bridge);

/// One end on a bridge, the other in a namespace.
struct VethLink {
    std::string host_name;
    std::string inside_name;
    int netns = -1;
    int bridge = 0;
    MacAddress mac;         ///< of the inside end
    unsigned mtu = 1500;
    bool isolated = false;  ///< icc=false: talks to the host only
    std::vector<IpAddress> addresses;  ///< get permanent neighbour entries: no ARP, no limit on them
};
Result<void> create_veth(Netlink& route, const VethLink& link);

/// macvlan or ipvlan on a link of the host, born in a namespace.
struct SubLink {
    std::string kind;   ///< "macvlan", "ipvlan"
    std::string mode;   ///< macvlan: bridge, private, vepa, passthru; ipvlan: l2, l3, l3s
    int parent = 0;
    std::string inside_name;
    int netns = -1;
    std::optional<MacAddress> mac;  ///< macvlan only
    unsigned mtu = 0;               ///< 0: the parent's
};
Result<void> create_sub_link(Netlink& route, const SubLink& link);

/// What sub-links hang on when the host has no such link yet: a VLAN of another link, or a dummy.
struct ParentLink {
    std::string name;
    std::string alias;
    int base = 0;            ///< the VLAN's link; 0: a dummy
    std::uint16_t vlan = 0;
};
/// Makes it and brings it up, both or nothing. EOPNOTSUPP when the kernel has no such links.
Result<void> create_parent_link(Netlink& route, const ParentLink& link);
Result<void> set_alias(Netlink& route, std::string_view name, std::string_view alias);

/// What happens in the namespace. `inside` was opened there.
struct InsideLink {
    std::string name;
    std::vector<LinkAddress> addresses;
    std::vector<IpAddress> gateways;  ///< default routes, one a family at most; none on internal networks
    bool default_by_link = false;     ///< a default route without a gateway (ipvlan l3)
    bool ipv6 = false;
};
Result<void> configure_inside(Netlink& inside, const InsideLink& link);
/// lo comes up.
Result<void> configure_loopback(Netlink& inside);
/// Replaces the default route of one family; without a gateway it goes to the link itself (ipvlan l3).
Result<void> set_default_route(Netlink& inside, std::string_view name, Family family, const std::optional<IpAddress>& gateway);

/// A bridge port passes nothing any more and its addresses are forgotten; takes effect at once. Absent is success.
Result<void> disable_port(Netlink& route, std::string_view name);
/// Absent is success. Waits for a grace period of the kernel: 20 ms are normal.
Result<void> remove_link(Netlink& route, std::string_view name);
Result<void> remove_neighbours(Netlink& route, int bridge, const std::vector<IpAddress>& addresses);

/// Destinations of all routes but the default ones; what a new subnet must not overlap.
Result<std::vector<Subnet>> list_destinations(Netlink& route);
/// The MTU of the link that has the default route; 1500 when there is none.
Result<unsigned> default_mtu(Netlink& route);

/// Writes below /proc/sys/net unless it says that already: "ipv4/ip_forward", "1". True when it was changed.
Result<bool> write_sysctl(std::string_view name, std::string_view value);
/// No router behind this link may give this host, or with "default" a link to come, an address and a route: behind a bridge
/// those are containers (CVE-2020-13401), which need no IPv6 of ours for it.
Result<void> refuse_advertisements(std::string_view link);
/// Turns forwarding on for the family, and keeps router advertisements that the host lives on. True when it was off.
Result<bool> enable_forwarding(Family family);

}  // namespace berth::network
