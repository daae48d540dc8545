#pragma once
// What `stop` and `rm -f` have in common.

#include "container/engine.h"

namespace berth::container {

/// Asks the container to end, waits for it and makes sure of it, as `stop` does, but leaves no "stop" in the history: to docker
/// `rm -f` is a kill. Success when it does not run.
Result<StopResult> end_run(Engine& engine, Record& record, const StopOptions& options);

}  // namespace berth::container
