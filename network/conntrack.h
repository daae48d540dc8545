#pragma once
// The kernel's table of flows. A udp flow that is older than the port's publication goes on bypassing it for as long as
// packets come (moby#8795), so publishing and ending make the kernel forget such flows. tcp has no such trouble: a new
// connection is a new flow.

#include <vector>

#include "network/address.h"
#include "network/ports.h"

namespace berth::network {

/// Forgets udp flows to these host ports that do not lead to `container`. One dump for all ports; none without udp ports.
Result<void> forget_flows_to_ports(const std::vector<PublishedPort>& ports, const IpAddress& container);
/// Forgets udp flows that lead to the container, which has gone.
Result<void> forget_flows_to_container(const std::vector<PublishedPort>& ports, const IpAddress& container);

}  // namespace berth::network
