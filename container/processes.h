#pragma once
// Orders to one declared process (--proc) of a running container; kill() of engine.h has a process too.

#include <string>

#include "container/engine.h"

namespace berth::container {

/// Ends it with TERM and starts it again, whatever its policy; starts it when it does not run.
Result<void> restart_process(Engine& engine, const Record& record, const std::string& process);

}  // namespace berth::container
