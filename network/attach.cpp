// The order matters: what can be refused (names, addresses, ports) comes before what has to be undone, the record comes
// before the kernel, and the firewall comes last, when there is something to send packets to. Undoing is detaching: the
// record says all that can be there.

#include "network/attach.h"

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "network/endpoint.h"
#include "network/publish.h"
#include "network/service.h"
#include "network/state.h"

namespace berth::network {

namespace {

/// Everything that a change of one container's attachment works with.
struct Work {
    const Networks& networks;
    const State& state;
    const Fd& netns;
    const AttachRequest& request;
    Netlink route;
    Netlink netfilter;
    Netlink inside;
    AttachedRecord record;
    std::vector<EndpointPlan> plans;  // one for each endpoint of the record
};

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

std::optional<IpAddress> parse_optional(const std::string& text) {
    auto address = IpAddress::parse(text);
    if (!address.ok()) return std::nullopt;
    return address.value();
}

PublishTarget target_of(const Endpoint& endpoint) { return {parse_optional(endpoint.ip), parse_optional(endpoint.ip6)}; }

/// Ports lead to the endpoint with the default route when that is on a bridge, else to the first that is.
const EndpointPlan* find_publish_endpoint(const std::vector<EndpointPlan>& plans) {
    const auto fits = [](const EndpointPlan& plan) { return plan.network.driver == "bridge" && !plan.network.internal; };
    const EndpointPlan* preferred = find_default(plans);
    if (preferred != nullptr && fits(*preferred)) return preferred;
    const auto found = std::find_if(plans.begin(), plans.end(), fits);
    return found == plans.end() ? nullptr : &*found;
}

std::string free_interface(const std::vector<EndpointPlan>& plans) {
    for (unsigned number = 0;; ++number) {
        const std::string name = cat("eth", number);
        const bool taken = std::any_of(plans.begin(), plans.end(), [&](const EndpointPlan& plan) { return plan.endpoint.interface == name; });
        if (!taken) return name;
    }
}

// --- planning and recording --------------------------------------------------------------------------------------------

Result<void> plan_one(Work& work, const EndpointRequest& request) {
    const Network named = TRY(work.networks.find_locked(work.state, request.network));
    for (const EndpointPlan& plan : work.plans)
        if (plan.network.id == named.id) return Error(Kind::exists, cat("container ", work.request.name, " is on network ", named.name, " already"));
    const Network network = TRY(ensure_bridge(work.networks, work.state, work.route, named), "network ", named.name);
    const std::string table = TRY(work.state.table(network.id));
    EndpointPlan plan = TRY(plan_endpoint(network, {request, work.request, free_interface(work.plans)}, table), "network ", network.name);
    work.record.endpoints.push_back(plan.endpoint);
    work.plans.push_back(std::move(plan));
    return {};
}

/// Plans of the endpoints that the record has, for changes of a container that is attached.
Result<void> load_plans(Work& work) {
    for (const Endpoint& endpoint : work.record.endpoints) {
        Network network = TRY(work.networks.find_locked(work.state, endpoint.network_id));
        work.plans.push_back({std::move(network), endpoint, {}});
    }
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

Result<void> store_member(const State& state, const EndpointPlan& plan) {
    std::string table = TRY(state.table(plan.network.id));
    table += member_line(plan.member);
    return state.store_table(plan.network.id, table);
}

Result<void> store_plans(const Work& work, const Published& published) {
    TRY(work.state.store(work.record), "record attachment");
    for (const EndpointPlan& plan : work.plans) TRY(store_member(work.state, plan), "record address");
    if (!published.ports.empty()) TRY(work.state.store_ports(published.table), "record ports");
    return {};
}

// --- the kernel --------------------------------------------------------------------------------------------------------

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

Result<void> create_all_links(Work& work) {
    TRY(configure_loopback(work.inside));
    const EndpointPlan* with_default = find_default(work.plans);
    for (const EndpointPlan& plan : work.plans)
        TRY(create_links({work.route, work.inside, work.netns}, plan, &plan == with_default), "network ", plan.network.name);
    return {};
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

std::vector<nft::Element> port_elements_of(const std::vector<EndpointPlan>& plans, const std::vector<PublishedPort>& ports) {
    const EndpointPlan* endpoint = find_publish_endpoint(plans);
    return endpoint == nullptr ? std::vector<nft::Element>() : elements_of(ports, target_of(endpoint->endpoint));
}

/// All that should be in the table, from the records: for a table that somebody flushed, or the first of this boot.
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
        std::vector<EndpointPlan> plans;
        for (const Endpoint& endpoint : record->endpoints) {
            auto network = networks.find_locked(state, endpoint.network_id);
            if (network.ok()) plans.push_back({std::move(network).value(), endpoint, {}});
        }
        std::vector<nft::Element> bridges = TRY(bridge_elements_of(plans));
        add(std::move(bridges));
        add(port_elements_of(plans, record->ports));
    }
    return create_firewall(netfilter, elements);
}

Result<void> add_to_firewall(Work& work, const std::vector<PublishedPort>& ports) {
    for (const EndpointPlan& plan : work.plans) {
        if (plan.network.driver != "bridge") continue;
        if (plan.network.ipv4) TRY(open_forwarding(work.state, work.netfilter, Family::v4));
        if (plan.network.ipv6) TRY(open_forwarding(work.state, work.netfilter, Family::v6));
    }
    const std::vector<nft::Element> bridges = TRY(bridge_elements_of(work.plans));
    const std::vector<nft::Element> fresh = port_elements_of(work.plans, ports);
    auto added = add_elements(work.netfilter, bridges, fresh);
    // The record is stored already, so a table made anew has this container's elements too.
    if (!added.ok() && added.error().code() == ENOENT) return reassert(work.networks, work.state, work.netfilter);
    if (added.ok() || added.error().code() != EEXIST) return added;
    // We hold these ports or have found nobody on them: the elements are what a berth left whose records are gone.
    TRY(remove_elements(work.netfilter, fresh));
    return add_elements(work.netfilter, bridges, fresh);
}

// --- taking back -------------------------------------------------------------------------------------------------------

Result<void> remove_member(const State& state, const std::string& network_id, const std::string& container) {
    const std::string table = TRY(state.table(network_id));
    return state.store_table(network_id, without_container(table, container));
}

Result<void> remove_endpoint(const Networks& networks, const State& state, const Endpoint& endpoint, const std::string& container) {
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    const auto network = networks.find_locked(state, endpoint.network_id);
    TRY(remove_links(route, endpoint, network.ok() ? network.value().link : ""), "network ", endpoint.network);
    return remove_member(state, endpoint.network_id, container);
}

Result<void> detach_locked(const Networks& networks, const State& state, const std::string& container) {
    const std::optional<AttachedRecord> record = TRY(state.find(container));
    if (!record) return {};
    if (!record->ports.empty()) {
        Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
        // Whichever endpoint they led to: keys are unique, so removing by each target removes them all.
        for (const Endpoint& endpoint : record->endpoints) TRY(remove_elements(netfilter, elements_of(record->ports, target_of(endpoint))));
        const std::string ports = TRY(state.ports());
        TRY(state.store_ports(without_container(ports, container)));
    }
    for (const Endpoint& endpoint : record->endpoints) TRY(remove_endpoint(networks, state, endpoint, container));
    return state.remove(container);
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

/// The lock is ours, so a record without its links is not one in the making.
Result<bool> is_gone(Netlink& route, const AttachedRecord& record) {
    for (const Endpoint& endpoint : record.endpoints) {
        if (endpoint.host_link.empty()) continue;
        const std::optional<LinkInfo> link = TRY(find_link(route, endpoint.host_link));
        return !link.has_value();
    }
    return !namespace_is_used(record.netns);
}

/// How many were swept.
Result<unsigned> sweep_locked(const Networks& networks, const State& state) {
    unsigned swept = 0;
    Netlink route = TRY(Netlink::open(Netlink::Protocol::route));
    const std::vector<std::string> containers = TRY(state.list());
    for (const std::string& container : containers) {
        const std::optional<AttachedRecord> record = TRY(state.find(container));
        if (!record) continue;
        const bool gone = TRY(is_gone(route, *record));
        if (!gone) continue;
        TRY(detach_locked(networks, state, container), "sweep ", container.substr(0, 12));
        ++swept;
    }
    return swept;
}

// --- putting together --------------------------------------------------------------------------------------------------

Result<Attachment> attach_work(Work& work) {
    for (const EndpointRequest& request : work.request.networks) TRY(plan_one(work, request));
    Published published = TRY(plan_ports(work, work.request.publish, 0));
    work.record.ports = published.ports;
    TRY(store_plans(work, published));
    TRY(create_all_links(work));
    TRY(add_to_firewall(work, published.ports), "publish");
    Attachment attachment;
    attachment.endpoints = work.record.endpoints;
    attachment.ports = work.record.ports;
    attachment.service = std::make_unique<Service>();
    attachment.service->add_holds(std::move(published.holds));
    return attachment;
}

Result<Attachment> attach_locked(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request) {
    Work work = TRY(open_work(networks, state, netns, request));
    auto attached = attach_work(work);
    if (attached.ok()) return attached;
    Error failure = std::move(attached).error();
    auto undone = detach_locked(networks, state, request.id.str());
    if (!undone.ok()) return Error(failure.kind(), cat(failure.text(), "; undo: ", undone.error().text())).with_hint(failure.hint());
    return failure;
}

Result<AttachedRecord> require_attached(const State& state, const ContainerId& id) {
    std::optional<AttachedRecord> record = TRY(state.find(id.str()));
    if (!record) return Error(Kind::not_found, cat("container ", id.short_id(), " is not attached"));
    return std::move(*record);
}

/// A change of a container that is attached: its record and the plans of what it has.
Result<Work> open_change(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request) {
    AttachedRecord record = TRY(require_attached(state, request.id));
    Work work = TRY(open_work(networks, state, netns, request));
    work.record = std::move(record);
    TRY(load_plans(work));
    return work;
}

/// The default route and the ports follow the endpoint that has them now.
Result<void> move_default(Work& work, const std::vector<EndpointPlan>& before) {
    const EndpointPlan* now = find_default(work.plans);
    if (now != nullptr)
        for (const std::string* text : {&now->endpoint.gateway, &now->endpoint.gateway6})
            if (const auto gateway = parse_optional(*text)) TRY(set_default_route(work.inside, now->endpoint.interface, *gateway));
    const std::vector<nft::Element> old_elements = port_elements_of(before, work.record.ports);
    const std::vector<nft::Element> new_elements = port_elements_of(work.plans, work.record.ports);
    if (old_elements == new_elements) return {};
    TRY(remove_elements(work.netfilter, old_elements));
    return add_elements(work.netfilter, new_elements, {});
}

}  // namespace

Attachment::Attachment() = default;
Attachment::Attachment(Attachment&&) noexcept = default;
Attachment& Attachment::operator=(Attachment&&) noexcept = default;
Attachment::~Attachment() = default;

int Attachment::events() const { return service ? service->events() : -1; }

void Attachment::on_events() {
    if (service) service->on_events();
}

Endpoint make_idle_endpoint(const EndpointRequest& request) {
    Endpoint endpoint;
    endpoint.network = request.network;
    endpoint.aliases = request.aliases;
    endpoint.wanted_ip = request.ip;
    endpoint.wanted_ip6 = request.ip6;
    endpoint.links = request.links;
    endpoint.link_local_ips = request.link_local_ips;
    endpoint.driver_options = request.driver_options;
    endpoint.gateway_priority = request.gateway_priority;
    return endpoint;
}

Json endpoint_settings(const Endpoint& endpoint) {
    const auto list_or_null = [](const std::vector<std::string>& list) { return list.empty() ? Json() : to_json(list); };
    Json wanted;
    if (!endpoint.wanted_ip.empty() || !endpoint.wanted_ip6.empty() || !endpoint.link_local_ips.empty()) {
        wanted = Json::Object{};
        if (!endpoint.wanted_ip.empty()) wanted.set("IPv4Address", endpoint.wanted_ip);
        if (!endpoint.wanted_ip6.empty()) wanted.set("IPv6Address", endpoint.wanted_ip6);
        if (!endpoint.link_local_ips.empty()) wanted.set("LinkLocalIPs", to_json(endpoint.link_local_ips));
    }
    return Json::Object{
        {"IPAMConfig", std::move(wanted)},
        {"Links", list_or_null(endpoint.links)},
        {"Aliases", list_or_null(endpoint.aliases)},
        {"MacAddress", endpoint.mac},
        {"DriverOpts", endpoint.driver_options.empty() ? Json() : to_json(endpoint.driver_options)},
        {"GwPriority", endpoint.gateway_priority},
        {"NetworkID", endpoint.network_id},
        {"EndpointID", endpoint.endpoint_id},
        {"Gateway", endpoint.gateway},
        {"IPAddress", endpoint.ip},
        {"IPPrefixLen", endpoint.prefix},
        {"IPv6Gateway", endpoint.gateway6},
        {"GlobalIPv6Address", endpoint.ip6},
        {"GlobalIPv6PrefixLen", endpoint.prefix6},
        {"DNSNames", list_or_null(endpoint.dns_names)},
    };
}

Result<Attachment> attach(const Networks& networks, const Fd& netns, const AttachRequest& request) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(detach_locked(networks, state, request.id.str()), "detach what an earlier run left");
    auto attached = attach_locked(networks, state, netns, request);
    const bool contended = !attached.ok() && (attached.error().kind() == Kind::exists || attached.error().kind() == Kind::busy);
    if (!contended) return attached;
    // Perhaps in the way is only what a killed process left.
    const unsigned swept = TRY(sweep_locked(networks, state));
    return swept == 0 ? std::move(attached) : attach_locked(networks, state, netns, request);
}

Result<Attachment> adopt(const Networks& networks, const Fd&, const AttachRequest& request) {
    const State state = TRY(State::lock(networks.paths()));
    const AttachedRecord record = TRY(require_attached(state, request.id));
    std::vector<EndpointPlan> plans;
    for (const Endpoint& endpoint : record.endpoints) {
        Network network = TRY(networks.find_locked(state, endpoint.network_id));
        plans.push_back({std::move(network), endpoint, {}});
    }
    Attachment attachment;
    attachment.endpoints = record.endpoints;
    attachment.ports = record.ports;
    attachment.service = std::make_unique<Service>();
    if (const EndpointPlan* endpoint = find_publish_endpoint(plans))
        attachment.service->add_holds(hold_published(record.ports, target_of(endpoint->endpoint)));
    return attachment;
}

Result<void> detach(const Networks& networks, const ContainerId& id) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(detach_locked(networks, state, id.str()), "detach networks");
    return {};
}

