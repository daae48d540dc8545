#include "network/parent.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace berth::network {

namespace {

constexpr unsigned last_vlan = 4094;  // IEEE 802.1Q: 0 is no VLAN, 4095 is reserved

bool is_passthru(const Network& network) { return network.driver == "macvlan" && network.option("macvlan_mode") == "passthru"; }

Error absent(std::string_view name) {
    return Error(Kind::invalid, cat("--opt parent: this host has no link '", name, "'"))
        .with_hint("see 'ip link'; a VLAN's is written LINK.NUMBER, such as eth0.10, and made when it is missing");
}

Result<void> create_parent(Netlink& route, const Network& network) {
    if (network.link == dummy_name(network)) {
        auto made = explain_missing_driver(create_parent_link(route, {network.link, network.id, 0, 0}), "dummy");
        if (!made.ok() && made.error().kind() == Kind::unsupported)
            return std::move(made).error().with_hint("name a link of the host to hang the network on: --opt parent=LINK");
        return made;
    }
    const std::optional<VlanName> vlan = TRY(parse_vlan_name(network.link));
    if (!vlan) return absent(network.link);
    const std::optional<LinkInfo> base = TRY(find_link(route, vlan->link));
    if (!base) return absent(vlan->link);
    return explain_missing_driver(create_parent_link(route, {network.link, network.id, base->index, vlan->id}), "vlan");
}

}  // namespace

Result<void> explain_missing_driver(Result<void> made, std::string_view kind) {
    if (made.ok() || made.error().code() != EOPNOTSUPP) return made;
    return Error(Kind::unsupported, cat("this kernel has no links of kind ", kind));
}

bool has_parent(const Network& network) { return network.driver == "macvlan" || network.driver == "ipvlan"; }

std::string dummy_name(const Network& network) {
    return cat(network.driver == "macvlan" ? "dm-" : "di-", std::string_view(network.id).substr(0, 12));
}

Result<std::optional<VlanName>> parse_vlan_name(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return std::optional<VlanName>();
    const std::string_view digits = name.substr(dot + 1);
    unsigned id = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (dot == 0 || code != std::errc() || end != digits.data() + digits.size() || id < 1 || id > last_vlan)
        return Error(Kind::invalid, cat("--opt parent: '", name, "' is not LINK.NUMBER with a VLAN's number between 1 and ", last_vlan));
    return std::optional(VlanName{std::string(name.substr(0, dot)), static_cast<std::uint16_t>(id)});
}

Result<void> check_parent_is_shared_well(const Network& network, std::span<const Network> others) {
    for (const Network& other : others) {
        if (!has_parent(other) || other.link != network.link || other.id == network.id) continue;
        if (network.driver == "macvlan" && other.driver == "macvlan" && !is_passthru(network) && !is_passthru(other)) continue;
        return Error(Kind::exists, cat("network ", other.name, " is already using parent interface ", network.link))
            .with_hint("only macvlan networks share a link, and none shares it with mode passthru");
    }
    return {};
}

Result<LinkInfo> ensure_parent(Netlink& route, const Network& network) {
    std::optional<LinkInfo> parent = TRY(find_link(route, network.link));
    if (parent) return *parent;
    TRY(create_parent(route, network));
    parent = TRY(find_link(route, network.link));
    if (!parent) return absent(network.link);
    return *parent;
}

Result<void> release_parent(Netlink& route, const Network& network, std::span<const Network> others) {
    const std::optional<LinkInfo> parent = TRY(find_link(route, network.link));
    if (!parent || parent->alias != network.id) return {};
    const auto heir = std::find_if(others.begin(), others.end(), [&](const Network& other) {
        return has_parent(other) && other.link == network.link && other.id != network.id;
    });
    if (heir != others.end()) return set_alias(route, network.link, heir->id);
    return remove_link(route, network.link);
}

}  // namespace berth::network
