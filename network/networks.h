#pragma once
// Networks as records: what `network create/ls/inspect/rm/prune` work on. A record is one file, <root>/networks/NAME.json,
// kept for ever; links, leases and names of this boot are below <run-root>/network. `bridge`, `host` and `none` always
// exist; the subnet of `bridge` is chosen at its first use so that it does not hide a route which the host has.
// Nothing here needs privilege; links are made by attach (attach.h), when the first container arrives.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "network/address.h"

namespace berth::network {

class State;

/// Where things are. Both folders are made, mode 0700, when absent.
struct Paths {
    std::string records;  ///< <root>/networks
    std::string run;      ///< <run-root>/network
};

/// docker: IPAMConfig, one subnet of a network.
struct AddressPool {
    Subnet subnet;
    std::optional<Subnet> range;       ///< addresses for containers come from here only
    std::optional<IpAddress> gateway;  ///< absent only for ipvlan l3 and `inhibit` networks
    std::map<std::string, IpAddress> reserved;  ///< --aux-address
    bool operator==(const AddressPool&) const = default;
};
template <class Io>
void fields(Io& io, AddressPool& pool) {
    io.required("Subnet", pool.subnet);
    io.optional("IPRange", pool.range);
    io.optional("Gateway", pool.gateway);
    io.optional("AuxiliaryAddresses", pool.reserved);
}

struct Network {
    std::string name;
    std::string id;  ///< 64 hexadecimal digits
    Moment created;
    std::string driver = "bridge";  ///< bridge, macvlan, ipvlan, host, null
    bool ipv4 = true;
    bool ipv6 = false;
    bool internal = false;
    bool attachable = false;
    std::vector<AddressPool> pools;
    std::string link;  ///< the bridge's name on the host; the parent's for macvlan and ipvlan
    std::map<std::string, std::string> options;  ///< --opt
    std::map<std::string, std::string> labels;

    bool is_predefined() const { return name == "bridge" || name == "host" || name == "none"; }
    /// Names resolve (127.0.0.11), aliases and fixed addresses are allowed: every network but the three above.
    bool is_user_defined() const { return !is_predefined(); }
    /// A container gets a link and an address on it: all but host and null.
    bool has_links() const { return driver != "host" && driver != "null"; }
    /// An option's value, or "".
    std::string_view option(std::string_view name) const;
    bool operator==(const Network&) const = default;
};
/// The record, with docker's names.
template <class Io>
void fields(Io& io, Network& network) {
    io.required("Name", network.name);
    io.required("Id", network.id);
    io.required("Created", network.created);
    io.required("Driver", network.driver);
    io.required("EnableIPv4", network.ipv4);
    io.required("EnableIPv6", network.ipv6);
    io.required("Internal", network.internal);
    io.required("Attachable", network.attachable);
    io.optional("Pools", network.pools);
    io.optional("Link", network.link);
    io.optional("Options", network.options);
    io.optional("Labels", network.labels);
}

/// Options of `network create`. Texts are checked by Networks::create, which says what is wrong.
struct CreateNetwork {
    std::string name;
    std::string driver = "bridge";
    std::vector<std::string> subnets;    ///< --subnet
    std::vector<std::string> ranges;     ///< --ip-range, each inside one subnet
    std::vector<std::string> gateways;   ///< --gateway, each inside one subnet
    std::vector<std::string> reserved;   ///< --aux-address NAME=IP
    bool ipv4 = true;
    bool ipv6 = false;                   ///< without a v6 subnet: a ULA /64 of its own
    bool internal = false;
    bool attachable = false;
    std::map<std::string, std::string> options;
    std::map<std::string, std::string> labels;
};

/// A container on a network, for `network inspect`.
struct NetworkMember {
    std::string container_id;
    std::string container_name;
    std::string endpoint_id;
    std::string mac;
    std::string ipv4;  ///< with prefix: "172.17.0.2/16"; may be empty
    std::string ipv6;
};

class Networks {
public:
    /// Makes the folders; no privilege beyond that.
    static Result<Networks> open(Paths paths);

    /// Kind::exists for a taken name, Kind::invalid for options that do not fit together, a subnet that overlaps one of
    /// another network or of a route of the host.
    Result<Network> create(const CreateNetwork& options) const;
    /// All, sorted by name, with the three that always exist.
    Result<std::vector<Network>> list() const;
    /// By name, id or unique prefix of an id. Kind::not_found: "network x not found".
    Result<Network> find(std::string_view name_or_id) const;
    /// The default network; chosen and stored when this is its first use.
    Result<Network> default_bridge() const;
    /// Removes record, links and rules. Kind::wrong_state when it is predefined or containers are attached.
    Result<void> remove(const Network& network) const;
    /// Removes the user-defined networks that `wanted` agrees to and that have no containers; returns their names.
    Result<std::vector<std::string>> prune(const std::function<bool(const Network&)>& wanted) const;
    /// Containers attached now, sorted by id.
    Result<std::vector<NetworkMember>> members(const Network& network) const;
    /// docker's `network inspect` document.
    Result<Json> inspect(const Network& network) const;

    const Paths& paths() const { return paths_; }

    /// As above, for callers that hold the lock of state.h. `default_bridge` plans anew when `replan` says that the
    /// stored choice no longer fits the host.
    Result<Network> find_locked(const State& state, std::string_view name_or_id) const;
    Result<Network> replan_default_bridge(const State& state) const;

private:
    explicit Networks(Paths paths) : paths_(std::move(paths)) {}
    Paths paths_;
};

}  // namespace berth::network
