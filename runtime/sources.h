#pragma once
// Everything of the host's that a container gets, opened before the clone: trees of mounts (detached, attributes set),
// namespaces to join, devices. From then on no path of the host's is looked up again.

#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/clone.h"
#include "runtime/launch.h"
#include "runtime/plan_make.h"

namespace berth::runtime {

struct Sources {
    Fd root;
    std::string root_target = "/";
    struct MountTree {
        Fd tree;                  ///< none where the mount is no bind, or of what the container has mounted itself
        Fd id_space;              ///< a user namespace with the mount's ids, when `input.maps_ids`
        bool maps_all = false;    ///< those of the mounts below as well
        TreeInput input;
    };
    std::vector<MountTree> mounts;  ///< by index of spec.mounts
    struct CgroupTree {
        std::string name;
        std::vector<std::string> links;
        Fd tree;
    };
    std::vector<CgroupTree> cgroup_trees;
    std::vector<Fd> device_trees;  ///< by index of plan_devices(), when devices are bound
    Fd null_tree;
    Fd host_proc;
    std::vector<Join> joins;        ///< by the child itself
    std::vector<Join> early_joins;  ///< before the child is in a user namespace that has no power over these
    Fd pid_namespace;               ///< by the parent, for its child
    Fd user_namespace;              ///< joined before the others are made, which it then owns
};
Result<Sources> open_sources(const LaunchRequest& request);

/// The ids of a detached tree are read through `space` from now on.
Result<void> map_tree_ids(const Fd& tree, const Fd& space, bool recursive);

/// A detached copy of the mount(s) at `path`, links followed.
Result<Fd> clone_tree(const std::string& path, bool recursive);

}  // namespace berth::runtime
