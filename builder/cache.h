#pragma once
// What the builder keeps: results of steps (in the store), the folders of cache mounts, the state of failed steps. `builder du`
// and `builder prune` (build.h) show and remove it; after a build that did something it is kept to a size.

#include <cstdint>
#include <optional>

#include "container/engine.h"

namespace berth::builder {

/// Removes what was used longest ago until `keep_bytes` remain (absent: a tenth of the file system, at least 2 GB), in a
/// process of its own that outlives this one: a build does not wait for it.
Result<void> tidy_cache_in_background(const container::Engine& engine, std::optional<std::uint64_t> keep_bytes);

}  // namespace berth::builder
