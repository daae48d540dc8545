#pragma once
// sd_notify(3) from inside: a container whose starter has NOTIFY_SOCKET gets a socket of its own at /run/notify/notify.sock,
// and what it says there goes on to the starter's. The starter's own socket is never shown to the container: systemd
// believes what comes over it.

#include "base/fd.h"
#include "base/result.h"
#include "cli/oci/state.h"

namespace berth::cli {

/// This process has NOTIFY_SOCKET, and so will its containers.
bool relays_notices();
/// Adds the mount and the variable to the spec when this process has NOTIFY_SOCKET, else nothing.
Result<void> prepare_notify(const OciContainer& container, runtime::Spec& spec);
/// The container's socket, bound now; nothing when there is nobody to tell. Before the program is released.
Result<std::optional<Fd>> open_notify(const OciContainer& container);

/// `ready`: until the container said READY=1, as `start` and `run --detach` wait for it. `end`: as long as it runs.
enum class RelayUntil { ready, end };
/// Passes notices on; `main_pid` is the process that the service is from READY=1 on. Returns also when `process` ended.
Result<void> relay_notices(const Fd& socket, const Fd& process, pid_t main_pid, RelayUntil until);

}  // namespace berth::cli
