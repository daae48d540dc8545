#pragma once
// Inside a container: 127.0.0.11:53 leads to another port of 127.0.0.11, where the name service listens. So a container
// that is a name server itself may bind port 53, and no address translation with its connection tracking is switched on
// for all the container's packets: two fields of the packets to and from that address are rewritten, nothing else.

#include <cstdint>

#include "network/netlink.h"

namespace berth::network {

/// `inside` is a netfilter socket of the container's namespace.
Result<void> redirect_dns(Netlink& inside, std::uint16_t port);

}  // namespace berth::network
