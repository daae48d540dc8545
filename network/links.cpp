#include "network/links.h"

#include <cerrno>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/file.h"

namespace berth::network {

namespace {

ifinfomsg link_head(int index = 0, unsigned flags = 0, unsigned change = 0) {
    ifinfomsg head{};
    head.ifi_family = AF_UNSPEC;
    head.ifi_index = index;
    head.ifi_flags = flags;
    head.ifi_change = change;
    return head;
}

std::uint8_t kernel_family(Family family) { return family == Family::v6 ? AF_INET6 : AF_INET; }

/// No link-local address: IPv6 stays silent on this link (no duplicate detection, no multicast joins, no timers).
void put_no_ipv6(Batch& batch) {
    batch.nest(IFLA_AF_SPEC);
    batch.nest(AF_INET6);
    batch.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    batch.nest_end();
    batch.nest_end();
}

void add_address(Batch& batch, int index, const LinkAddress& address, std::string_view name) {
    ifaddrmsg head{};
    head.ifa_family = kernel_family(address.address.family());
    head.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
    head.ifa_index = static_cast<unsigned>(index);
    // berth gives addresses out and knows that they are single; detecting that takes the kernel a second.
    if (address.address.is_v6()) head.ifa_flags = IFA_F_NODAD;
    batch.begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, head,
                cat("give ", name, " the address ", address.address.str(), '/', address.prefix));
    batch.put(IFA_LOCAL, address.address.bytes());
    batch.put(IFA_ADDRESS, address.address.bytes());
    const Subnet subnet = Subnet::of(address.address, address.prefix);
    if (const auto broadcast = subnet.broadcast()) batch.put(IFA_BROADCAST, broadcast->bytes());
}

void add_default_route(Batch& batch, int index, Family family, const std::optional<IpAddress>& gateway) {
    rtmsg head{};
    head.rtm_family = kernel_family(family);
    head.rtm_table = RT_TABLE_MAIN;
    head.rtm_protocol = RTPROT_BOOT;
    head.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    head.rtm_type = RTN_UNICAST;
    batch.begin(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, head,
                cat("default route", gateway ? cat(" by ", gateway->str()) : std::string()));
    if (gateway) batch.put(RTA_GATEWAY, gateway->bytes());
    batch.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
}

void begin_by_name(Batch& batch, std::string_view name, unsigned flags, std::string purpose) {
    batch.begin(RTM_NEWLINK, NLM_F_ACK, link_head(0, flags, flags), std::move(purpose));
    batch.put_text(IFLA_IFNAME, name);
}

void add_neighbour(Batch& batch, int bridge, const IpAddress& address, const MacAddress& mac) {
    ndmsg head{};
    head.ndm_family = kernel_family(address.family());
    head.ndm_ifindex = bridge;
    head.ndm_state = NUD_PERMANENT;
    batch.begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, head, cat("neighbour ", address.str()));
    batch.put(NDA_DST, address.bytes());
    batch.put(NDA_LLADDR, mac.bytes());
}

Result<LinkInfo> require_link(Netlink& route, std::string_view name) {
    const std::optional<LinkInfo> link = TRY(find_link(route, name));
    if (!link) return Error(Kind::not_found, cat("link ", name, " is gone"));
    return *link;
}

/// Sysctls have no netlink form; the link is still down, so nothing has happened that they would have changed.
Result<void> set_bridge_sysctls(const std::string& name, bool ipv6) {
    // host 127.0.0.1:port -> container; firewall.cpp's `guard` closes the other direction.
    TRY(write_sysctl(cat("ipv4/conf/", name, "/route_localnet"), "1"));
    // Loose: a reply may leave by another of the host's links than the one that strict checking expects.
    TRY(write_sysctl(cat("ipv4/conf/", name, "/rp_filter"), "2"));
    TRY(refuse_advertisements(name));
    if (!ipv6) return {};
    TRY(write_sysctl(cat("ipv6/conf/", name, "/accept_dad"), "0"));
    return {};
}

Result<LinkInfo> finish_bridge(Netlink& route, const BridgeLink& bridge) {
    const LinkInfo made = TRY(require_link(route, bridge.name));
    TRY(set_bridge_sysctls(bridge.name, bridge.ipv6));
    Batch batch;
    begin_by_name(batch, bridge.name, IFF_UP, cat("bring up bridge ", bridge.name));
    batch.put_text(IFLA_IFALIAS, bridge.alias);
    if (!bridge.ipv6) put_no_ipv6(batch);
    for (const LinkAddress& address : bridge.addresses) add_address(batch, made.index, address, bridge.name);
    TRY(route.send(std::move(batch)));
    return require_link(route, bridge.name);
}

