#pragma once
// The gate between create and start: exec.fifo. The first process opens it for writing, which waits for a reader; `start`
// reads the "0" that follows, and then either end of file (the program executes: the descriptor is close-on-exec) or the
// record of what failed, so that a program that cannot be executed is start's error and not a silent exit.

#include "base/result.h"
#include "cli/oci/state.h"

namespace berth::cli {

Result<void> make_gate(const OciContainer& container, uid_t uid, gid_t gid);
/// Lets the program start. `process` is the first process, opened before: the program may be over before this returns.
Result<void> open_gate(const OciContainer& container, const Fd& process);

/// The poststart hooks, when the program runs.
Result<void> run_poststart(const OciContainer& container);

}  // namespace berth::cli
