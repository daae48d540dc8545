#pragma once
// Terminals of the caller: handing a pty to --console-socket, or being its terminal while the program runs.

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/process.h"
#include "base/result.h"

namespace berth::cli {

/// Sends a master over a connected socket, its slave's name as the message (what every receiver of runc's expects).
Result<void> send_console(const Fd& socket, const Fd& master);

/// Before the program starts: the container's terminal hands newlines on as they are, since ours translates them.
void leave_newlines(const Fd& master);
/// Waits for the child; passes signals on, copies between our terminal and `master` when there is one, keeps its size.
Result<ExitStatus> wait_in_foreground(Child& child, const std::optional<Fd>& master);
/// Blocks the signals that wait_in_foreground() passes on; call before the child exists, so that none is lost.
void hold_signals();

}  // namespace berth::cli
