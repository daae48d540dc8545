#pragma once
// A further process in a running container: docker exec, health probes, runc exec.

#include <array>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

namespace berth::runtime {

struct ExecRequest {
    const Fd& pidfd;              ///< of the container's init
    pid_t pid = 0;                ///< the same process, by number
    /// args, env, cwd, user, capabilities, rlimits, terminal…; complete: nothing is inherited from the caller.
    const ProcessSpec& process;
    /// Filter of the container; nullptr for none (privileged exec).
    const Seccomp* seccomp = nullptr;
    const Personality* personality = nullptr;
    const MemoryPolicy* memory_policy = nullptr;
    const Cgroup* cgroup = nullptr;
    /// With both the child is not the process but its reaper, in `cgroup`: a small process of the container's pid namespace
    /// that reaps all that the process leaves, since the container's own init may not, and ends when nothing is left. The
    /// process is in `reaped_cgroup`; its wait status (an int) comes through `report`, a pipe.
    const Cgroup* reaped_cgroup = nullptr;
    const Fd* report = nullptr;
    /// As in LaunchRequest.
    std::array<const Fd*, 3> stdio{};
    std::vector<const Fd*> extra{};
    bool keep_stdio_owners = false;
    /// The terminal does not make "\r\n" of "\n": the caller's own, on which it is shown, does.
    bool plain_newlines = false;
    /// Namespaces are those in which the init lives and that differ from the caller's.
    std::optional<std::string> listener_state{};  ///< ContainerProcessState for a seccomp listener, when the filter has one
};

struct ExecProcess {
    Child child;
    std::optional<Fd> console;  ///< the pty's master when process.terminal
};

/// Joins, prepares and executes; returns when execve(2) has happened. Errors as Init::wait_ready: not_found → 127,
/// denied → 126.
Result<ExecProcess> start_process(const ExecRequest& request);

}  // namespace berth::runtime
