#pragma once
// The clone itself: one child, in its namespaces and control group from its first instruction, that walks a plan.

#include "base/fd.h"
#include "base/process.h"
#include "runtime/plan.h"

namespace berth::runtime {

struct CloneRequest {
    std::uint64_t namespaces = 0;         ///< CLONE_NEW* made with the child
    const Fd* v2_group = nullptr;         ///< CLONE_INTO_CGROUP
    const Fd* pid_namespace = nullptr;    ///< the child's, when it joins one
    const Fd* user_namespace = nullptr;   ///< joined before the others are made, which it then owns
};
/// The process must have one thread (a second one would be missing in the child, its locks held for ever).
Result<Child> clone_child(const CloneRequest& request, const Plan& plan);

}  // namespace berth::runtime
