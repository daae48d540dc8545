#pragma once
// From what was asked (-v, --mount, --tmpfs, --volumes-from, the image's VOLUMEs) to what is mounted. The order and the
// precedence are docker's: --volumes-from first, then -v and --mount, which replace it, then the image's volumes where
// nothing stands yet; two explicit mounts on one target are an error.

#include <functional>
#include <string>
#include <vector>

#include "base/root.h"
#include "container/mount_options.h"
#include "container/volumes.h"

namespace berth::container {

class Engine;

struct MountRequest {
    std::vector<Mount> mounts;                    ///< of -v, --mount and --tmpfs, in this order
    std::vector<MountPoint> inherited;            ///< of the containers named by --volumes-from, access already applied
    std::vector<std::string> image_volumes;       ///< VOLUMEs of the image and -v TARGET alone
};

/// The mount points of another container as --volumes-from takes them: its volumes and binds, not its tmpfs.
std::vector<MountPoint> inherited_mounts(const std::vector<MountPoint>& theirs, VolumesFrom::Access access);

/// A mount point and what create needs to make its source.
struct PlannedMount {
    MountPoint point;
    VolumeRequest volume = {};  ///< of type volume: how to make it, if it is not there
    bool fill = false;     ///< of type volume: copy the image's content into it while it is empty
};
/// Pure: merges the request into one list sorted so that a mount comes after the one it lies in. Anonymous volumes have
/// no name yet. Refused: target '/', two mounts on one target, a relative or empty target.
Result<std::vector<PlannedMount>> plan_mounts(const MountRequest& request);

/// What `create` does with the plan: makes the volumes, names the anonymous ones, looks at bind sources (absent: made
/// for -v, else docker's error), fills new volumes from the image. `image` opens the image's file system and is called
/// only when a volume is to be filled. Anonymous volumes that it made are removed again when it fails.
Result<std::vector<MountPoint>> create_mounts(const Volumes& volumes, const std::vector<PlannedMount>& plan,
                                              const std::function<Result<Root>()>& image);

/// What `start` mounts: the host's folder or file, subpath resolved inside its volume (never out of it), made again
/// when it is a -v bind whose source vanished. Opened O_PATH. Not for tmpfs and image mounts.
Result<Fd> open_source(const MountPoint& point);

/// The same for mounts of every type but tmpfs: a volume with a file system of its own and an image are mounted, detached.
struct MountSource {
    Fd fd;
    bool is_detached_mount = false;  ///< It can be attached as it is; anything else is a place whose mount is to be cloned.
};
Result<MountSource> open_mount(Engine& engine, const MountPoint& point);

/// The mount options of a tmpfs, docker's defaults included: "noexec,nosuid,nodev,size=67108864,mode=1777".
std::string tmpfs_option_text(const Mount& mount);

/// :U: gives everything below the source to the container's user, unless the source is theirs already.
Result<void> change_owner(const Fd& source, uid_t uid, gid_t gid);

}  // namespace berth::container
