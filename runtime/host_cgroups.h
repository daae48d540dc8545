#pragma once
// Where this host keeps its control groups: read once from /proc/self/mountinfo and /proc/self/cgroup.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cgroup.h"

namespace berth::runtime {

struct Hierarchy {
    std::string mount_point;               ///< "/sys/fs/cgroup/memory"
    std::string name;                      ///< of its folder: "memory", "cpu,cpuacct", "systemd", "unified"
    std::vector<std::string> controllers;  ///< "cpu", "cpuacct"; "name=systemd"; empty for v2
    std::string own_path;                  ///< where this process lives below the mount point
    bool v2 = false;
};
struct HostCgroups {
    CgroupLayout layout = CgroupLayout::none;
    std::vector<Hierarchy> hierarchies;  ///< v1 ones in the order of mountinfo, then v2
    const Hierarchy* find(std::string_view controller) const;  ///< "" is v2
};
/// Pure, from the two files' texts.
HostCgroups parse_host_cgroups(std::string_view mountinfo, std::string_view own_cgroups);
const HostCgroups& host_cgroups();

}  // namespace berth::runtime
