// Changes of a container that runs: networks come and go, ports open and close, and it gets another name.

#include <algorithm>

#include "network/attach.h"
#include "network/service.h"
#include "network/work.h"

namespace berth::network {

namespace {

/// Whether plan_publish made the port of that mapping: a random one is published port by port, of a range to choose from
/// it is one.
bool comes_of(const PublishedPort& port, const PortMapping& mapping) {
    if (mapping.protocol != port.protocol || (!mapping.host_ip.empty() && mapping.host_ip != port.host_ip)) return false;
    if (mapping.host.first == 0) return mapping.container.contains(port.container.first) && mapping.container.contains(port.container.last);
    if (mapping.host.size() != mapping.container.size()) return mapping.container == port.container && mapping.host.contains(port.host.first);
    return mapping.container == port.container && mapping.host == port.host;
}

/// The service hears of the networks that the container is on now.
Result<void> update_service(const Work& work, Attachment& attachment) {
    attachment.endpoints = work.record.endpoints;
    if (!attachment.service) {
        attachment.service = TRY(start_service(work.networks, work.netns, work.request, work.plans));
        return {};
    }
    if (const EndpointPlan* endpoint = find_publish_endpoint(work.plans)) attachment.service->relay().retarget(target_of(endpoint->endpoint));
    const bool has_names = std::any_of(work.plans.begin(), work.plans.end(), [](const EndpointPlan& plan) { return plan.network.is_user_defined(); });
    if (!has_names) return {};
    DnsServer::Settings settings{name_scope(work.networks, work.plans), {}};
    for (const std::string& server : work.request.dns.servers) {
        const IpAddress address = TRY(IpAddress::parse(server), "--dns");
        settings.servers.push_back(address);
    }
    return attachment.service->serve_names(work.netns, std::move(settings));
}

/// The default route and the ports follow the endpoint that has them now.
Result<void> move_default(Work& work, const std::vector<EndpointPlan>& before) {
    const EndpointPlan* now = find_default(work.plans);
    if (now != nullptr) TRY(move_default_route(work.inside, *now));
    const std::vector<nft::Element> old_elements = port_elements_of(before, work.record.ports);
    const std::vector<nft::Element> new_elements = port_elements_of(work.plans, work.record.ports);
    if (old_elements == new_elements) return {};
    TRY(remove_elements(work.netfilter, old_elements));
    return add_elements(work.netfilter, new_elements, {});
}

}  // namespace

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
        ignore(remove_endpoint(networks, state, added.endpoint, work.record.container, Removal::now), "the first failure is what the user must know");
        work.record.endpoints.pop_back();
        ignore(state.store(work.record), "a record with an endpoint too many is swept later");
        return applied;
    }
    return update_service(work, attachment);
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
    // A macvlan or ipvlan has no other end: it is taken away inside.
    if (leaving.host_link.empty()) TRY(remove_link(work.inside, leaving.interface), "network ", named.name);
    TRY(remove_endpoint(networks, state, leaving, work.record.container, Removal::now));
    TRY(move_default(work, before));
    TRY(state.store(work.record));
    return update_service(work, attachment);
}

Result<void> publish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                     const std::vector<PortMapping>& mappings, Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    Work work = TRY(open_change(networks, state, netns, request));
    if (!attachment.service) attachment.service = TRY(start_service(networks, netns, request, work.plans));
    Published published = TRY(plan_ports(work, mappings, attachment.service->relay().size()));
    work.record.ports.insert(work.record.ports.end(), published.ports.begin(), published.ports.end());
    TRY(state.store(work.record));
    TRY(record_ports(state, published.table, published.ports));
    TRY(add_to_firewall(work, published.ports));
    attachment.ports = work.record.ports;
    attachment.service->relay().add(std::move(published.holds));
    return {};
}

Result<void> unpublish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                       const std::vector<PortMapping>& mappings, Attachment& attachment) {
    const State state = TRY(State::lock(networks.paths()));
    Work work = TRY(open_change(networks, state, netns, request));
    const auto is_meant = [&](const PublishedPort& port) {
        return std::any_of(mappings.begin(), mappings.end(), [&](const PortMapping& mapping) { return comes_of(port, mapping); });
    };
    std::vector<PublishedPort> leaving;
    std::copy_if(work.record.ports.begin(), work.record.ports.end(), std::back_inserter(leaving), is_meant);
    if (leaving.empty()) return Error(Kind::not_found, cat("container ", work.record.name, " has no such published port"));
    TRY(remove_elements(work.netfilter, port_elements_of(work.plans, leaving)));
    std::erase_if(work.record.ports, is_meant);
    const std::string before = TRY(state.ports());
    std::string table = without_container(before, work.record.container);
    for (const PublishedPort& port : work.record.ports) table += port_line({work.record.container, work.record.name, port});
    TRY(record_ports(state, table, leaving));
    TRY(state.store(work.record));
    attachment.ports = work.record.ports;
    if (attachment.service) attachment.service->relay().remove(leaving);
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

}  // namespace berth::network
