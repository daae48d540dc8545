// update: limits, restart policy, ports, environment and labels of a container that exists.

#include "container/update.h"

#include <algorithm>

#include "container/history.h"
#include "container/launch.h"
#include "container/merge.h"
#include "container/monitor_client.h"
#include "container/registry.h"
#include "container/spec.h"
#include "network/firewall.h"
#include "network/netlink.h"

namespace berth::container {

namespace {

using network::PortMapping;

/// `wanted` names `there`: the container's port is enough.
bool names(const PortMapping& wanted, const PortMapping& there) {
    return wanted.protocol == there.protocol && wanted.container == there.container &&
           (wanted.host.first == 0 || wanted.host == there.host) && (wanted.host_ip.empty() || wanted.host_ip == there.host_ip);
}

Result<void> change_ports(Definition& definition, const UpdateRequest& request) {
    if (request.publish.empty() && request.unpublish.empty()) return {};
    if (!has_networks(definition))
        return Error(Kind::invalid, cat("container ", definition.name, " has no network of its own to publish ports of"));
    std::vector<PortMapping>& ports = definition.host.port_bindings;
    for (const PortMapping& wanted : request.unpublish)
        if (std::erase_if(ports, [&](const PortMapping& there) { return names(wanted, there); }) == 0)
            return Error(Kind::not_found, cat("container ", definition.name, " does not publish ", wanted.str()))
                .with_hint(definition.host.publish_all_ports ? "ports that -P published stay until it is made anew" : cat("see 'berth port ", definition.name, "'"));
    for (const PortMapping& added : request.publish) {
        if (std::find(ports.begin(), ports.end(), added) != ports.end())
            return Error(Kind::exists, cat("container ", definition.name, " publishes ", added.str(), " already"));
        ports.push_back(added);
    }
    return {};
}

void change_environment(Definition& definition, const UpdateRequest& request) {
    for (const std::string& key : request.env_remove) set_env(definition.config.env, key);
    for (const std::string& entry : request.env) set_env(definition.config.env, entry);
    for (const std::string& key : request.labels_remove) definition.config.labels.erase(key);
    for (const auto& [key, value] : request.labels) definition.config.labels[key] = value;
}

Result<void> change_limits(Definition& definition, const UpdateOptions& options) {
    HostConfig& host = definition.host;
    const auto take = [](auto& into, const auto& wanted) {
        if (wanted) into = *wanted;
    };
    take(host.restart_policy, options.restart_policy);
    take(host.memory, options.memory);
    take(host.memory_reservation, options.memory_reservation);
    take(host.memory_swap, options.memory_swap);
    take(host.nano_cpus, options.nano_cpus);
    take(host.cpu_shares, options.cpu_shares);
    take(host.cpu_period, options.cpu_period);
    take(host.cpu_quota, options.cpu_quota);
    take(host.cpu_realtime_period, options.cpu_realtime_period);
    take(host.cpu_realtime_runtime, options.cpu_realtime_runtime);
    take(host.blkio_weight, options.blkio_weight);
    take(host.pids_limit, options.pids_limit);
    take(host.cpuset_cpus, options.cpuset_cpus);
    take(host.cpuset_mems, options.cpuset_mems);
    return check_host_config(host);
}

bool is_for_this_host_only(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

}  // namespace

std::vector<PortMapping> ports_missing_in(const std::vector<PortMapping>& list, const std::vector<PortMapping>& other) {
    std::vector<PortMapping> missing;
    std::copy_if(list.begin(), list.end(), std::back_inserter(missing),
                 [&](const PortMapping& mapping) { return std::find(other.begin(), other.end(), mapping) == other.end(); });
    return missing;
}

Result<void> apply_update(Definition& definition, const UpdateRequest& request) {
    TRY(change_limits(definition, request.limits));
    change_environment(definition, request);
    return change_ports(definition, request);
}

Words publish_warnings(const Definition& definition) {
    const HostConfig& host = definition.host;
    const auto is_open = [&](const PortMapping& mapping) {
        return !is_for_this_host_only(mapping.host_ip);
    };
    const bool any = host.publish_all_ports || std::any_of(host.port_bindings.begin(), host.port_bindings.end(), is_open);
    if (!any || !has_networks(definition)) return {};
    auto netfilter = network::Netlink::open(network::Netlink::Protocol::netfilter);
    if (!netfilter.ok()) return {};
    const auto obstacle = network::find_forward_obstacle(netfilter.value());
    if (!obstacle.ok() || !obstacle.value()) return {};
    return {cat("other machines may not reach the published ports: this host's firewall drops what is forwarded (", *obstacle.value(), ')')};
}

Result<Words> update(Engine& engine, Record& record, const UpdateOptions& options) {
    return update(engine, record, UpdateRequest{.limits = options});
}

Result<Words> update(Engine& engine, Record& record, const UpdateRequest& wanted) {
    Registry* registry = TRY(engine.containers());
    const DirLock lock = TRY(registry->lock_definition(record.id()));
    record = TRY(registry->load(record.id()));
    const Definition before = record.definition;
    TRY(apply_update(record.definition, wanted));
    TRY(registry->store_definition(record.definition, Durability::disk));
    Request request;
    request.op = Op::update;
    auto applied = ask_monitor(engine, record, request);
    if (!applied.ok() && applied.error().kind() != Kind::wrong_state) {
        // The kernel refused (a limit below what is in use, a port that is taken): the record says what holds.
        record.definition = before;
        ignore(registry->store_definition(record.definition, Durability::disk), "the error below is the one to tell");
        return std::move(applied).error();
    }
    note(engine.paths().root, {container_event(record, "update")});
    return wanted.publish.empty() ? Words() : publish_warnings(record.definition);
}

}  // namespace berth::container
