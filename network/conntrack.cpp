#include "network/conntrack.h"

#include <algorithm>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "network/netlink.h"

namespace berth::network {

namespace {

/// What is needed of one direction of a flow: CTA_TUPLE_IP and CTA_TUPLE_PROTO.
struct Direction {
    std::optional<IpAddress> source;
    std::optional<IpAddress> destination;
    std::uint8_t protocol = 0;
    std::uint16_t destination_port = 0;
};

std::optional<IpAddress> read_address(const Attributes& ip, std::uint16_t v4, std::uint16_t v6) {
    for (const std::uint16_t type : {v4, v6}) {
        const auto bytes = ip.find(type);
        if (bytes && (bytes->size() == 4 || bytes->size() == 16))
            return IpAddress::of_bytes({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()});
    }
    return std::nullopt;
}

Direction read_direction(const Attributes& tuple) {
    const Attributes ip = tuple.nested(CTA_TUPLE_IP), protocol = tuple.nested(CTA_TUPLE_PROTO);
    Direction direction;
    direction.source = read_address(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
    direction.destination = read_address(ip, CTA_IP_V4_DST, CTA_IP_V6_DST);
    direction.protocol = protocol.u8(CTA_PROTO_NUM).value_or(0);
    direction.destination_port = ntohs(protocol.u16(CTA_PROTO_DST_PORT).value_or(0));
    return direction;
}

nfgenmsg head_of(Family family) {
    nfgenmsg head{};
    head.nfgen_family = family == Family::v6 ? AF_INET6 : AF_INET;
    head.version = NFNETLINK_V0;
    return head;
}

constexpr std::uint16_t message(unsigned type) { return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type); }

Result<void> forget(Netlink& netfilter, Family family, std::string_view original) {
    Batch request;
    request.begin(message(IPCTNL_MSG_CT_DELETE), NLM_F_ACK, head_of(family), "forget flow");
    request.put(CTA_TUPLE_ORIG | NLA_F_NESTED, original);
    auto gone = netfilter.send(std::move(request));
    if (!gone.ok() && gone.error().code() == ENOENT) return {};  // It ended by itself.
    return gone;
}

using Wanted = std::function<bool(const Direction& original, const Direction& reply)>;

Result<void> forget_flows(Family family, const Wanted& wanted) {
    Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
    std::vector<std::string> originals;
    Batch request;
    request.begin(message(IPCTNL_MSG_CT_GET), NLM_F_DUMP, head_of(family), "list flows");
    auto listed = netfilter.ask(std::move(request), [&](const Reply& reply) {
        const Attributes attributes = reply.attributes(sizeof(nfgenmsg));
        const Direction original = read_direction(attributes.nested(CTA_TUPLE_ORIG));
        if (original.protocol != IPPROTO_UDP || !wanted(original, read_direction(attributes.nested(CTA_TUPLE_REPLY)))) return;
        const auto bytes = attributes.find(CTA_TUPLE_ORIG);
        if (bytes) originals.emplace_back(bytes->data(), bytes->size());
    });
    // A kernel without ctnetlink: flows end by themselves 30 seconds after their last packet.
    if (!listed.ok()) return {};
    for (const std::string& original : originals) TRY(forget(netfilter, family, original));
    return {};
}

bool has_udp(const std::vector<PublishedPort>& ports) {
    return std::any_of(ports.begin(), ports.end(), [](const PublishedPort& port) { return port.protocol == Protocol::udp; });
}

}  // namespace

Result<void> forget_flows_to_ports(const std::vector<PublishedPort>& ports, const IpAddress& container) {
    if (!has_udp(ports)) return {};
    return forget_flows(container.family(), [&](const Direction& original, const Direction& reply) {
        if (reply.source == container) return false;
        return std::any_of(ports.begin(), ports.end(), [&](const PublishedPort& port) {
            return port.protocol == Protocol::udp && port.host.contains(original.destination_port);
        });
    });
}

Result<void> forget_flows_to_container(const std::vector<PublishedPort>& ports, const IpAddress& container) {
    if (!has_udp(ports)) return {};
    return forget_flows(container.family(), [&](const Direction&, const Direction& reply) { return reply.source == container; });
}

}  // namespace berth::network
