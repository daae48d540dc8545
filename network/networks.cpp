#include "network/networks.h"

#include <algorithm>
#include <cerrno>

#include <net/if.h>

#include "base/ids.h"
#include "network/attach.h"
#include "network/endpoint.h"
#include "network/files.h"
#include "network/links.h"
#include "network/state.h"
#include "network/subnets.h"
#include "network/tables.h"

namespace berth::network {

namespace {

constexpr std::string_view suffix = ".json";
constexpr std::string_view bridge_name_option = "com.docker.network.bridge.name";

Result<Fd> open_records(const Paths& paths) { return sys::open(paths.records, O_RDONLY | O_DIRECTORY); }

Result<Network> parse_record(std::string_view text) {
    const Json json = TRY(parse_json(text));
    return from_json<Network>(json);
}

/// Nothing when there is no such record.
Result<std::optional<Network>> load(const Fd& records, const std::string& name) {
    auto text = read_file(records, cat(name, suffix));
    if (!text.ok() && text.error().code() == ENOENT) return std::optional<Network>();
    const std::string found = TRY(std::move(text));
    const Network network = TRY(parse_record(found), "network ", name);
    return std::optional(network);
}

Result<void> store(const Fd& records, const Network& network) {
    Json json = to_json(network);
    json.set("version", 1);
    return replace_file(records, cat(network.name, suffix), json_text(json, JsonStyle::indented), 0600, Durability::disk);
}

Result<std::vector<Network>> load_all(const Fd& records) {
    std::vector<Network> networks;
    const std::vector<std::string> names = TRY(list_folder(records));
    for (const std::string& file : names) {
        if (!file.ends_with(suffix)) continue;
        std::optional<Network> network = TRY(load(records, file.substr(0, file.size() - suffix.size())));
        if (network) networks.push_back(std::move(*network));
    }
    return networks;
}

std::vector<Subnet> subnets_of(const std::vector<Network>& networks, std::string_view except) {
    std::vector<Subnet> subnets;
    for (const Network& network : networks)
        for (const AddressPool& pool : network.pools)
            if (network.name != except) subnets.push_back(pool.subnet);
    return subnets;
}

/// All that a new subnet must not hide: the host's routes, the other networks, and the servers that answer names.
Result<std::vector<Subnet>> taken_subnets(const std::vector<Network>& networks, std::string_view except) {
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    std::vector<Subnet> taken = TRY(list_destinations(route));
    for (const Subnet& subnet : subnets_of(networks, except)) taken.push_back(subnet);
    for (const std::string& server : parse_resolv_conf(read_host_resolv_conf()).servers)
        if (const auto address = IpAddress::parse(server); address.ok())
            taken.push_back(Subnet::of(address.value(), address.value().is_v6() ? 128 : 32));
    return taken;
}

Network make_predefined(std::string_view name) {
    Network network;
    network.name = name;
    network.id = random_hex(32);
    network.created = now();
    network.driver = name == "none" ? "null" : std::string(name);
    return network;
}

Result<Network> make_default_bridge(const Fd& records, std::string id) {
    const std::vector<Network> others = TRY(load_all(records));
    const std::vector<Subnet> taken = TRY(taken_subnets(others, "bridge"));
    Network bridge = make_predefined("bridge");
    if (!id.empty()) bridge.id = std::move(id);
    const AddressPool pool = TRY(plan_default_pool(taken), "network bridge");
    bridge.pools = {pool};
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    // Another root directory's berth may have its own default bridge here.
    for (int number = 0;; ++number) {
        bridge.link = cat("berth", number);
        const std::optional<LinkInfo> other = TRY(find_link(route, bridge.link));
        if (!other) return bridge;
    }
}

/// The three that always exist, made when they are first asked for.
Result<Network> load_predefined(const Fd& records, const std::string& name) {
    const std::optional<Network> found = TRY(load(records, name));
    if (found) return *found;
    Network made = make_predefined(name);
    if (name == "bridge") made = TRY(make_default_bridge(records, ""));
    TRY(store(records, made), "network ", name);
    return made;
}

bool is_predefined_name(std::string_view name) { return name == "bridge" || name == "host" || name == "none"; }

Result<void> check_options(const CreateNetwork& options) {
    if (is_predefined_name(options.name) || options.name == "default" || options.name == "container")
        return Error(Kind::denied, cat("network name '", options.name, "' is reserved"));
    if (options.driver != "bridge" && options.driver != "macvlan" && options.driver != "ipvlan")
        return Error(Kind::invalid, cat("driver '", options.driver, "' is not bridge, macvlan or ipvlan"));
    if (!options.ipv4 && !options.ipv6) return Error(Kind::invalid, "a network needs IPv4 or IPv6");
    return {};
}

Result<void> check_one_subnet_a_family(const std::vector<AddressPool>& pools) {
    for (const Family family : {Family::v4, Family::v6})
        if (std::count_if(pools.begin(), pools.end(), [&](const AddressPool& pool) { return pool.subnet.family() == family; }) > 1)
            return Error(Kind::unsupported, "a network has one subnet of each family");
    return {};
}

Result<std::string> choose_link(const Network& network) {
    if (has_parent(network)) return network.option("parent").empty() ? dummy_name(network) : std::string(network.option("parent"));
    const std::string_view wanted = network.option(bridge_name_option);
    if (wanted.empty()) return cat("br-", std::string_view(network.id).substr(0, 12));
    const bool valid = wanted.size() < IFNAMSIZ && wanted.find_first_of("/ \t\n:%") == std::string_view::npos && wanted != "." && wanted != "..";
    if (!valid) return Error(Kind::invalid, cat("--opt ", bridge_name_option, ": '", wanted, "' is no name for a link"));
    return std::string(wanted);
}

/// At once, so that whoever named a parent that cannot be is told.
Result<void> create_parent_of(const Network& network) {
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    TRY(ensure_parent(route, network));
    return {};
}

std::string with_prefix(const std::string& address, std::int64_t prefix) {
    return address.empty() ? std::string() : cat(address, '/', prefix);
}

/// docker tells the settings of its default bridge as options: scripts look there for the link's name.
Json options_document(const Network& network) {
    if (network.name != "bridge") return to_json(network.options);
    return Json::Object{{"com.docker.network.bridge.default_bridge", "true"},
                        {"com.docker.network.bridge.enable_icc", "true"},
                        {"com.docker.network.bridge.enable_ip_masquerade", "true"},
                        {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
                        {std::string(bridge_name_option), network.link},
                        {"com.docker.network.driver.mtu", "1500"}};
}

Json pool_document(const AddressPool& pool) {
    Json document{Json::Object{}};
    document.set("Subnet", pool.subnet.str());
    if (pool.range) document.set("IPRange", pool.range->str());
    if (pool.gateway) document.set("Gateway", pool.gateway->str());
    if (!pool.reserved.empty()) document.set("AuxiliaryAddresses", to_json(pool.reserved));
    return document;
}

}  // namespace

std::string_view Network::option(std::string_view wanted) const {
    const auto found = options.find(std::string(wanted));
    return found == options.end() ? std::string_view() : std::string_view(found->second);
}

Result<Networks> Networks::open(Paths paths) {
    for (const std::string& folder : {paths.records, cat(paths.run, "/tables"), cat(paths.run, "/attached")})
        TRY(make_host_folders(folder, 0700), "networks");
    return Networks(std::move(paths));
}

Result<Network> Networks::create(const CreateNetwork& options) const {
    const ObjectName name = TRY(ObjectName::parse(options.name), "network");
    TRY(check_options(options));
    const State state = TRY(State::lock(paths_));
    const Fd records = TRY(open_records(paths_));
    const std::optional<Network> same = TRY(load(records, name.str()));
    if (same) return Error(Kind::exists, cat("network with name ", name.str(), " already exists"));
    const std::vector<Network> others = TRY(load_all(records));
    const std::vector<Subnet> taken = TRY(taken_subnets(others, name.str()));

    Network network{name.str(), random_hex(32), now(), options.driver, options.ipv4, options.ipv6, options.internal,
                    options.attachable, {}, {}, options.options, options.labels};
    // A macvlan's subnet is the one of the wire that its parent is on: the host has a route there, and that is the point.
    const std::vector<Subnet> refused = has_parent(network) ? subnets_of(others, name.str()) : taken;
    network.pools = TRY(plan_pools(options, {refused, taken}), "network ", name.str());
    TRY(check_one_subnet_a_family(network.pools), "network ", name.str());
    network.link = TRY(choose_link(network), "network ", name.str());
    TRY(check_driver_options(network), "network ", name.str());
    TRY(check_parent_is_shared_well(network, others), "network ", name.str());
    // A dummy leads nowhere (docker).
    if (has_parent(network) && network.link == dummy_name(network)) network.internal = true;
    TRY(store(records, network), "network ", name.str());
    auto hung = has_parent(network) ? create_parent_of(network) : Result<void>();
    if (!hung.ok()) ignore(sys::unlinkat(records, cat(name.str(), suffix)), "the first failure is what the user must know");
    TRY(std::move(hung), "network ", name.str());
    return network;
}

Result<std::vector<Network>> Networks::list() const {
    const State state = TRY(State::lock(paths_));
    const Fd records = TRY(open_records(paths_));
    for (const char* name : {"bridge", "host", "none"}) TRY(load_predefined(records, name));
    return load_all(records);
}

Result<Network> Networks::find(std::string_view name_or_id) const {
    const State state = TRY(State::lock(paths_));
    return find_locked(state, name_or_id);
}

Result<Network> Networks::find_locked(const State&, std::string_view name_or_id) const {
    const Fd records = TRY(open_records(paths_));
    if (name_or_id == "default") name_or_id = "bridge";
    if (is_predefined_name(name_or_id)) return load_predefined(records, std::string(name_or_id));
    // A name is a file's name only when it is a name: "../x" must not be looked for.
    if (const auto name = ObjectName::parse(name_or_id); name.ok()) {
        const std::optional<Network> network = TRY(load(records, name.value().str()));
        if (network) return *network;
    }
    const std::vector<Network> networks = TRY(load_all(records));
    const Network* found = nullptr;
    for (const Network& network : networks) {
        if (name_or_id.empty() || !network.id.starts_with(name_or_id)) continue;
        if (found != nullptr) return Error(Kind::invalid, cat("network ", name_or_id, " is ambiguous: several ids begin so"));
        found = &network;
    }
    if (found == nullptr) return Error(Kind::not_found, cat("network ", name_or_id, " not found"));
    return *found;
}

Result<Network> Networks::default_bridge() const { return find("bridge"); }

Result<Network> Networks::replan_default_bridge(const State&) const {
    const Fd records = TRY(open_records(paths_));
    const Network before = TRY(load_predefined(records, "bridge"));
    Network bridge = TRY(make_default_bridge(records, before.id));
    bridge.created = before.created;
    TRY(store(records, bridge), "network bridge");
    return bridge;
}

Result<void> Networks::remove(const Network& network) const {
    if (network.is_predefined())
        return Error(Kind::denied, cat(network.name, " is a pre-defined network and cannot be removed"));
    TRY(sweep(*this));
    const State state = TRY(State::lock(paths_));
    const std::string table = TRY(state.table(network.id));
    const std::vector<Member> members = parse_members(table);
    if (!members.empty()) {
        const std::string who = members[0].names.empty() ? members[0].container.substr(0, 12) : members[0].names[0];
        return Error(Kind::wrong_state, cat("network ", network.name, " has active endpoints: container ", who))
            .with_hint(cat("disconnect it first: berth network disconnect ", network.name, ' ', who));
    }
    const Fd records = TRY(open_records(paths_));
    std::vector<Network> others = TRY(load_all(records));
    std::erase_if(others, [&](const Network& other) { return other.id == network.id; });
    TRY(remove_network_links(network, others), "network ", network.name);
    auto removed = sys::unlinkat(records, cat(network.name, suffix));
    if (!removed.ok() && removed.error().code() == ENOENT)
        return Error(Kind::not_found, cat("network ", network.name, " not found"));
    return removed;
}

Result<std::vector<std::string>> Networks::prune(const std::function<bool(const Network&)>& wanted) const {
    std::vector<std::string> removed;
    const std::vector<Network> networks = TRY(list());
    for (const Network& network : networks) {
        if (network.is_predefined() || !wanted(network)) continue;
        auto gone = remove(network);
        if (!gone.ok() && gone.error().kind() == Kind::wrong_state) continue;
        TRY(std::move(gone));
        removed.push_back(network.name);
    }
    return removed;
}

Result<std::vector<NetworkMember>> Networks::members(const Network& network) const {
    std::vector<NetworkMember> members;
    auto table = read_file(table_path(paths_, network.id));
    if (!table.ok() && table.error().code() == ENOENT) return members;
    const std::string text = TRY(std::move(table));
    for (const Member& member : parse_members(text)) {
        const std::optional<AttachedRecord> record = TRY(read_attached(paths_, member.container));
        if (!record) continue;
        for (const Endpoint& endpoint : record->endpoints)
            if (endpoint.network_id == network.id)
                members.push_back({member.container, record->name, endpoint.endpoint_id, endpoint.mac,
                                   with_prefix(endpoint.ip, endpoint.prefix), with_prefix(endpoint.ip6, endpoint.prefix6)});
    }
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.container_id < b.container_id; });
    return members;
}