Result<std::optional<Attachment>> find_attachment(const Networks& networks, const ContainerId& id) {
    std::optional<AttachedRecord> record = TRY(read_attached(networks.paths(), id.str()));
    std::optional<Attachment> attachment;
    if (!record) return attachment;
    attachment.emplace();
    attachment->endpoints = std::move(record->endpoints);
    attachment->ports = std::move(record->ports);
    return attachment;
}

Result<void> connect(const Networks& networks, const Fd& netns, const AttachRequest& request, const EndpointRequest& endpoint,
                     Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    Work work = TRY(open_change(networks, state, netns, request));
    const std::vector<EndpointPlan> before = work.plans;
    TRY(plan_one(work, endpoint));
    const EndpointPlan& added = work.plans.back();
    const auto apply = [&]() -> Result<void> {
        TRY(state.store(work.record));
        TRY(store_member(state, added));
        TRY(create_links({work.route, work.inside, netns}, added, false), "network ", added.network.name);
        TRY(add_to_firewall(work, {}));
        return find_default(work.plans) == &added ? move_default(work, before) : Result<void>();
    };
    auto applied = apply();
    if (!applied.ok()) {
        ignore(remove_endpoint(networks, state, added.endpoint, work.record.container), "the first failure is what the user must know");
        work.record.endpoints.pop_back();
        ignore(state.store(work.record), "a record with an endpoint too many is swept later");
        return applied;
    }
    attachment.endpoints = work.record.endpoints;
    return {};
}

