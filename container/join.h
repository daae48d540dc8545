#pragma once
// A further process in a running container, for exec and for health probes: the monitor is its parent.

#include "container/spec.h"
#include "runtime/exec.h"

namespace berth::container {

/// The running container as seen by its monitor.
struct Target {
    const Definition& definition;
    pid_t pid;
    const Fd& pidfd;
    const runtime::Cgroup& cgroup;
    const Words& link_environment;  ///< as SpecFacts has it
    const DescriptorLimit& descriptor_limit;
};

struct JoinRequest {
    ExecWishes wishes;
    std::string user;  ///< empty: the container's
    std::array<const Fd*, 3> stdio{};
    const runtime::Cgroup* cgroup = nullptr;  ///< a group below the container's; absent: the container's own
    const Fd* report = nullptr;  ///< the process gets a reaper in the container's group, see runtime::ExecRequest
    std::pair<unsigned short, unsigned short> console_size{0, 0};
};
/// Kind::not_found and denied stand for the command itself (127 and 126), as in Init::wait_ready.
Result<runtime::ExecProcess> join(const Target& target, const JoinRequest& request);

/// True when the kernel drops `signal` for this PID 1: it has neither a handler for it nor blocks it to fetch it later
/// (pid_namespaces(7)).
bool ignores_signal(pid_t pid, int signal);

}  // namespace berth::container
