#pragma once
// From a spec and the descriptors that were opened for it to the plan that the child walks. Pure: it opens nothing, so
// that plans can be compared in tests; what contradicts itself is refused here.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan_builder.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// What planning needs to know of a bind mount: the tree of the host's, or where in the container its source is found when
/// its turn comes.
struct TreeInput {
    int fd = -1;
    TargetKind kind = TargetKind::folder;
    std::string in_root{};
    bool recursive = false, maps_ids = false;
    std::vector<MountAttributes> attributes{};
};

/// A hierarchy to be shown below /sys/fs/cgroup: its folder's name, the links to it, the container's own part of it.
struct CgroupTreeInput {
    std::string name;
    std::vector<std::string> links;
    int fd = -1;
};

struct JoinInput {
    int fd = -1;
    std::uint64_t flags = 0;
    std::string name;  ///< for messages: "network"
};

/// What launch and exec have in common.
struct ProcessInputs {
    int socket = -1;           ///< the child's end
    int parent_socket = -1;    ///< the other, to be closed
    std::vector<std::pair<std::string, int>> tasks;  ///< v1 `tasks` files by controller
    std::vector<JoinInput> joins;
    std::vector<int> descriptors;                    ///< become 0, 1, 2, …; -1: the terminal
    const SeccompProgram* seccomp = nullptr;
    std::string home;                                ///< for HOME where env has none
    std::string keyring;                             ///< empty: keep the caller's
    std::span<char> command_line;                    ///< the caller's own, of which the child wipes its copy
    bool die_with_parent = false;
    bool keep_stdio_owners = false;
    bool plain_newlines = false;                     ///< of the terminal: who shows it translates them
};

struct LaunchInputs {
    ProcessInputs process;
    int root = -1;
    std::string root_target = "/";             ///< host path over which the root goes
    std::vector<TreeInput> mount_trees;        ///< by index of spec.mounts; fd -1 where nothing was opened
    std::vector<CgroupTreeInput> cgroup_trees; ///< for mounts of type cgroup on v1; on v2 one without a name
    std::vector<int> device_trees;             ///< by index of plan_devices(spec); empty unless devices are bound
    int null_tree = -1;
    int host_proc = -1;                        ///< for time offsets
    int fifo = -1;
    bool no_pivot = false;
    /// --no-pivot leaves the host's tree below ours: its proc and sysfs have to go, else they tell a user namespace in the
    /// container what ours hide.
    std::vector<std::string> hidden_mounts;
    std::string state_before, state_behind;    ///< the hooks' state document around the pid
};
Result<PlanBuilder> make_launch_plan(const Spec& spec, const LaunchInputs& inputs);

struct ExecInputs {
    ProcessInputs process;
    int report = -1;            ///< a reaper stays above the process and tells its end here
    int reaped_v2 = -1;         ///< below it: the v2 group that the process enters
    std::vector<int> reaped_tasks;
    bool joins_user = false;
    const Personality* personality = nullptr;
    const MemoryPolicy* memory_policy = nullptr;
};
Result<PlanBuilder> make_exec_plan(const ProcessSpec& process, const ExecInputs& inputs);

/// CLONE_NEW* of a namespace's name in config.json; Kind::invalid for unknown ones.
Result<std::uint64_t> namespace_flag(const std::string& type);
/// CLONE_NEW* of the namespaces that the spec makes.
Result<std::uint64_t> new_namespaces(const Spec& spec);
/// Default devices and the spec's own, each path once.
std::vector<Device> plan_devices(const Spec& spec);
/// S_IFCHR, S_IFBLK or S_IFIFO.
Result<mode_t> device_type(const Device& device);
/// Whether the environment says where home is: the last HOME counts, and an empty one says nothing.
bool has_home(const std::vector<std::string>& env);
/// Every entry once (the last of a name wins), HOME added where it is missing or empty.
std::vector<std::string> plan_environment(const std::vector<std::string>& env, const std::string& home);

// The parts, in files of their own.
Result<void> plan_mounts(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs);
Result<void> plan_protection(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs);
/// From scheduling to execve; `release` stands before the last step.
struct ProcessPlanOptions {
    const Personality* personality = nullptr;
    const MemoryPolicy* memory_policy = nullptr;
    bool has_cpuset = false;  ///< cpu.cpus is set: a deadline cannot be kept on some CPUs only (sched(7))
    bool makes_folder = false;
    bool has_fifo = false;
    bool waits = false;
    const std::vector<Hook>* start_hooks = nullptr;
    const LaunchInputs* launch = nullptr;
};
Result<void> plan_process(PlanBuilder& out, const ProcessSpec& process, const ProcessInputs& inputs,
                          const ProcessPlanOptions& options);
void plan_hooks(PlanBuilder& out, const std::vector<Hook>& hooks, const char* name, const LaunchInputs& inputs);

}  // namespace berth::runtime
