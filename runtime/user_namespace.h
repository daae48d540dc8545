#pragma once
// User namespaces: their maps, and one made only to say how a mount's ids are to be read (idmapped mounts).

#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// Writes uid_map and gid_map of a process that has just been cloned into a new user namespace.
Result<void> write_id_maps(pid_t pid, const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);
/// A user namespace with these maps, held by the descriptor alone.
Result<Fd> make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);

/// True when who is root in the user namespace `user` may join the namespace `space`: `user` owns it, or is an ancestor of the
/// owner (setns(2), ioctl_ns(2)).
Result<bool> rules_over(const Fd& user, const Fd& space);

}  // namespace berth::runtime
