#pragma once
// The two lists that all containers of a host share, as text with a line for each entry: who has which address and
// answers to which names on a network, and who has which host port. They are leases and name service in one: a line is
// written before the kernel learns of the address and is gone after it has gone. Pure; state.h keeps them in files.
//
// A whole list is read at each use, so both are made to be scanned, not parsed: 500 lines take 20 µs.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"
#include "network/ports.h"

namespace berth::network {

/// "CONTAINER MAC|- IPV4|- IPV6|- NAME ALIAS…"; names are in lower case, the container's name first.
struct Member {
    std::string container;
    std::string mac;  ///< empty: the parent link's (ipvlan)
    std::string ip;   ///< empty: none
    std::string ip6;
    std::vector<std::string> names;
    bool operator==(const Member&) const = default;
};
std::string member_line(const Member& member);
/// The line without its newline. Nothing when it does not have the form, which only a foreign hand can cause.
std::optional<Member> parse_member(std::string_view line);
/// The table without the lines of `container`.
std::string without_container(std::string_view table, std::string_view container);
std::vector<Member> parse_members(std::string_view table);

/// The lowest free address of `range`, from `first` on; not one that `is_reserved`. Nothing when all are taken.
struct AddressSearch {
    Subnet subnet;
    Subnet range;
    std::vector<IpAddress> reserved;  ///< gateway, auxiliary addresses
};
std::optional<IpAddress> find_free_address(const AddressSearch& search, std::string_view table);
/// The container that has it.
std::optional<std::string> find_holder(std::string_view table, const IpAddress& address);

/// Addresses of the members that answer to `name` (compared without regard to case).
std::vector<IpAddress> find_addresses(std::string_view table, std::string_view name, Family family);
bool knows_name(std::string_view table, std::string_view name);
/// The name of the member with this address.
std::optional<std::string> find_name(std::string_view table, const IpAddress& address);

/// "CONTAINER PROTOCOL ADDRESS FIRST-LAST CONTAINER-FIRST NAME" of the port table.
struct PortLease {
    std::string container;
    std::string name;  ///< container's name, for error texts
    PublishedPort port;
};
std::string port_line(const PortLease& lease);
std::vector<PortLease> parse_port_leases(std::string_view table);
/// The first lease that stands in the way: same protocol, ports that overlap, and the same address or one of them any.
std::optional<PortLease> find_conflict(std::string_view table, const PublishedPort& wanted);

}  // namespace berth::network