Result<void> disconnect(const Networks& networks, const Fd& netns, const ContainerId& id, std::string_view network,
                        Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    const AttachRequest request{id, "", "", {}, {}, {}, ""};
    Work work = TRY(open_change(networks, state, netns, request));
    const std::vector<EndpointPlan> before = work.plans;
    const Network named = TRY(networks.find_locked(state, network));
    const auto found = std::find_if(work.plans.begin(), work.plans.end(), [&](const EndpointPlan& plan) { return plan.network.id == named.id; });
    if (found == work.plans.end())
        return Error(Kind::not_found, cat("container ", work.record.name, " is not on network ", named.name));
    const Endpoint leaving = found->endpoint;
    work.plans.erase(found);
    std::erase_if(work.record.endpoints, [&](const Endpoint& endpoint) { return endpoint.network_id == named.id; });
    if (leaving.host_link.empty()) return Error(Kind::unsupported, cat("network ", named.name, ": a ", named.driver, " link cannot be taken from a running container"));
    TRY(remove_endpoint(networks, state, leaving, work.record.container));
    TRY(move_default(work, before));
    TRY(state.store(work.record));
    attachment.endpoints = work.record.endpoints;
    return {};
}

Result<void> publish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                     const std::vector<PortMapping>& mappings, Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    Work work = TRY(open_change(networks, state, netns, request));
    if (!attachment.service) attachment.service = std::make_unique<Service>();
    Published published = TRY(plan_ports(work, mappings, attachment.service->hold_count()));
    work.record.ports.insert(work.record.ports.end(), published.ports.begin(), published.ports.end());
    TRY(state.store(work.record));
    TRY(state.store_ports(published.table));
    TRY(add_to_firewall(work, published.ports));
    attachment.ports = work.record.ports;
    attachment.service->add_holds(std::move(published.holds));
    return {};
}

