#pragma once
// Long ranges of published ports are held by no sockets (reserve.h), so the kernel would give their numbers to programs of
// the host that ask for any free port, and the firewall would take their connections away. ip_local_reserved_ports keeps it
// from that (ip-sysctl.rst). The list may have ports of the administrator's; only what berth added is taken back.

#include <bitset>
#include <string>
#include <string_view>

#include "network/state.h"

namespace berth::network {

using PortSet = std::bitset<65536>;

/// "8080,9148-9150" with or without a newline, as the kernel writes it. Kind::invalid for other text.
Result<PortSet> parse_port_set(std::string_view text);
std::string port_set_text(const PortSet& ports);

/// What is to be in the list, and which of it is berth's, when these ports are wanted. Pure.
struct ReservedPorts {
    PortSet all;
    PortSet ours;
    bool operator==(const ReservedPorts&) const = default;
};
ReservedPorts plan_reserved_ports(const ReservedPorts& now, const PortSet& wanted);

/// Ports of the ranges of a port table that meet `local`, those that the kernel gives out.
PortSet ranges_among(std::string_view port_table, PortRange local);

/// Brings the kernel's list in line with the port table; nothing is done when there are no such ranges. What is recorded as
/// berth's is so before and after a crash.
Result<void> reserve_local_ports(const State& state, std::string_view port_table);

}  // namespace berth::network
