#pragma once
// Hooks that the runtime runs on the host (prestart, createRuntime, poststart, poststop).

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// runtime-spec runtime.md "State", compact. `pid` 0 stands for "no process".
std::string state_document(const Spec& spec, const std::string& id, const std::string& bundle, const std::string& status,
                           pid_t pid);
/// One after the other, the state on stdin; the first that fails ends it: "error running createRuntime hook #1: …".
Result<void> run_hooks(const std::vector<Hook>& hooks, std::string_view name, const std::string& state);

}  // namespace berth::runtime
