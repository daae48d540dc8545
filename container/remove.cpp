// rm: a container that does not run, or with force one that does.

#include "container/end_run.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/launch.h"
#include "container/monitor_client.h"
#include "container/prune.h"
#include "container/registry.h"
#include "network/networks.h"

namespace berth::container {

namespace {

Error still_running(const Record& record) {
    return Error(Kind::wrong_state, cat("container ", record.name(), " is ", status_word(record.run.state.status)))
        .with_hint("stop it first, or remove it with force: -f");
}

/// What a crash may have left of a run that no monitor tidied: its control group, its addresses and ports. Also of the very
/// first start, which then nothing tells of.
Result<void> remove_leftover(Engine& engine, const Record& record) {
    TRY(remove_leftover_cgroup(record.definition));
    if (record.definition.networks.empty()) return {};
    network::Networks* networks = TRY(engine.networks());
    const ContainerId id = TRY(ContainerId::parse(record.id()));
    return network::detach(*networks, id);
}

}  // namespace

Result<void> remove(Engine& engine, const Record& found, const RemoveOptions& options) {
    Registry* registry = TRY(engine.containers());
    Record record = found;
    std::optional<DirLock> lock = TRY(lock_stopped(engine, record));
    if (!lock) {
        if (!options.force) return still_running(record);
        StopOptions now;
        now.signal = "KILL";
        now.for_restart = true;  // There is no need to remember for a next boot that it was stopped.
        TRY(end_run(engine, record, now));
        auto waited = registry->wait_run_lock(record.id());
        // It was `--rm`, and went by itself.
        if (!waited.ok() && waited.error().kind() == Kind::not_found) return {};
        lock.emplace(TRY(std::move(waited)));
    }
    record = TRY(registry->load(record.id()));
    TRY(remove_leftover(engine, record), "what an earlier run left");
    TRY(registry->remove(record.definition));
    if (options.volumes) TRY(remove_anonymous_volumes(engine, record.definition));
    note(engine.paths().root, {container_event(record, "destroy")});
    return {};
}

}  // namespace berth::container
