#include "container/end_run.h"

#include "container/monitor.h"
#include "container/monitor_client.h"
#include "container/registry.h"

namespace berth::container {

Result<StopResult> end_run(Engine& engine, Record& record, const StopOptions& options) {
    StopResult result;
    Request request;
    request.op = Op::stop;
    request.signal = options.signal ? TRY(Signal::parse(*options.signal)).number() : stop_signal_of(record.definition);
    request.timeout_seconds = options.timeout_seconds.value_or(stop_timeout_of(record.definition));
    request.for_restart = options.for_restart;
    result.signal = Signal::of(request.signal).name();
    if (!record.run.state.running()) return result;
    auto answer = ask_monitor(engine, record, request);
    // It ended by itself between our look and our question.
    if (!answer.ok() && answer.error().kind() == Kind::wrong_state) return result;
    const Answer told = TRY(std::move(answer));
    result.was_running = true;
    result.had_to_kill = told.killed;
    result.ignored_the_signal = told.killed && told.ignored_signal;
    Registry* registry = TRY(engine.containers());
    // With --rm there is nothing left to wait for.
    auto lock = registry->wait_run_lock(record.id());
    if (!lock.ok() && lock.error().kind() != Kind::not_found) return std::move(lock).error();
    return result;
}

}  // namespace berth::container
