#pragma once
// What a spec may not say: contradictions and paths that no container can have. Pure; each error names the JSON path and
// the rule.

#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

Result<void> validate_spec(const Spec& spec);
Result<void> validate_process(const ProcessSpec& process);

}  // namespace berth::runtime
