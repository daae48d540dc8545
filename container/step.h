#pragma once
// One RUN of a build: the start table without a name, a monitor or a log. The process is a child of the caller, gets the
// caller's descriptors, and is killed with everything below it when the caller dies (its cgroup and links are then swept
// by the next build).

#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "container/engine.h"

namespace berth::container {

/// `RUN --mount`, resolved by the builder: the source is a descriptor, so that no path is looked up twice.
struct StepMount {
    enum class Type { bind, tmpfs } type = Type::bind;
    Fd source;            ///< bind: a folder or file, O_PATH
    std::string target;   ///< absolute, or relative to the working folder
    bool read_only = true;
    std::int64_t tmpfs_size = 0;
};

struct StepRequest {
    std::vector<std::string> layers;  ///< lower folders on the host, top first, as Store::layer_folders gives them
    std::string upper;                ///< the layer that is being made; exists
    std::string work;                 ///< overlay's work folder on the same file system; exists and is empty
    Words argv;
    Words env;
    std::string user;
    std::string working_dir = "/";  ///< made when absent
    std::string network = "default";  ///< default (bridge), none, host
    std::vector<StepMount> mounts;
    Words extra_hosts;  ///< "name:address"
    Words dns;
    std::int64_t shm_size = 64ll << 20;
    std::vector<Ulimit> ulimits;
    std::string cgroup_parent;
    std::int64_t memory = 0, memory_swap = 0, cpu_shares = 0, cpu_period = 0, cpu_quota = 0;
    std::string cpuset_cpus, cpuset_mems;
    bool privileged = false;       ///< RUN --security=insecure
    Words security_opt;
    Fd output;        ///< its stdout
    Fd error_output;  ///< its stderr; invalid: the same as output
};
/// Runs the step and waits. An error is one of starting it; exit_code_of_failure tells 126 and 127.
Result<ExitStatus> run_step(Engine& engine, StepRequest request);

}  // namespace berth::container
