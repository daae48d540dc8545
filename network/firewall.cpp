// The table. Maps name what is published, sets name berth's bridges; rules never change.
//
//   pub4    protocol . port                 -> address . port    published on all addresses
//   pub4a   host address . protocol . port  -> address . port    published on one address; looked up first
//   rng4    protocol . port-port            -> address           ranges with equal ports inside and outside: one element
//   rng4a   host address . protocol . port-port -> address
//   pub6 …  the same for IPv6
//   br      berth's bridges                 same      bridge . itself (nft cannot compare iif with oif)
//   masq    bridges whose packets leave with the host's address
//   inside  internal bridges                closed    families that berth made the host forward
//
// Traffic, and which rule carries it (all tested in tests/e2e/30-network-traffic.sh):
//   outside -> published port        prerouting: dnat; forward: "ct status dnat"
//   host -> 127.0.0.1:port           output: dnat; postrouting masquerades 127/8, since no container can answer to that;
//                                    the kernel forwards it because route_localnet is set on the bridge, and `guard`
//                                    keeps containers from using that way to the host's own loopback
//   container -> itself by the host  hairpin of the bridge port, and masquerade for "same"
//   container -> internet            forward: "iif br accept"; postrouting: masq
//   container -> other network       forward: "oif br drop", unless by a published port; `origin` lets nobody open a flow
//                                    in the name of another network, whose answers would then be "known" there
//   internal container -> others     forward: "iif inside drop", published ports too, as docker does
//   outside -> unpublished           forward: "oif br drop"
// [::1] has no route_localnet: output leaves it alone, and the monitor's listening socket relays it (relay.h).

#include "network/firewall.h"

#include <cerrno>

// The C library's headers before the kernel's, which then leave out what both define.
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