std::uint32_t macvlan_mode(std::string_view mode) {
    if (mode == "private") return MACVLAN_MODE_PRIVATE;
    if (mode == "vepa") return MACVLAN_MODE_VEPA;
    if (mode == "passthru") return MACVLAN_MODE_PASSTHRU;
    return MACVLAN_MODE_BRIDGE;
}

std::uint16_t ipvlan_mode(std::string_view mode) {
    if (mode == "l3") return IPVLAN_MODE_L3;
    if (mode == "l3s") return IPVLAN_MODE_L3S;
    return IPVLAN_MODE_L2;
}

}  // namespace

Result<std::optional<LinkInfo>> find_link(Netlink& route, std::string_view name) {
    Batch request;
    request.begin(RTM_GETLINK, 0, link_head(), cat("look for link ", name));
    request.put_text(IFLA_IFNAME, name);
    std::optional<LinkInfo> found;
    auto asked = route.ask(std::move(request), [&](const Reply& reply) {
        const auto* head = reply.head<ifinfomsg>();
        if (reply.type != RTM_NEWLINK || head == nullptr) return;
        const Attributes attributes = reply.attributes(sizeof *head);
        found = LinkInfo{head->ifi_index, attributes.text(IFLA_IFNAME), attributes.text(IFLA_IFALIAS),
                         attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND), attributes.u32(IFLA_MTU).value_or(0), {}};
        if (const auto mac = attributes.find(IFLA_ADDRESS); mac && mac->size() == 6)
            found->mac = MacAddress::of_bytes(std::span<const std::uint8_t, 6>(reinterpret_cast<const std::uint8_t*>(mac->data()), 6));
    });
    if (!asked.ok() && asked.error().code() == ENODEV) return std::optional<LinkInfo>();
    TRY(std::move(asked));
    return found;
}

Result<LinkInfo> create_bridge(Netlink& route, const BridgeLink& bridge) {
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_head(), cat("create bridge ", bridge.name));
    batch.put_text(IFLA_IFNAME, bridge.name);
    batch.put_u32(IFLA_MTU, bridge.mtu);
    // Else the bridge takes the lowest address of its ports, a new one with each container (netavark: outages of 100 s).
    batch.put(IFLA_ADDRESS, MacAddress::make_random().bytes());
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_KIND, "bridge");
    batch.nest(IFLA_INFO_DATA);
    batch.put_u32(IFLA_BR_STP_STATE, 0);
    batch.put_u32(IFLA_BR_FORWARD_DELAY, 0);
    batch.put_u8(IFLA_BR_MCAST_SNOOPING, 0);
    batch.nest_end();
    batch.nest_end();
    TRY(route.send(std::move(batch)));
    auto finished = finish_bridge(route, bridge);
    if (!finished.ok()) ignore(remove_link(route, bridge.name), "the first failure is what the user must know");
    return finished;
}

Result<void> create_veth(Netlink& route, const VethLink& link) {
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_head(0, IFF_UP, IFF_UP), "create veth");
    batch.put_text(IFLA_IFNAME, link.host_name);
    batch.put_u32(IFLA_MTU, link.mtu);
    batch.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(link.bridge));
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_KIND, "veth");
    batch.nest(IFLA_INFO_DATA);
    batch.nest(VETH_INFO_PEER);
    batch.append(link_head());
    batch.put_text(IFLA_IFNAME, link.inside_name);
    batch.put_u32(IFLA_MTU, link.mtu);
    batch.put(IFLA_ADDRESS, link.mac.bytes());
    batch.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(link.netns));
    batch.nest_end();
    batch.nest_end();
    batch.nest_end();

    begin_by_name(batch, link.host_name, 0, "set up bridge port");
    put_no_ipv6(batch);
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
    batch.nest(IFLA_INFO_SLAVE_DATA);
    // A container that calls itself by the host's address comes back through the port it left by.
    batch.put_u8(IFLA_BRPORT_MODE, 1);
    if (link.isolated) batch.put_u8(IFLA_BRPORT_ISOLATED, 1);
    batch.nest_end();
    batch.nest_end();
    for (const IpAddress& address : link.addresses) add_neighbour(batch, link.bridge, address, link.mac);

    auto sent = route.send(std::move(batch));
    if (sent.ok()) return sent;
    // br_add_if(): EXFULL, "exchange full", after 1,023 ports.
    if (sent.error().code() == EXFULL)
        return Error(Kind::unsupported, "the bridge has 1023 containers, as many as the kernel allows")
            .with_hint("put further containers on another network: berth network create NAME");
    return sent;
}

