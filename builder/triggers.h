#pragma once
// ONBUILD: instructions that an image (or a stage of the same file) kept for those who build on it.

#include <vector>

#include "builder/session.h"

namespace berth::builder {

/// The kept texts as instructions, placed at the line of the FROM that fires them.
Result<std::vector<Instruction>> parse_triggers(const std::vector<std::string>& texts, const Stage& stage, char escape);

/// Finds the base images of the stages that the target needs and the triggers these bring, which may need further stages.
/// Returns the stages in the order in which they can be built.
Result<std::vector<std::size_t>> resolve_stages(Session& session);

}  // namespace berth::builder
