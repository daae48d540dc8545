#include "container/end_run.h"

#include "container/monitor.h"
#include "container/monitor_client.h"
#include "container/registry.h"

namespace berth::container {

Request stop_request(const Definition& definition) {
    Request request;
    request.op = Op::stop;
    request.signal = stop_signal_of(definition);
    request.timeout_seconds = stop_timeout_of(definition);
    return request;
}

Result<void> await_end(const Registry& registry, const std::string& id) {
    auto lock = registry.wait_run_lock(id);
    if (!lock.ok() && lock.error().kind() != Kind::not_found) return std::move(lock).error();
    return {};
}

namespace {

/// Nothing when it ended by itself between our look and our question. A monitor that was killed on the way is no such end.
Result<std::optional<Answer>> ask_until_answered(Engine& engine, const Record& record, const Request& request) {
    for (;;) {
        auto answer = ask_monitor(engine, record, request);
        if (answer.ok() || answer.error().kind() != Kind::wrong_state) return std::optional(TRY(std::move(answer)));
        auto now = find(engine, record.id());
        if (!now.ok() && now.error().kind() != Kind::not_found) return std::move(now).error();
        if (!now.ok() || !now.value().run.state.running()) return std::optional<Answer>();
    }
}

}  // namespace

Result<StopResult> end_run(Engine& engine, Record& record, const StopOptions& options) {
    StopResult result;
    Request request = stop_request(record.definition);
    if (options.signal) request.signal = TRY(Signal::parse(*options.signal)).number();
    if (options.timeout_seconds) request.timeout_seconds = *options.timeout_seconds;
    request.for_restart = options.for_restart;
    result.signal = Signal::of(request.signal).name();
    if (!record.run.state.running()) return result;
    const auto answer = TRY(ask_until_answered(engine, record, request));
    if (!answer) return result;
    const Answer& told = *answer;
    result.was_running = true;
    result.had_to_kill = told.killed;
    result.ignored_the_signal = told.killed && told.ignored_signal;
    Registry* registry = TRY(engine.containers());
    TRY(await_end(*registry, record.id()));
    return result;
}

}  // namespace berth::container
