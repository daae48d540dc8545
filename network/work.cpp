#include "network/work.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/file.h"
#include "network/conntrack.h"
#include "network/local_ports.h"

namespace berth::network {

namespace {

std::optional<IpAddress> parse_optional(const std::string& text) {
    auto address = IpAddress::parse(text);
    if (!address.ok()) return std::nullopt;
    return address.value();
}

std::string free_interface(const std::vector<EndpointPlan>& plans) {
    for (unsigned number = 0;; ++number) {
        const std::string name = cat("eth", number);
        const bool taken = std::any_of(plans.begin(), plans.end(), [&](const EndpointPlan& plan) { return plan.endpoint.interface == name; });
        if (!taken) return name;
    }
}

Result<void> open_forwarding(const State& state, Netlink& netfilter, Family family) {
    const bool changed = TRY(enable_forwarding(family));
    if (!changed) return {};
    // The host forwarded nothing until now: what is not ours goes on being dropped, as docker does by its policy.
    std::string closed = TRY(state.closed_families());
    closed += family == Family::v6 ? "ipv6\n" : "ipv4\n";
    TRY(state.store_closed_families(closed));
    auto added = add_elements(netfilter, closed_family_element(family), {});
    // No table yet: it is made with all elements in a moment.
    if (!added.ok() && added.error().code() == ENOENT) return {};
    return added;
}

Result<std::vector<nft::Element>> bridge_elements_of(const std::vector<EndpointPlan>& plans) {
    std::vector<nft::Element> elements;
    for (const EndpointPlan& plan : plans) {
        if (plan.network.driver != "bridge") continue;
        const BridgeRules rules = TRY(bridge_rules(plan.network));
        for (nft::Element& element : bridge_elements(rules)) elements.push_back(std::move(element));
    }
    return elements;
}

Result<void> remove_member(const State& state, const std::string& network_id, const std::string& container) {
    const std::string table = TRY(state.table(network_id));
    return state.store_table(network_id, without_container(table, container));
}

bool namespace_is_used(std::uint64_t inode) {
    const auto proc = sys::open("/proc", O_RDONLY | O_DIRECTORY);
    if (!proc.ok()) return true;
    const std::string wanted = cat("net:[", inode, ']');
    const std::vector<std::string> names = list_folder(proc.value()).value_or({});
    return std::any_of(names.begin(), names.end(), [&](const std::string& pid) {
        return pid[0] >= '0' && pid[0] <= '9' && sys::readlinkat(proc.value(), cat(pid, "/ns/net")).value_or("") == wanted;
    });
}

/// The lock is ours, so a record without its links is not one in the making. A link alone proves nothing: a disconnect that
/// was killed took it away, or somebody else did, and the container lives on with its other addresses.
Result<bool> is_gone(Netlink& route, const AttachedRecord& record) {
    for (const Endpoint& endpoint : record.endpoints) {
        if (endpoint.host_link.empty()) continue;
        const std::optional<LinkInfo> link = TRY(find_link(route, endpoint.host_link));
        if (link) return false;
    }
    return !namespace_is_used(record.netns);
}

/// The numbers of namespaces that are somebody's for sure. The kernel gives a number again when its namespace is gone.
Result<std::vector<std::uint64_t>> namespaces_of(const State& state, const std::vector<std::string>& alive, std::uint64_t newcomer) {
    std::vector<std::uint64_t> out;
    if (newcomer != 0) out.push_back(newcomer);
    for (const std::string& container : alive) {
        const std::optional<AttachedRecord> record = TRY(state.find(container));
        if (record) out.push_back(record->netns);
    }
    return out;
}

/// Those that have no end on the host.
Result<void> remove_sub_links(const Fd& netns, const AttachedRecord& record) {
    for (const Endpoint& endpoint : record.endpoints) {
        if (!endpoint.host_link.empty()) continue;
        Netlink inside = TRY(Netlink::open_inside(netns, Netlink::Protocol::route));
        TRY(remove_link(inside, endpoint.interface));
    }
    return {};
}

/// One for the whole life of the process. Closing a socket that removed something waits until the kernel has freed that, a
/// grace period later (nft_rcv_nl_event() in its net/netfilter/nf_tables_api.c): 8 ms for which somebody would wait here.
Result<Netlink*> removal_socket() {
    static std::optional<Netlink> kept;
    if (!kept) kept.emplace(TRY(Netlink::open(Netlink::Protocol::netfilter)));
    return &*kept;
}

/// Links of dead namespaces go by themselves; one that is there after this time has a namespace that somebody keeps.
constexpr Duration patience = Duration::of_seconds(2);

Result<void> doom_link(const State& state, const std::string& link) {
    std::string doomed = TRY(state.doomed_links());
    doomed += cat(link, ' ', tick_now().nanoseconds, '\n');
    return state.store_doomed_links(doomed);
}

}  // namespace

Result<Work> open_work(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request) {
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
    Netlink inside = TRY(Netlink::open_inside(netns, Netlink::Protocol::route));
    const struct stat status = TRY(sys::fstat(netns));
    AttachedRecord record;
    record.container = request.id.str();
    record.name = request.name;
    record.netns = status.st_ino;
    return Work{networks, state, netns, request, std::move(route), std::move(netfilter), std::move(inside), std::move(record), {}};
}

Result<AttachedRecord> require_attached(const State& state, const ContainerId& id) {
    std::optional<AttachedRecord> record = TRY(state.find(id.str()));
    if (!record) return Error(Kind::not_found, cat("container ", id.short_id(), " is not attached"));
    return std::move(*record);
}

Result<Work> open_change(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request) {
    AttachedRecord record = TRY(require_attached(state, request.id));
    Work work = TRY(open_work(networks, state, netns, request));
    work.record = std::move(record);
    work.plans = plans_of(networks, state, work.record);
    return work;
}

std::vector<EndpointPlan> plans_of(const Networks& networks, const State& state, const AttachedRecord& record) {
    std::vector<EndpointPlan> plans;
    for (const Endpoint& endpoint : record.endpoints) {
        auto network = networks.find_locked(state, endpoint.network_id);
        if (network.ok()) plans.push_back({std::move(network).value(), endpoint, {}});
    }
    return plans;
}

// --- planning and recording --------------------------------------------------------------------------------------------

Result<void> plan_one(Work& work, const EndpointRequest& request) {
    const Network named = TRY(work.networks.find_locked(work.state, request.network));
    for (const EndpointPlan& plan : work.plans)
        if (plan.network.id == named.id) return Error(Kind::exists, cat("container ", work.request.name, " is on network ", named.name, " already"));
    const Network network = TRY(ensure_host_link(work.networks, work.state, work.route, named), "network ", named.name);
    const std::string table = TRY(work.state.table(network.id));
    EndpointPlan plan = TRY(plan_endpoint(network, {request, work.request, free_interface(work.plans)}, table), "network ", network.name);
    work.record.endpoints.push_back(plan.endpoint);
    work.plans.push_back(std::move(plan));
    return {};
}

Result<Published> plan_ports(const Work& work, const std::vector<PortMapping>& mappings, std::size_t held) {
    if (mappings.empty()) return Published{};
    const EndpointPlan* endpoint = find_publish_endpoint(work.plans);
    PublishRequest publish{work.record.container, work.record.name, mappings, {}, work.request.default_publish_address, held};
    if (endpoint != nullptr) {
        publish.target = target_of(endpoint->endpoint);
        const DriverOptions options = TRY(parse_driver_options(endpoint->network));
        if (!options.host_address.empty()) publish.default_address = options.host_address;
    }
    std::string table = TRY(work.state.ports());
    return plan_publish(publish, std::move(table));
}

Result<void> record_ports(const State& state, std::string_view table, const std::vector<PublishedPort>& changed) {
    TRY(state.store_ports(table));
    const auto is_range = [](const PublishedPort& port) { return port.host.size() > 1; };
    const std::string reserved = TRY(state.reserved_ports());
    if (reserved.empty() && std::none_of(changed.begin(), changed.end(), is_range)) return {};
    ignore(reserve_local_ports(state, table), "a host that does not let itself be told keeps to its own list: the ports work all the same");
    return {};
}

Result<void> store_member(const State& state, const EndpointPlan& plan) {
    std::string table = TRY(state.table(plan.network.id));
    table += member_line(plan.member);
    return state.store_table(plan.network.id, table);
}

PublishTarget target_of(const Endpoint& endpoint) { return {parse_optional(endpoint.ip), parse_optional(endpoint.ip6)}; }

const EndpointPlan* find_publish_endpoint(const std::vector<EndpointPlan>& plans) {
    const auto fits = [](const EndpointPlan& plan) { return plan.network.driver == "bridge" && !plan.network.internal; };
    const EndpointPlan* preferred = find_default(plans);
    if (preferred != nullptr && fits(*preferred)) return preferred;
    const auto found = std::find_if(plans.begin(), plans.end(), fits);
    return found == plans.end() ? nullptr : &*found;
}

// --- names -------------------------------------------------------------------------------------------------------------

NameScope name_scope(const Networks& networks, const std::vector<EndpointPlan>& plans) {
    NameScope scope;
    scope.forwards = false;
    for (const EndpointPlan& plan : plans) {
        scope.forwards = scope.forwards || !plan.network.internal;
        if (!plan.network.is_user_defined()) continue;
        scope.sources.push_back({plan.network.name, table_path(networks.paths(), plan.network.id)});
        for (const std::string& link : plan.endpoint.links)
            if (const std::size_t colon = link.find(':'); colon != std::string::npos)
                scope.links.emplace_back(link.substr(colon + 1), link.substr(0, colon));
    }
    return scope;
}

Result<std::unique_ptr<Service>> start_service(const Networks& networks, const Fd& netns, const AttachRequest& request,
                                               const std::vector<EndpointPlan>& plans) {
    std::unique_ptr<Service> service = TRY(Service::create());
    const bool filtered = std::any_of(plans.begin(), plans.end(), [](const EndpointPlan& plan) { return plan.network.driver == "bridge"; });
    // Without notices only the next attach would find the table missing.
    if (filtered) ignore(service->watch_firewall([networks] { ignore(heal(networks), "the next notice or attach tries again"); }), "see above");
    DnsServer::Settings settings{name_scope(networks, plans), {}};
    if (settings.scope.sources.empty()) return service;
    for (const std::string& server : request.dns.servers) {
        const IpAddress address = TRY(IpAddress::parse(server), "--dns");
        settings.servers.push_back(address);
    }
    TRY(service->serve_names(netns, std::move(settings)));
    return service;
}

// --- the firewall ------------------------------------------------------------------------------------------------------

std::vector<nft::Element> port_elements_of(const std::vector<EndpointPlan>& plans, const std::vector<PublishedPort>& ports) {
    const EndpointPlan* endpoint = find_publish_endpoint(plans);
    return endpoint == nullptr ? std::vector<nft::Element>() : elements_of(ports, target_of(endpoint->endpoint));
}

Result<void> heal(const Networks& networks) {
    const State state = TRY(State::lock(networks.paths()));
    Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
    const bool there = TRY(has_firewall(netfilter));
    return there ? Result<void>() : reassert(networks, state, netfilter);
}

Result<void> reassert(const Networks& networks, const State& state, Netlink& netfilter) {
    std::vector<nft::Element> elements;
    const auto add = [&](std::vector<nft::Element> more) {
        for (nft::Element& element : more) elements.push_back(std::move(element));
    };
    const std::string closed = TRY(state.closed_families());
    if (closed.find("ipv4") != std::string::npos) add(closed_family_element(Family::v4));
    if (closed.find("ipv6") != std::string::npos) add(closed_family_element(Family::v6));
    const std::vector<std::string> containers = TRY(state.list());
    for (const std::string& container : containers) {
        const std::optional<AttachedRecord> record = TRY(state.find(container));
        if (!record) continue;
        const std::vector<EndpointPlan> plans = plans_of(networks, state, *record);
        std::vector<nft::Element> bridges = TRY(bridge_elements_of(plans));
        add(std::move(bridges));
        add(port_elements_of(plans, record->ports));
    }
    return create_firewall(netfilter, elements);
}

/// Makes the table when it is missing, and takes the place of elements that nobody has.
Result<void> add_elements_of(Work& work, const std::vector<nft::Element>& bridges, const std::vector<nft::Element>& fresh) {
    auto added = add_elements(work.netfilter, bridges, fresh);
    // The record is stored already, so a table made anew has this container's elements too.
    if (!added.ok() && added.error().code() == ENOENT) return reassert(work.networks, work.state, work.netfilter);
    if (added.ok() || (added.error().code() != EEXIST && added.error().code() != ENOTEMPTY)) return added;
    // We hold these ports or have found nobody on them: the elements are what a berth left whose records are gone.
    TRY(remove_elements(work.netfilter, fresh));
    auto again = add_elements(work.netfilter, bridges, fresh);
    // ENOTEMPTY: an interval that overlaps another (nft_set_pipapo.c).
    if (!again.ok() && again.error().code() == ENOTEMPTY)
        return Error(Kind::exists, "a range overlaps one that berth with another root directory has published");
    return again;
}

Result<void> add_to_firewall(Work& work, const std::vector<PublishedPort>& ports) {
    for (const EndpointPlan& plan : work.plans) {
        if (plan.network.driver != "bridge") continue;
        if (plan.network.ipv4) TRY(open_forwarding(work.state, work.netfilter, Family::v4));
        if (plan.network.ipv6) TRY(open_forwarding(work.state, work.netfilter, Family::v6));
    }
    const std::vector<nft::Element> bridges = TRY(bridge_elements_of(work.plans));
    const std::vector<nft::Element> fresh = port_elements_of(work.plans, ports);
    const EndpointPlan* endpoint = find_publish_endpoint(work.plans);
    const PublishTarget target = endpoint == nullptr ? PublishTarget{} : target_of(endpoint->endpoint);
    TRY(add_elements_of(work, bridges, fresh));
    for (const auto& address : {target.v4, target.v6})
        if (address) TRY(forget_flows_to_ports(ports, *address));
    return {};
}

// --- taking back -------------------------------------------------------------------------------------------------------

Result<void> remove_endpoint(const Networks& networks, const State& state, const Endpoint& endpoint, const std::string& container,
                             Removal removal) {
    if (!endpoint.host_link.empty()) {
        Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
        const auto network = networks.find_locked(state, endpoint.network_id);
        TRY(disable_links(route, endpoint, network.ok() ? network.value().link : ""), "network ", endpoint.network);
        if (removal == Removal::now) TRY(remove_link(route, endpoint.host_link));
        else TRY(doom_link(state, endpoint.host_link));
    }
    return remove_member(state, endpoint.network_id, container);
}

Result<void> bury_links(const State& state) {
    const std::string doomed = TRY(state.doomed_links());
    if (doomed.empty()) return {};
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    std::string left;
    for (std::string_view rest = doomed; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::string_view name = line.substr(0, line.find(' '));
        const std::optional<LinkInfo> link = TRY(find_link(route, name));
        if (!link) continue;
        std::int64_t since = 0;
        std::from_chars(line.data() + std::min(line.size(), name.size() + 1), line.data() + line.size(), since);
        if (tick_now() - Tick{since} > patience) TRY(remove_link(route, name));
        else left += cat(line, '\n');
    }
    return state.store_doomed_links(left);
}

Result<void> detach_locked(const Networks& networks, const State& state, const std::string& container, const Fd* netns) {
    const std::optional<AttachedRecord> record = TRY(state.find(container));
    if (!record) return {};
    if (netns != nullptr && netns->valid()) ignore(remove_sub_links(*netns, *record), "they go with the namespace in the end");
    if (!record->ports.empty()) {
        Netlink* netfilter = TRY(removal_socket());
        // Whichever endpoint they led to: keys are unique, so removing by each target removes them all.
        for (const Endpoint& endpoint : record->endpoints) TRY(remove_elements(*netfilter, elements_of(record->ports, target_of(endpoint))));
        const std::string ports = TRY(state.ports());
        TRY(record_ports(state, without_container(ports, container), record->ports));
    }
    for (const Endpoint& endpoint : record->endpoints)
        for (const std::string* address : {&endpoint.ip, &endpoint.ip6})
            if (const auto parsed = parse_optional(*address)) TRY(forget_flows_to_container(record->ports, *parsed));
    for (const Endpoint& endpoint : record->endpoints) TRY(remove_endpoint(networks, state, endpoint, container, Removal::later));
    return state.remove(container);
}

Result<unsigned> sweep_locked(const Networks& networks, const State& state, const std::vector<std::string>& alive, std::uint64_t newcomer) {
    unsigned swept = 0;
    TRY(bury_links(state));
    TRY(state.remove_unfinished());
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    const std::vector<std::string> containers = TRY(state.list());
    const std::vector<std::uint64_t> taken = TRY(namespaces_of(state, alive, newcomer));
    for (const std::string& container : containers) {
        if (std::binary_search(alive.begin(), alive.end(), container)) continue;
        const std::optional<AttachedRecord> record = TRY(state.find(container));
        if (!record) continue;
        const bool gone = std::find(taken.begin(), taken.end(), record->netns) != taken.end() || TRY(is_gone(route, *record));
        if (!gone) continue;
        TRY(detach_locked(networks, state, container), "sweep ", container.substr(0, 12));
        ++swept;
    }
    return swept;
}

}  // namespace berth::network
