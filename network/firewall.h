#pragma once
// berth's firewall: one table, `inet berth`, made once and then only given and deprived of elements. What is in it and
// why stands above the rules in firewall.cpp. Tables of others are never read or written.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "network/address.h"
#include "network/nft.h"
#include "network/ports.h"

namespace berth::network {

/// How the packets of one bridge are treated.
struct BridgeRules {
    std::string name;
    bool masquerade = true;  ///< leaving packets take the host's address
    bool internal = false;   ///< no way out and none in
};

/// Elements for a bridge, and for a port published to a container's address. Pure.
std::vector<nft::Element> bridge_elements(const BridgeRules& bridge);
std::vector<nft::Element> port_elements(const PublishedPort& port, const IpAddress& container);
/// Marks a family whose forwarding was off until berth turned it on: what has nothing to do with berth is not forwarded.
std::vector<nft::Element> closed_family_element(Family family);

/// Makes the table with these elements, replacing one that is there, in one transaction.
Result<void> create_firewall(Netlink& netfilter, std::span<const nft::Element> elements);
/// Adds elements in one transaction: `kept` may be there already, `fresh` may not (EEXIST). ENOENT when the table is missing.
Result<void> add_elements(Netlink& netfilter, std::span<const nft::Element> kept, std::span<const nft::Element> fresh);
/// Removes elements; those that are absent, and an absent table, are fine.
Result<void> remove_elements(Netlink& netfilter, std::span<const nft::Element> elements);

/// The table is there.
Result<bool> has_firewall(Netlink& netfilter);

/// A base chain of somebody else that drops what is forwarded unless a rule of its own lets it pass: "table ip filter,
/// chain FORWARD". Published ports and the way out of containers may not work then, for accepting in one table does not
/// end the others'.
Result<std::optional<std::string>> find_forward_obstacle(Netlink& netfilter);

}  // namespace berth::network
