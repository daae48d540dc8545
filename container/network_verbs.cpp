// network connect and disconnect: in the container's definition for the next starts, and at once when it runs.

#include <algorithm>

#include "container/engine.h"
#include "container/monitor_client.h"
#include "container/registry.h"
#include "network/endpoint.h"
#include "network/networks.h"

namespace berth::container {

namespace {

/// Host and shared networks are a way to run, not something to join later.
Result<void> check_mode(const Record& record) {
    const std::string& mode = record.definition.host.network_mode;
    if (mode == "host" || mode.starts_with("container:"))
        return Error(Kind::wrong_state, cat("container ", record.name(), " shares the network of ", mode == "host" ? "the host" : "another container", ": it cannot join others"));
    return {};
}

Result<void> tell_monitor(Engine& engine, const Record& record, Op op, const network::EndpointRequest& endpoint) {
    Request request;
    request.op = op;
    request.endpoint = endpoint;
    auto answer = ask_monitor(engine, record, request);
    if (answer.ok()) return {};
    return std::move(answer).error();
}

}  // namespace

Result<void> connect_network(Engine& engine, const Record& found, const network::EndpointRequest& endpoint) {
    Registry* registry = TRY(engine.containers());
    network::Networks* networks = TRY(engine.networks());
    network::EndpointRequest wanted = endpoint;
    const network::Network network = TRY(networks->find(endpoint.network));
    wanted.network = network.name;
    const DirLock lock = TRY(registry->lock_definition(found.id()));
    Record record = TRY(registry->load(found.id()));
    TRY(check_mode(record));
    auto& list = record.definition.networks;
    const auto same = [&](const network::EndpointRequest& other) { return other.network == wanted.network; };
    if (std::any_of(list.begin(), list.end(), same))
        return Error(Kind::exists, cat("container ", record.name(), " is on network ", wanted.network, " already"));
    // At once, also for one that does not run: its next start would fail.
    TRY(network::check_request(network, wanted), "network ", network.name);
    // The monitor first: what the network refuses must not stand in the record.
    if (record.run.state.running()) TRY(tell_monitor(engine, record, Op::connect, wanted));
    list.push_back(wanted);
    if (record.definition.host.network_mode == "none") record.definition.host.network_mode = wanted.network;
    TRY(registry->store_definition(record.definition, Durability::disk));
    return {};
}

Result<void> disconnect_network(Engine& engine, const Record& found, const std::string& network, bool force) {
    Registry* registry = TRY(engine.containers());
    network::Networks* networks = TRY(engine.networks());
    const auto known = networks->find(network);
    const std::string name = known.ok() ? known.value().name : network;
    const DirLock lock = TRY(registry->lock_definition(found.id()));
    Record record = TRY(registry->load(found.id()));
    auto& list = record.definition.networks;
    const auto place = std::find_if(list.begin(), list.end(), [&](const auto& other) { return other.network == name; });
    if (place == list.end())
        return Error(Kind::not_found, cat("container ", record.name(), " is not connected to network ", name));
    if (record.run.state.running()) {
        auto told = tell_monitor(engine, record, Op::disconnect, *place);
        if (!told.ok() && !force) return told;
    }
    list.erase(place);
    if (list.empty()) record.definition.host.network_mode = "none";
    return registry->store_definition(record.definition, Durability::disk);
}

}  // namespace berth::container
