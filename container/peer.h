#pragma once
// What a container shares with another that runs (--network, --pid, --ipc container:X): namespaces and /dev/shm, as
// descriptors. They keep what they stand for alive, and cannot come to mean another process's as a path with a pid can.

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "container/engine.h"

namespace berth::container {

struct Peer {
    Record record;
    Fd process;  ///< pidfd of its first process
};

/// The container that a mode such as "container:web" names; nothing for other modes. Kind::wrong_state when it does not
/// run. `option` is the user's word for the error: "ipc".
Result<std::optional<Peer>> find_peer(Engine& engine, std::string_view option, const std::string& mode);

/// Its namespace by the name that /proc/PID/ns has for it: "net", "pid", "ipc".
Result<Fd> open_namespace(const Peer& peer, std::string_view name);

/// True when it lets others into its IPC namespace: started with --ipc shareable or host, or itself in another's (docker).
bool shares_ipc(const Peer& peer);

/// A detached copy of its mount at /dev/shm: the same files, whatever becomes of the peer. It can be moved to its place,
/// not copied again: it comes from another mount namespace (open_tree(2)).
Result<Fd> copy_shm(const Peer& peer);

}  // namespace berth::container
