#pragma once
// Which subnets a network gets: what the user asked for, checked, or ones that lie free. Pure.

#include <span>
#include <vector>

#include "network/networks.h"

namespace berth::network {

using TakenSubnets = std::span<const Subnet>;
/// Subnets of routes, of other networks, and of name servers: nothing new may overlap them. What a user names may be the
/// host's own for networks that hang on a wire.
struct Taken {
    TakenSubnets named;   ///< for subnets that the user names
    TakenSubnets chosen;  ///< for those that berth chooses
};

/// The pools of a new network. Kind::invalid with the option that is wrong; gateways are the first address of a range
/// or subnet unless given.
Result<std::vector<AddressPool>> plan_pools(const CreateNetwork& options, Taken taken);

/// The default network's: the first free of 172.17.0.0/16 … 172.31.0.0/16, then of 10.x.0.0/16, as docker's users know it.
Result<AddressPool> plan_default_pool(TakenSubnets taken);

}  // namespace berth::network
