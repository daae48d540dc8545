#pragma once
// The state of a step that failed, for a look inside: its layers, what it wrote, its variables. Kept until the next build or
// prune. It is no image: an entry of the builder's cache holds the layers, and a name in ROOT/builder/failed finds the entry.

#include <string>
#include <vector>

#include "builder/session.h"

namespace berth::builder {

/// CacheEntry::kind of these entries.
constexpr std::string_view failed_step_kind = "failed step";

struct FailedState {
    const StageState& state;  ///< before the step
    std::string description;  ///< the instruction
    std::vector<std::string> volumes;  ///< LayerStep::volumes
};
/// The id to open it by. What the step wrote is in `staging`.
Result<std::string> keep_failed_step(const Session& session, const FailedState& failed, image::Staging staging);

/// Forgets those of earlier builds; true when there were any. Their layers go with the next sweep.
Result<bool> drop_failed_steps(const container::Engine& engine, const image::Store& store);
/// The entry with this key is being removed from the cache by the caller.
Result<void> forget_failed_step(const container::Engine& engine, const std::string& key);

}  // namespace berth::builder