Result<void> create_sub_link(Netlink& route, const SubLink& link) {
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_head(), cat("create ", link.kind));
    batch.put_text(IFLA_IFNAME, link.inside_name);
    batch.put_u32(IFLA_LINK, static_cast<std::uint32_t>(link.parent));
    batch.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(link.netns));
    if (link.mtu != 0) batch.put_u32(IFLA_MTU, link.mtu);
    if (link.mac) batch.put(IFLA_ADDRESS, link.mac->bytes());
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_KIND, link.kind);
    batch.nest(IFLA_INFO_DATA);
    if (link.kind == "macvlan") batch.put_u32(IFLA_MACVLAN_MODE, macvlan_mode(link.mode));
    else batch.put_u16(IFLA_IPVLAN_MODE, ipvlan_mode(link.mode));
    batch.nest_end();
    batch.nest_end();
    return route.send(std::move(batch));
}

Result<void> create_parent_link(Netlink& route, const ParentLink& link) {
    const std::string_view kind = link.base == 0 ? "dummy" : "vlan";
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_head(), cat("create ", kind, ' ', link.name));
    batch.put_text(IFLA_IFNAME, link.name);
    if (link.base != 0) batch.put_u32(IFLA_LINK, static_cast<std::uint32_t>(link.base));
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_KIND, kind);
    if (link.base != 0) {
        batch.nest(IFLA_INFO_DATA);
        batch.put_u16(IFLA_VLAN_ID, link.vlan);
        batch.nest_end();
    }
    batch.nest_end();
    // In the same system call: a link without its alias would be nobody's after a crash.
    begin_by_name(batch, link.name, IFF_UP, cat("bring up ", link.name));
    batch.put_text(IFLA_IFALIAS, link.alias);
    auto sent = route.send(std::move(batch));
    if (sent.ok()) return sent;
    // ENETDOWN: a VLAN does not come up on a link that is down. The alias tells whether it is there by us.
    const auto made = find_link(route, link.name);
    if (made.ok() && made.value() && made.value()->alias == link.alias)
        ignore(remove_link(route, link.name), "the first failure is what the user must know");
    return sent;
}

Result<void> set_alias(Netlink& route, std::string_view name, std::string_view alias) {
    Batch batch;
    begin_by_name(batch, name, 0, cat("rename the owner of ", name));
    batch.put_text(IFLA_IFALIAS, alias);
    return route.send(std::move(batch));
}

Result<void> configure_loopback(Netlink& inside) {
    Batch batch;
    begin_by_name(batch, "lo", IFF_UP, "bring up lo");
    return inside.send(std::move(batch));
}

Result<void> configure_inside(Netlink& inside, const InsideLink& link) {
    const LinkInfo found = TRY(require_link(inside, link.name));
    Batch batch;
    begin_by_name(batch, link.name, IFF_UP, cat("bring up ", link.name));
    if (!link.ipv6) put_no_ipv6(batch);
    for (const LinkAddress& address : link.addresses) add_address(batch, found.index, address, link.name);
    for (const IpAddress& gateway : link.gateways) add_default_route(batch, found.index, gateway.family(), gateway);
    if (link.default_by_link) add_default_route(batch, found.index, Family::v4, std::nullopt);
    if (link.default_by_link && link.ipv6) add_default_route(batch, found.index, Family::v6, std::nullopt);
    return inside.send(std::move(batch));
}

Result<void> set_default_route(Netlink& inside, std::string_view name, Family family, const std::optional<IpAddress>& gateway) {
    const LinkInfo found = TRY(require_link(inside, name));
    Batch batch;
    add_default_route(batch, found.index, family, gateway);
    return inside.send(std::move(batch));
}

Result<void> disable_port(Netlink& route, std::string_view name) {
    Batch batch;
    begin_by_name(batch, name, 0, cat("disable bridge port ", name));
    batch.nest(IFLA_LINKINFO);
    batch.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
    batch.nest(IFLA_INFO_SLAVE_DATA);
    batch.put_u8(IFLA_BRPORT_STATE, BR_STATE_DISABLED);
    batch.put_flag(IFLA_BRPORT_FLUSH);
    batch.nest_end();
    batch.nest_end();
    auto disabled = route.send(std::move(batch));
    // Already gone, or no port any more: its bridge has been removed.
    const int code = disabled.ok() ? 0 : disabled.error().code();
    if (code == ENODEV || code == EINVAL || code == EOPNOTSUPP) return {};
    return disabled;
}

Result<void> remove_link(Netlink& route, std::string_view name) {
    Batch batch;
    batch.begin(RTM_DELLINK, NLM_F_ACK, link_head(), cat("remove link ", name));
    batch.put_text(IFLA_IFNAME, name);
    auto removed = route.send(std::move(batch));
    if (!removed.ok() && removed.error().code() == ENODEV) return {};
    return removed;
}

