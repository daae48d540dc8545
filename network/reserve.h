#pragma once
// Host ports and the other programs of the host: holding a port, so that none of them gets it, and finding out who has
// it. A socket costs 4 KiB, so long ranges are only checked, not held.

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "network/address.h"
#include "network/ports.h"

namespace berth::network {

struct HeldPort {
    Fd socket;           ///< bound, non-blocking; tcp: listening, for what the firewall does not carry
    std::uint16_t port;  ///< as asked for, or the one that the kernel chose
};
/// Port 0 lets the kernel choose. EADDRINUSE, EADDRNOTAVAIL (not an address of this host), EACCES;
/// Kind::unsupported when the kernel has no such protocol.
Result<HeldPort> hold_port(Protocol protocol, const IpAddress& address, std::uint16_t port);

/// The first port of the range that a program of this host has on that address (or on all), or nothing.
Result<std::optional<std::uint16_t>> find_used_port(Protocol protocol, const IpAddress& address, PortRange range);

/// Who has the port, for an error text: "nginx (pid 812)"; "another program" when that cannot be seen.
std::string describe_user(Protocol protocol, const IpAddress& address, std::uint16_t port);

/// The host has IPv6 at all.
bool host_has_ipv6();

}  // namespace berth::network
