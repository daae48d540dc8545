#include "network/dns_redirect.h"

#include <net/if.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "network/nft.h"

namespace berth::network {

namespace {

struct Transport {
    std::uint8_t number;
    std::uint32_t checksum;  // its offset in the transport header
};
constexpr Transport transports[] = {{IPPROTO_UDP, 6}, {IPPROTO_TCP, 16}};

using PortBytes = std::array<std::uint8_t, 2>;

PortBytes bytes_of(std::uint16_t port) {
    return {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port & 0xff)};
}

struct Rewrite {
    std::uint32_t address_offset;  ///< in the IP header
    std::uint32_t port_offset;     ///< in the transport header
    std::uint16_t from;
    std::uint16_t to;
};

nft::Rule make_rule(const Transport& transport, const Rewrite& rewrite) {
    const std::uint8_t resolver[] = {127, 0, 0, 11};
    nft::Rule rule;
    rule.payload(NFT_PAYLOAD_NETWORK_HEADER, rewrite.address_offset, 4, 0).equal(0, resolver);
    rule.meta(NFT_META_L4PROTO, 0).equal(0, std::span(&transport.number, 1));
    rule.payload(NFT_PAYLOAD_TRANSPORT_HEADER, rewrite.port_offset, 2, 0).equal(0, bytes_of(rewrite.from));
    return rule.load(0, bytes_of(rewrite.to)).store_transport(0, rewrite.port_offset, 2, transport.checksum);
}

}  // namespace

Result<void> redirect_dns(Netlink& inside, std::uint16_t port) {
    nft::Transaction change("berth", NFPROTO_IPV4);
    change.add_table();
    change.add_chain("names", nft::Hook{"filter", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW});
    for (const Transport& transport : transports) {
        change.add_rule("names", make_rule(transport, {16, 2, 53, port}));
        change.add_rule("names", make_rule(transport, {12, 0, port, 53}));
    }
    return std::move(change).commit(inside);
}

}  // namespace berth::network