Result<void> remove_neighbours(Netlink& route, int bridge, const std::vector<IpAddress>& addresses) {
    for (const IpAddress& address : addresses) {
        ndmsg head{};
        head.ndm_family = kernel_family(address.family());
        head.ndm_ifindex = bridge;
        Batch batch;
        batch.begin(RTM_DELNEIGH, NLM_F_ACK, head, cat("remove neighbour ", address.str()));
        batch.put(NDA_DST, address.bytes());
        auto removed = route.send(std::move(batch));
        const bool absent = !removed.ok() && (removed.error().code() == ENOENT || removed.error().code() == ENODEV);
        if (!removed.ok() && !absent) return removed;
    }
    return {};
}

namespace {

Result<void> each_route(Netlink& route, const std::function<void(const rtmsg&, const Attributes&)>& each) {
    for (const Family family : {Family::v4, Family::v6}) {
        rtmsg head{};
        head.rtm_family = kernel_family(family);
        Batch request;
        request.begin(RTM_GETROUTE, NLM_F_DUMP, head, "list routes");
        TRY(route.ask(std::move(request), [&](const Reply& reply) {
            const auto* found = reply.head<rtmsg>();
            if (reply.type == RTM_NEWROUTE && found != nullptr) each(*found, reply.attributes(sizeof *found));
        }));
    }
    return {};
}

}  // namespace

Result<std::vector<Subnet>> list_destinations(Netlink& route) {
    std::vector<Subnet> destinations;
    TRY(each_route(route, [&](const rtmsg& head, const Attributes& attributes) {
        const auto bytes = attributes.find(RTA_DST);
        const bool own = head.rtm_type == RTN_UNICAST || head.rtm_type == RTN_LOCAL;
        if (!own || head.rtm_dst_len == 0 || !bytes || (bytes->size() != 4 && bytes->size() != 16)) return;
        const auto* first = reinterpret_cast<const std::uint8_t*>(bytes->data());
        destinations.push_back(Subnet::of(IpAddress::of_bytes({first, bytes->size()}), head.rtm_dst_len));
    }));
    return destinations;
}

Result<unsigned> default_mtu(Netlink& route) {
    std::optional<std::uint32_t> index;
    TRY(each_route(route, [&](const rtmsg& head, const Attributes& attributes) {
        const bool is_default = head.rtm_dst_len == 0 && head.rtm_type == RTN_UNICAST && head.rtm_table == RT_TABLE_MAIN;
        if (is_default && !index) index = attributes.u32(RTA_OIF);
    }));
    unsigned mtu = 1500;
    if (!index) return mtu;
    Batch request;
    request.begin(RTM_GETLINK, 0, link_head(static_cast<int>(*index)), "ask for the default route's link");
    TRY(route.ask(std::move(request), [&](const Reply& reply) {
        if (reply.type == RTM_NEWLINK) mtu = reply.attributes(sizeof(ifinfomsg)).u32(IFLA_MTU).value_or(mtu);
    }));
    return mtu;
}

Result<bool> write_sysctl(std::string_view name, std::string_view value) {
    const std::string path = cat("/proc/sys/net/", name);
    std::string now = TRY(read_file(path, 4096), "sysctl");
    while (!now.empty() && now.back() == '\n') now.pop_back();
    if (now == value) return false;
    const Fd file = TRY(sys::open(path, O_WRONLY), "sysctl");
    TRY(sys::write_all(file, value), "sysctl ", path);
    return true;
}

Result<void> refuse_advertisements(std::string_view link) {
    auto written = write_sysctl(cat("ipv6/conf/", link, "/accept_ra"), "0");
    // Without IPv6 there is nothing to refuse.
    if (!written.ok() && written.error().kind() != Kind::not_found) return std::move(written).error();
    return {};
}

Result<bool> enable_forwarding(Family family) {
    if (family == Family::v4) return write_sysctl("ipv4/ip_forward", "1");
    const std::string before = TRY(read_file("/proc/sys/net/ipv6/conf/all/forwarding", 16), "sysctl");
    if (before != "0\n") return false;
    // A router takes no advertisements, unless told to by 2: a host that got its address that way would lose it.
    const Fd folder = TRY(sys::open("/proc/sys/net/ipv6/conf", O_RDONLY | O_DIRECTORY));
    const std::vector<std::string> links = TRY(list_folder(folder));
    for (const std::string& link : links) {
        if (link == "all") continue;
        const std::string name = cat("ipv6/conf/", link, "/accept_ra");
        if (read_file(cat("/proc/sys/net/", name), 16).value_or("") == "1\n")
            ignore(write_sysctl(name, "2"), "the link may have gone meanwhile");
    }
    return write_sysctl("ipv6/conf/all/forwarding", "1");
}

}  // namespace berth::network