namespace berth::network {

namespace {

using nft::Bytes;
using nft::Element;
using nft::Hook;
using nft::Rule;
using nft::Set;

constexpr std::string_view table_name = "berth";

// nft's numbers of data types; a concatenation is one of them a 6-bit digit.
constexpr std::uint32_t type_ip4 = 7, type_ip6 = 8, type_protocol = 12, type_port = 13, type_ifname = 41, type_family = 2;
constexpr std::uint32_t joined(std::uint32_t a, std::uint32_t b) { return a << 6 | b; }

std::vector<Set> sets() {
    std::vector<Set> all;
    for (const Family family : {Family::v4, Family::v6}) {
        const bool v6 = family == Family::v6;
        const std::uint32_t type = v6 ? type_ip6 : type_ip4, length = v6 ? 16 : 4;
        const std::uint32_t port_key = joined(type_protocol, type_port), address_key = joined(joined(type, type_protocol), type_port);
        all.push_back({v6 ? "pub6" : "pub4", port_key, {1, 2}, joined(type, type_port), length + 4, false});
        all.push_back({v6 ? "pub6a" : "pub4a", address_key, {length, 1, 2}, joined(type, type_port), length + 4, false});
        all.push_back({v6 ? "rng6" : "rng4", port_key, {1, 2}, type, length, true});
        all.push_back({v6 ? "rng6a" : "rng4a", address_key, {length, 1, 2}, type, length, true});
    }
    all.push_back({"br", type_ifname, {IFNAMSIZ}, 0, 0, false, true});
    all.push_back({"same", joined(type_ifname, type_ifname), {IFNAMSIZ, IFNAMSIZ}, 0, 0, false});
    all.push_back({"masq", type_ifname, {IFNAMSIZ}, 0, 0, false, true});
    all.push_back({"inside", type_ifname, {IFNAMSIZ}, 0, 0, false, true});
    all.push_back({"closed", type_family, {1}, 0, 0, false, true});
    return all;
}

// Registers: a field of n bytes takes n/4 of them, rounded up.
constexpr unsigned address_registers(bool v6) { return v6 ? 4 : 1; }

Rule publish_rule(bool v6, std::string_view map, bool by_address, bool with_port) {
    Rule rule;
    const std::uint32_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
    unsigned next = 0;
    if (by_address) {
        const auto wanted = static_cast<std::uint8_t>(family);
        rule.meta(NFT_META_NFPROTO, 0).equal(0, std::span(&wanted, 1));
        rule.payload(NFT_PAYLOAD_NETWORK_HEADER, v6 ? 24 : 16, v6 ? 16 : 4, next);
        next += address_registers(v6);
    }
    rule.meta(NFT_META_L4PROTO, next).payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next + 1);
    rule.map(map, 0, 0);
    rule.dnat(family, 0, with_port ? std::optional(address_registers(v6)) : std::nullopt);
    return rule;
}

Rule& require_family(Rule& rule, std::uint8_t family) {
    return rule.meta(NFT_META_NFPROTO, 0).equal(0, std::span(&family, 1));
}

Rule& require_loopback(Rule& rule, std::uint32_t offset) {
    const std::uint8_t loopback = 127;
    require_family(rule, NFPROTO_IPV4);
    return rule.payload(NFT_PAYLOAD_NETWORK_HEADER, offset, 1, 0).equal(0, std::span(&loopback, 1));
}

Rule& require_status_dnat(Rule& rule) { return rule.ct(NFT_CT_STATUS, 0).mask(0, IPS_DST_NAT).differs_u32(0, 0); }

Rule& require_same_bridge(Rule& rule) {
    return rule.meta(NFT_META_IIFNAME, 0).meta(NFT_META_OIFNAME, 4).in("same", 0);
}

Rule& require_in(Rule& rule, std::uint32_t meta, std::string_view set) { return rule.meta(meta, 0).in(set, 0); }

void add_publish_chains(nft::Transaction& change) {
    for (const bool v6 : {false, true}) {
        const std::string_view chain = v6 ? "pub6" : "pub4";
        change.add_chain(chain, std::nullopt);
        change.add_rule(chain, publish_rule(v6, v6 ? "pub6a" : "pub4a", true, true));
        change.add_rule(chain, publish_rule(v6, v6 ? "rng6a" : "rng4a", true, false));
        change.add_rule(chain, publish_rule(v6, v6 ? "pub6" : "pub4", false, true));
        change.add_rule(chain, publish_rule(v6, v6 ? "rng6" : "rng4", false, false));
    }
}

void add_destination_chain(nft::Transaction& change, std::string_view chain, std::uint32_t hook) {
    change.add_chain(chain, Hook{"nat", hook, NF_IP_PRI_NAT_DST});
    if (hook == NF_INET_LOCAL_OUT) {
        const std::uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        Rule leave_alone;
        require_family(leave_alone, NFPROTO_IPV6);
        change.add_rule(chain, leave_alone.payload(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, 0).equal(0, loopback).verdict(NFT_RETURN));
    }
    for (const bool v6 : {false, true}) {
        Rule jump;
        jump.fib_type(Rule::Side::destination, 0).equal_u32(0, RTN_LOCAL);
        require_family(jump, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4).verdict(NFT_JUMP, v6 ? "pub6" : "pub4");
        change.add_rule(chain, jump);
    }
}

void add_source_chain(nft::Transaction& change) {
    constexpr std::string_view chain = "postrouting";
    change.add_chain(chain, Hook{"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC});
    Rule host_loopback, hairpin, bridged_hairpin, bridged, leaving;
    require_status_dnat(require_in(host_loopback, NFT_META_OIFNAME, "br"));
    change.add_rule(chain, require_loopback(host_loopback, 12).masquerade());
    change.add_rule(chain, require_status_dnat(require_same_bridge(hairpin)).masquerade());
    // With bridge-nf-call-iptables=1 a hairpin never leaves the bridge, and here it has no input link; packets of the
    // host itself have none either, but their source is local.
    const std::uint8_t no_name[IFNAMSIZ] = {};
    bridged_hairpin.meta(NFT_META_IIFNAME, 0).equal(0, no_name);
    require_status_dnat(require_in(bridged_hairpin, NFT_META_OIFNAME, "br"));
    change.add_rule(chain, bridged_hairpin.fib_type(Rule::Side::source, 0).differs_u32(0, RTN_LOCAL).masquerade());
    change.add_rule(chain, require_same_bridge(bridged).verdict(NFT_RETURN));
    change.add_rule(chain, require_in(leaving, NFT_META_IIFNAME, "masq").masquerade());
}

void add_forward_chain(nft::Transaction& change) {
    constexpr std::string_view chain = "forward";
    change.add_chain(chain, Hook{"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER});
    Rule known, published, bridged, from_inside, to_bridge, from_bridge, foreign;
    constexpr std::uint32_t known_states = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
    change.add_rule(chain, known.ct(NFT_CT_STATE, 0).mask(0, known_states).differs_u32(0, 0).verdict(NF_ACCEPT));
    // Seen only with bridge-nf-call-iptables=1; icc=false is the bridge's own port isolation, below IP.
    change.add_rule(chain, require_same_bridge(bridged).verdict(NF_ACCEPT));
    change.add_rule(chain, require_in(from_inside, NFT_META_IIFNAME, "inside").verdict(NF_DROP));
    change.add_rule(chain, require_status_dnat(published).verdict(NF_ACCEPT));
    change.add_rule(chain, require_in(to_bridge, NFT_META_OIFNAME, "br").verdict(NF_DROP));
    change.add_rule(chain, require_in(from_bridge, NFT_META_IIFNAME, "br").verdict(NF_ACCEPT));
    change.add_rule(chain, require_in(foreign, NFT_META_NFPROTO, "closed").verdict(NF_DROP));
}

void add_guard_chain(nft::Transaction& change) {
    constexpr std::string_view chain = "guard";
    change.add_chain(chain, Hook{"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW});
    for (const std::uint32_t offset : {16u, 12u}) {
        Rule rule;
        require_in(rule, NFT_META_IIFNAME, "br");
        change.add_rule(chain, require_loopback(rule, offset).verdict(NF_DROP));
    }
}

/// A container may send with any source address (CAP_NET_RAW). Behind connection tracking, since only who opens a flow is
/// asked: a reply may leave a container with two networks by the other one, and packets of a known flow need no look-up.
void add_origin_chain(nft::Transaction& change) {
    constexpr std::string_view chain = "origin";
    change.add_chain(chain, Hook{"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE});
    const std::uint8_t missing = 0;
    Rule forged;
    require_in(forged, NFT_META_IIFNAME, "br").ct(NFT_CT_STATE, 0).mask(0, NF_CT_STATE_BIT(IP_CT_NEW)).differs_u32(0, 0);
    change.add_rule(chain, forged.fib_returns(0).equal(0, std::span(&missing, 1)).verdict(NF_DROP));
}

Bytes padded_name(std::string_view name) {
    Bytes bytes(IFNAMSIZ);
    std::copy(name.begin(), name.end(), bytes.begin());
    return bytes;
}

void append(Bytes& to, std::span<const std::uint8_t> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

void append_port(Bytes& to, std::uint16_t port) {
    to.insert(to.end(), {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port), 0, 0});
}

std::uint8_t number_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp: return IPPROTO_TCP;
        case Protocol::udp: return IPPROTO_UDP;
        case Protocol::sctp: return IPPROTO_SCTP;
    }
    bug("a protocol without a number");
}

Bytes key_of(const std::optional<IpAddress>& host, Protocol protocol, std::uint16_t port) {
    Bytes key;
    if (host) append(key, host->bytes());
    key.insert(key.end(), {number_of(protocol), 0, 0, 0});
    append_port(key, port);
    return key;
}

}  // namespace

std::vector<Element> bridge_elements(const BridgeRules& bridge) {
    const Bytes name = padded_name(bridge.name);
    Bytes twice = name;
    append(twice, name);
    std::vector<Element> elements{{"br", name, {}, {}}, {"same", twice, {}, {}}};
    if (bridge.masquerade && !bridge.internal) elements.push_back({"masq", name, {}, {}});
    if (bridge.internal) elements.push_back({"inside", name, {}, {}});
    return elements;
}

std::vector<Element> port_elements(const PublishedPort& port, const IpAddress& container) {
    const auto parsed = IpAddress::parse(port.host_ip);
    if (!parsed.ok() || parsed.value().family() != container.family()) return {};
    const bool v6 = container.is_v6();
    std::optional<IpAddress> host;
    if (!parsed.value().is_any()) host = parsed.value();

    const Bytes address(container.bytes().begin(), container.bytes().end());
    if (port.host.size() > 1 && port.host == port.container) {
        const std::string_view map = v6 ? (host ? "rng6a" : "rng6") : (host ? "rng4a" : "rng4");
        return {{map, key_of(host, port.protocol, port.host.first), key_of(host, port.protocol, port.host.last), address}};
    }
    // nf_tables has no "shift the port" form of dnat: a range that moves is spelled out.
    const std::string_view map = v6 ? (host ? "pub6a" : "pub6") : (host ? "pub4a" : "pub4");
    std::vector<Element> elements;
    elements.reserve(port.host.size());
    for (unsigned i = 0; i < port.host.size(); ++i) {
        Bytes data = address;
        append_port(data, static_cast<std::uint16_t>(port.container.first + i));
        elements.push_back({map, key_of(host, port.protocol, static_cast<std::uint16_t>(port.host.first + i)), {}, std::move(data)});
    }
    return elements;
}

std::vector<Element> closed_family_element(Family family) {
    return {{"closed", {static_cast<std::uint8_t>(family == Family::v6 ? NFPROTO_IPV6 : NFPROTO_IPV4), 0, 0, 0}, {}, {}}};
}

Result<bool> has_firewall(Netlink& netfilter) {
    nfgenmsg head{};
    head.nfgen_family = NFPROTO_INET;
    Batch request;
    request.begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, head, "nftables: look for table");
    request.put_text(NFTA_TABLE_NAME, table_name);
    bool found = false;
    auto asked = netfilter.ask(std::move(request), [&](const Reply&) { found = true; });
    if (!asked.ok() && asked.error().code() == ENOENT) return false;
    TRY(std::move(asked));
    return found;
}

Result<std::optional<std::string>> find_forward_obstacle(Netlink& netfilter) {
    nfgenmsg head{};
    std::optional<std::string> obstacle;
    Batch request;
    request.begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, head, "nftables: list chains");
    TRY(netfilter.ask(std::move(request), [&](const Reply& reply) {
        const auto* found = reply.head<nfgenmsg>();
        if (found == nullptr || obstacle) return;
        const bool ip = found->nfgen_family == NFPROTO_IPV4 || found->nfgen_family == NFPROTO_INET || found->nfgen_family == NFPROTO_IPV6;
        const Attributes chain = reply.attributes(sizeof *found);
        const auto hook = chain.nested(NFTA_CHAIN_HOOK).u32(NFTA_HOOK_HOOKNUM);
        // firewalld's chain accepts by policy and rejects by its last rule.
        const bool drops = chain.u32(NFTA_CHAIN_POLICY) == htonl(NF_DROP) || chain.text(NFTA_CHAIN_TABLE) == "firewalld";
        if (!ip || !hook || *hook != htonl(NF_INET_FORWARD) || !drops) return;
        const std::string_view family = found->nfgen_family == NFPROTO_INET ? "inet" : found->nfgen_family == NFPROTO_IPV6 ? "ip6" : "ip";
        obstacle = cat("table ", family, ' ', chain.text(NFTA_CHAIN_TABLE), ", chain ", chain.text(NFTA_CHAIN_NAME));
    }));
    return obstacle;
}

Result<void> create_firewall(Netlink& netfilter, std::span<const Element> elements) {
    const auto build = [&](bool replace) {
        nft::Transaction change(table_name, NFPROTO_INET);
        if (replace) change.remove_table();
        change.add_table();
        for (const Set& set : sets()) change.add_set(set);
        add_publish_chains(change);
        add_destination_chain(change, "prerouting", NF_INET_PRE_ROUTING);
        add_destination_chain(change, "output", NF_INET_LOCAL_OUT);
        add_source_chain(change);
        add_forward_chain(change);
        add_guard_chain(change);
        add_origin_chain(change);
        change.add_elements(elements, nft::Existing::kept);
        return change;
    };
    auto created = build(false).commit(netfilter);
    if (created.ok() || created.error().code() != EEXIST) return created;
    return build(true).commit(netfilter);
}

Result<void> add_elements(Netlink& netfilter, std::span<const Element> kept, std::span<const Element> fresh) {
    if (kept.empty() && fresh.empty()) return {};
    nft::Transaction change(table_name, NFPROTO_INET);
    change.add_elements(kept, nft::Existing::kept);
    change.add_elements(fresh, nft::Existing::refused);
    return std::move(change).commit(netfilter);
}

Result<void> remove_elements(Netlink& netfilter, std::span<const Element> elements) {
    if (elements.empty()) return {};
    nft::Transaction all(table_name, NFPROTO_INET);
    all.remove_elements(elements);
    auto removed = std::move(all).commit(netfilter);
    if (removed.ok() || removed.error().code() != ENOENT) return removed;
    // One that is missing undoes the whole transaction: take them singly, so that the others go.
    for (const Element& element : elements) {
        nft::Transaction one(table_name, NFPROTO_INET);
        one.remove_elements(std::span(&element, 1));
        auto gone = std::move(one).commit(netfilter);
        if (!gone.ok() && gone.error().code() != ENOENT) return gone;
    }
    return {};
}

}  // namespace berth::network