Result<Json> Networks::inspect(const Network& network) const {
    const std::vector<NetworkMember> attached = TRY(members(network));
    Json::Array config;
    for (const AddressPool& pool : network.pools) config.push_back(pool_document(pool));
    Json containers{Json::Object{}};
    for (const NetworkMember& member : attached)
        containers.set(member.container_id, Json::Object{{"Name", member.container_name},
                                                         {"EndpointID", member.endpoint_id},
                                                         {"MacAddress", member.mac},
                                                         {"IPv4Address", member.ipv4},
                                                         {"IPv6Address", member.ipv6}});
    return Json(Json::Object{
        {"Name", network.name},
        {"Id", network.id},
        {"Created", moment_text(network.created)},
        {"Scope", "local"},
        {"Driver", network.driver},
        {"EnableIPv4", network.ipv4},
        {"EnableIPv6", network.ipv6},
        {"IPAM", Json::Object{{"Driver", "default"}, {"Options", network.is_predefined() ? Json() : Json(Json::Object{})}, {"Config", std::move(config)}}},
        {"Internal", network.internal},
        {"Attachable", network.attachable},
        {"Ingress", false},
        {"ConfigFrom", Json::Object{{"Network", ""}}},
        {"ConfigOnly", false},
        {"Containers", std::move(containers)},
        {"Options", options_document(network)},
        {"Labels", to_json(network.labels)},
    });
}

}  // namespace berth::network
