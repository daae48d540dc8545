#pragma once
// The link of the host that a macvlan or ipvlan network hangs on: one that is there, a VLAN's sub-link "eth0.10", or, when
// none is named, a dummy that leads nowhere (docker: -o parent). Links that berth makes carry the network's id as alias, as
// bridges do: so they are known again after a crash, made again after a reboot, and those of others are never removed.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "network/links.h"
#include "network/networks.h"

namespace berth::network {

/// macvlan or ipvlan.
bool has_parent(const Network& network);

/// "dm-" (macvlan) or "di-" (ipvlan) and the beginning of the network's id, as docker names them.
std::string dummy_name(const Network& network);

/// LINK.ID: a link of the host and the number of a VLAN on it.
struct VlanName {
    std::string link;
    std::uint16_t id = 0;  ///< 1...4094
    bool operator==(const VlanName&) const = default;
};
/// Nothing when the name has no dot. Kind::invalid when what follows the last one is no VLAN's number.
Result<std::optional<VlanName>> parse_vlan_name(std::string_view name);

/// EOPNOTSUPP, the kernel's word for a kind of link that it has no driver for, in words.
Result<void> explain_missing_driver(Result<void> made, std::string_view kind);

/// Whether the network may hang on its parent beside `others`. Kind::exists: passthru takes a link for itself, and all
/// ipvlans of a link have one mode.
Result<void> check_parent_is_shared_well(const Network& network, std::span<const Network> others);

/// The parent, made when it is a VLAN's or a dummy and missing. Kind::invalid when it is neither and missing.
Result<LinkInfo> ensure_parent(Netlink& route, const Network& network);

/// Removes the parent if berth made it for this network, unless one of `others` hangs on it: then it is that one's now.
Result<void> release_parent(Netlink& route, const Network& network, std::span<const Network> others);

}  // namespace berth::network
