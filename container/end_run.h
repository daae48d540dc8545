#pragma once
// What `stop`, `stop --shutdown` and `rm -f` have in common.

#include <string>

#include "container/control.h"
#include "container/engine.h"

namespace berth::container {

class Registry;

/// A stop in the container's own way: its signal and its time.
Request stop_request(const Definition& definition);
/// Until the container's monitor has recorded the end and is gone too; with --rm there is nothing left then.
Result<void> await_end(const Registry& registry, const std::string& id);

/// Asks the container to end, waits for it and makes sure of it, as `stop` does, but leaves no "stop" in the history: to docker
/// `rm -f` is a kill. Success when it does not run.
Result<StopResult> end_run(Engine& engine, Record& record, const StopOptions& options);

}  // namespace berth::container