Result<void> unpublish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                       const std::vector<PortMapping>& mappings, Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    Work work = TRY(open_change(networks, state, netns, request));
    const auto is_meant = [&](const PublishedPort& port) {
        return std::any_of(mappings.begin(), mappings.end(), [&](const PortMapping& mapping) {
            return mapping.protocol == port.protocol && mapping.container == port.container &&
                   (mapping.host.first == 0 || mapping.host == port.host) && (mapping.host_ip.empty() || mapping.host_ip == port.host_ip);
        });
    };
    std::vector<PublishedPort> leaving;
    std::copy_if(work.record.ports.begin(), work.record.ports.end(), std::back_inserter(leaving), is_meant);
    if (leaving.empty()) return Error(Kind::not_found, cat("container ", work.record.name, " has no such published port"));
    TRY(remove_elements(work.netfilter, port_elements_of(work.plans, leaving)));
    std::erase_if(work.record.ports, is_meant);
    const std::string before = TRY(state.ports());
    std::string table = without_container(before, work.record.container);
    for (const PublishedPort& port : work.record.ports) table += port_line({work.record.container, work.record.name, port});
    TRY(state.store_ports(table));
    TRY(state.store(work.record));
    attachment.ports = work.record.ports;
    if (attachment.service) attachment.service->remove_holds(leaving);
    return {};
}

