#pragma once
// Which subnets a network gets: what the user asked for, checked, or ones that lie free. Pure.

#include <span>
#include <vector>

#include "network/networks.h"

namespace berth::network {

/// Subnets of routes, of other networks, and of name servers: nothing new may overlap them.
using TakenSubnets = std::span<const Subnet>;

/// The pools of a new network. Kind::invalid with the option that is wrong; gateways are the first address of a range
/// or subnet unless given.
Result<std::vector<AddressPool>> plan_pools(const CreateNetwork& options, TakenSubnets taken);

/// The default network's: the first free of 172.17.0.0/16 … 172.31.0.0/16, then of 10.x.0.0/16, as docker's users know it.
Result<AddressPool> plan_default_pool(TakenSubnets taken);

}  // namespace berth::network
