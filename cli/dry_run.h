#pragma once
// run --dry-run: the container that a command line describes, as the document that `create` would store.

#include "container/engine.h"

namespace berth::cli {

Result<int> print_dry_run(container::Engine& engine, const container::CreateOptions& options);

}  // namespace berth::cli
