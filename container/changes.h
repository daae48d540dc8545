#pragma once
// What in an upper folder is a container's own: everything but the mount targets, the empty files
// and folders on which its runs mount things.

#include <string>
#include <string_view>

#include "base/fd.h"
#include "container/record.h"

namespace berth::container {

struct MountTarget {
    std::string_view path;
    bool is_folder;
};
/// What every run mounts (runtime/defaults.h, container/spec.cpp).
constexpr MountTarget usual_mount_targets[] = {{"/proc", true},           {"/sys", true},           {"/dev", true},
                                               {"/etc/resolv.conf", false}, {"/etc/hostname", false}, {"/etc/hosts", false}};

/// True for `path` ("/etc/hosts") when a run of the container mounts something on it or above it, so that what the upper
/// folder holds there is a mount target.
bool is_mounted_over(const Definition& definition, const std::string& path);
/// True when a mount target lies directly in the folder `path`: making it changed the folder's time.
bool holds_mount_target(const Definition& definition, const std::string& path);
/// Takes the mount targets out of a copy of the upper folder; folders keep their times.
Result<void> remove_mount_targets(const Definition& definition, const Fd& folder);

}  // namespace berth::container
