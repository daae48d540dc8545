#include "container/reattach.h"

#include "container/monitor_client.h"

namespace berth::container {

namespace {

bool is_over(const Record& record) { return !record.run.state.running() || record.run.state.status == Status::restarting; }

/// Attached, or nothing when it has just ended or another command is seeing to a new monitor: look again.
Result<std::optional<Attachment>> try_attach(Engine& engine, Registry& registry, Record& record, const AttachOptions& options,
                                             const Fd& init) {
    if (std::optional<DirLock> lock = TRY(registry.try_run_lock(record.id()))) {
        record = TRY(registry.load(record.id()));
        if (is_over(record)) return std::optional<Attachment>();
        MonitorStart adopted = TRY(adopt_by_monitor(engine, record, std::move(*lock), attach_request(options), init));
        return std::optional(Attachment(std::move(adopted.socket), std::move(adopted.init)));
    }
    // Not more than this: nobody else would take over with `init`.
    std::optional<Exchange> answered = TRY(try_exchange(engine, record, attach_request(options)));
    if (!answered) return std::optional<Attachment>();
    auto attached = read_start(std::move(*answered));
    if (!attached.ok() && attached.error().kind() == Kind::wrong_state) return std::optional<Attachment>();
    MonitorStart begun = TRY(std::move(attached));
    return std::optional(Attachment(std::move(begun.socket), std::move(begun.init)));
}

}  // namespace

Result<Reattached> attach_again(Engine& engine, const std::string& id, const AttachOptions& options, const Fd& init) {
    Registry* registry = TRY(engine.containers());
    // A monitor that begins is there within milliseconds; one that refuses, since the container is paused, goes on to.
    for (int attempts = 0; attempts < 400; ++attempts) {
        Record record = TRY(registry->load(id));
        if (is_over(record)) return Reattached{std::nullopt, static_cast<int>(record.run.state.exit_code)};
        if (auto attached = TRY(try_attach(engine, *registry, record, options, init))) return Reattached{std::move(attached), 0};
        sleep_for(Duration::of_milliseconds(5));
    }
    return Error(Kind::system, cat("container ", id.substr(0, 12), ": no monitor takes it over")).with_hint("look at it with: berth ps -a");
}

}  // namespace berth::container
