#pragma once
// A copy of this process for a piece of work that must not hold it up: fork(2) without exec, from a process of one thread.

#include <functional>
#include <span>

#include "base/process.h"

namespace berth {

/// The child runs `work` and ends with 0 when that says true, else 1. Of this process's descriptors it keeps 0, 1, 2 and
/// those of `kept`: a lock or a socket of ours that lived on in it would tell others that we are there when we are not.
/// Signals stay blocked as they are here.
Result<Child> fork_worker(std::span<const int> kept, const std::function<bool()>& work);

}  // namespace berth
