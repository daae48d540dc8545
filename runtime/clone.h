#pragma once
// The clone itself: one child, in its namespaces and control group from its first instruction, that walks a plan.

#include <span>
#include <string>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/plan.h"

namespace berth::runtime {

/// A namespace to join by setns(2).
struct Join {
    Fd space;
    std::uint64_t flag;  ///< CLONE_NEW*
    std::string name;    ///< for messages
};

struct CloneRequest {
    std::uint64_t namespaces = 0;         ///< CLONE_NEW* made with the child
    const Fd* v2_group = nullptr;         ///< CLONE_INTO_CGROUP
    const Fd* pid_namespace = nullptr;    ///< the child's, when it joins one
    const Fd* user_namespace = nullptr;   ///< joined before the others are made, which it then owns
    std::span<const Join> early_joins{};  ///< joined with the caller's rights, before any user namespace
};
/// The process must have one thread (a second one would be missing in the child, its locks held for ever).
Result<Child> clone_child(const CloneRequest& request, const Plan& plan);

/// Where this process has its command line, which anybody reads in /proc; a clone has a copy at the same place. Empty when
/// that cannot be told.
std::span<char> own_command_line();

}  // namespace berth::runtime