Result<void> rename(const Networks& networks, const ContainerId& id, std::string_view name, Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    AttachedRecord record = TRY(require_attached(state, id));
    for (Endpoint& endpoint : record.endpoints) {
        const std::string before = TRY(state.table(endpoint.network_id));
        std::vector<Member> members = parse_members(before);
        std::string table;
        for (Member& member : members) {
            if (member.container == record.container) {
                std::replace(member.names.begin(), member.names.end(), record.name, std::string(name));
                if (!endpoint.dns_names.empty()) endpoint.dns_names = member.names;
            }
            table += member_line(member);
        }
        TRY(state.store_table(endpoint.network_id, table));
    }
    record.name = name;
    const std::string before = TRY(state.ports());
    std::string ports = without_container(before, record.container);
    for (const PublishedPort& port : record.ports) ports += port_line({record.container, record.name, port});
    TRY(state.store_ports(ports));
    TRY(state.store(record));
    attachment.endpoints = record.endpoints;
    return {};
}

Result<void> sweep(const Networks& networks) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(sweep_locked(networks, state));
    return {};
}

Result<void> bring_up_loopback(const Fd& netns) {
    Netlink inside = TRY(Netlink::open_inside(netns, Netlink::Protocol::route));
    return configure_loopback(inside);
}

}  // namespace berth::network
