#include "container/engine.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "base/log.h"
#include "container/monitor_client.h"
#include "container/registry.h"
#include "image/store.h"
#include "network/attach.h"
#include "network/networks.h"

namespace berth::container {

namespace {

/// Opens the part at its first use.
template <class T, class Open>
Result<T*> opened(std::unique_ptr<T>& part, Open open) {
    if (!part) part = std::make_unique<T>(TRY(open()));
    return part.get();
}

/// A record that says "running" although no monitor lives: after a reboot it is stale, else the container may still run.
/// Either way a new monitor finds out, since only it may write the state.
Result<void> repair(Engine& engine, Registry& registry, Record& record) {
    if (!record.run.state.running()) return {};
    if (TRY(registry.is_run_locked(record.id()))) return {};
    std::optional<DirLock> lock = TRY(registry.try_run_lock(record.id()));
    if (!lock) return {};
    // It may have ended in the ordinary way between our reading and our locking.
    record = TRY(registry.load(record.id()));
    if (!record.run.state.running()) return {};
    if (record.run.boot != boot_id()) {
        State& state = record.run.state;
        state.status = Status::exited;
        state.exit_code = 255;
        state.init.reset();
        state.cgroup = Json();
        record.run.network = {};
        return registry.store_state(record.id(), record.run, Durability::boot);
    }
    TRY(adopt_by_monitor(engine, record, std::move(*lock), {}, {}), "adopt container ", record.name());
    // Where one process was killed others may have been: what they left half made goes too.
    ignore(registry.sweep(), "the next repair tries again");
    if (auto networks = engine.networks(); networks.ok()) ignore(network::sweep(*networks.value()), "the next repair tries again");
    record = TRY(registry.load(record.id()));
    return {};
}

/// In place, and each record moved once (along the cycles of the permutation), since records are large.
void sort_newest_first(std::vector<Record>& records) {
    std::vector<std::size_t> order(records.size());  // Which record comes to a place.
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t index) { return records[index].definition.created; });
    for (std::size_t start = 0; start < order.size(); ++start) {
        if (order[start] == start) continue;
        Record first = std::move(records[start]);
        std::size_t place = start;
        for (std::size_t from; (from = std::exchange(order[place], place)) != start; place = from)
            records[place] = std::move(records[from]);
        records[place] = std::move(first);
    }
}

/// What starts and build steps left at the network that were killed on their way: attached, but no container that runs.
Result<void> sweep_networks(Engine& engine, const std::vector<Record>& records) {
    const network::Networks* networks = TRY(engine.networks());
    std::vector<std::string> alive;
    for (const Record& record : records)
        if (record.run.state.running()) alive.push_back(record.id());
    std::sort(alive.begin(), alive.end());
    return network::sweep_others(*networks, alive);
}

}  // namespace

Engine::Engine(Paths paths) : paths_(std::move(paths)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(Paths paths) { return Engine(std::move(paths)); }

Result<image::Store*> Engine::images() {
    return opened(images_, [&] { return image::Store::open(paths_.root); });
}

Result<Registry*> Engine::containers() {
    return opened(containers_, [&] { return Registry::open(paths_.root, paths_.run_root); });
}

Result<Volumes*> Engine::volumes() {
    return opened(volumes_, [&] { return Volumes::open(paths_.root); });
}

Result<network::Networks*> Engine::networks() {
    return opened(networks_, [&] {
        return network::Networks::open({paths_.root + "/networks", paths_.run_root + "/network"});
    });
}

Result<Record> find(Engine& engine, const std::string& reference) {
    Registry* registry = TRY(engine.containers());
    const std::string id = TRY(registry->resolve(reference));
    Record record = TRY(registry->load(id));
    TRY(repair(engine, *registry, record));
    return record;
}

Result<std::vector<Record>> list(Engine& engine) {
    Registry* registry = TRY(engine.containers());
    std::vector<Record> records;
    const std::vector<std::string> ids = TRY(registry->ids());
    // Whoever looks at all of them also tidies what a killed create or rm left.
    ignore(registry->sweep_run_folders(ids), "the next list tries again");
    records.reserve(ids.size());
    for (const std::string& id : ids) {
        auto loaded = registry->load(id);
        if (!loaded.ok()) {
            // Just removed, or half made by a command that crashed.
            if (loaded.error().kind() != Kind::not_found && loaded.error().code() != ENOENT) return std::move(loaded).error();
            ignore(registry->sweep_container(id), "the next list tries again");
            continue;
        }
        Record record = std::move(loaded).value();
        auto repaired = repair(engine, *registry, record);
        if (!repaired.ok() && repaired.error().kind() == Kind::not_found) continue;
        if (!repaired.ok()) log::warn(repaired.error().text(), ", showing its last known state");
        records.push_back(std::move(record));
    }
    ignore(sweep_networks(engine, records), "the next list tries again");
    sort_newest_first(records);
    return records;
}

}  // namespace berth::container
