#pragma once
// --log-opt mode=non-blocking: a process of its own writes the log, behind a queue in the kernel. A disk that is slow, or
// hangs as that of a dead file server does, holds up that process and neither the program nor its monitor. What the queue
// has no room for is lost and counted, as docker says of this mode, and the gap is told in the log at its place.

#include <functional>

#include "container/log_writer.h"

namespace berth::container {

/// Opens the driver that writes in the end, in the container's folder. Called in the writing process, which has no other
/// descriptor; once here too, for what is wrong at once.
using OpenLog = std::function<Result<std::unique_ptr<LogDriver>>(const Fd& folder)>;

/// `folder` is the container's: in it lies a lock, so that a writer which outlived its monitor and one that came after do not
/// write at once. `queue_bytes` bounds what waits (--log-opt max-buffer-size), the kernel's own overhead counted in.
Result<std::unique_ptr<LogDriver>> open_queued_log(const Fd& folder, std::int64_t queue_bytes, OpenLog open);

/// The lines of one batch as they travel: appended to `out`, read again from `bytes`, which it shortens. Nothing at the end.
void append_packed(std::string& out, const LogLine& line);
std::optional<LogLine> take_packed(std::string_view& bytes);

}  // namespace berth::container
