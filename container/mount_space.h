#pragma once
// Mounts that only this process sees, for the moment in which something is put together from them.

#include <functional>
#include <string>

#include <linux/mount.h>

#include "base/fd.h"
#include "base/result.h"

namespace berth::container {

/// Runs `build` in a mount namespace of its own, whose mounts reach no other, and returns that namespace; the caller is
/// back in its own afterwards. Closing the descriptor drops everything that was mounted. The process must have one thread.
Result<Fd> in_new_mount_namespace(const std::function<Result<void>()>& build);

/// Puts a detached mount on an open file or folder.
Result<void> attach_mount(const Fd& tree, const Fd& target);
/// A copy of the mounts below an open file or folder, attached nowhere.
Result<Fd> clone_mount(const Fd& source, bool with_mounts_below);
/// mount_setattr(2); `path` relative to `at`, or "" with AT_EMPTY_PATH among the flags.
Result<void> set_mount_attributes(const Fd& at, const char* path, unsigned flags, mount_attr attributes);

/// A detached mount of one folder or file of a detached mount, which is used up: the kernel copies only from what is attached
/// somewhere (open_tree(2)). The path is looked up inside the mount; no link leads out.
Result<Fd> mount_of_subfolder(const Fd& tree, const std::string& path);

}  // namespace berth::container
