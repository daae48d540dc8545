#pragma once
// The stages of a build, as far as the cache goes in this process, then in workers side by side.

#include <map>
#include <vector>

#include "builder/session.h"
#include "builder/state.h"
#include "builder/step_log.h"

namespace berth::builder {

/// Builds the stages `order` names (each after those it needs) and returns the last one's state. The first failure ends all.
Result<StageState> build_stages(Session& session, const std::vector<std::size_t>& order, StepLog& log);

}  // namespace berth::builder
