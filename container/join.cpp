#include "container/join.h"

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"

namespace berth::container {

namespace {

/// The value of a line such as "SigCgt:\t0000000000004002" in /proc/PID/status.
std::uint64_t signal_set(std::string_view status, std::string_view name) {
    const std::size_t at = status.find(name);
    std::uint64_t value = 0;
    if (at == std::string_view::npos) return value;
    const char* first = status.data() + at + name.size() + 2;
    std::from_chars(first, status.data() + status.size(), value, 16);
    return value;
}

/// Pipes were made for this process, so they may become its user's (/dev/stdout can be opened again then); a file is somebody's.
bool are_pipes(const std::array<const Fd*, 3>& descriptors) {
    return std::all_of(descriptors.begin(), descriptors.end(), [](const Fd* fd) {
        if (fd == nullptr) return true;
        const auto status = sys::fstat(*fd);
        return status.ok() && S_ISFIFO(status.value().st_mode);
    });
}

Result<runtime::ResolvedUser> find_user(const Target& target, const std::string& user) {
    const Root root = TRY(Root::open(cat("/proc/", target.pid, "/root")), "container's root");
    const runtime::UserTables tables = TRY(runtime::UserTables::load(root));
    const std::string& spec = user.empty() ? target.definition.config.user : user;
    return runtime::resolve_user(tables, spec, target.definition.host.group_add);
}

}  // namespace

Result<runtime::ExecProcess> join(const Target& target, const JoinRequest& request) {
    auto found = find_user(target, request.user);
    // A user that is missing is no missing command.
    if (!found.ok()) return std::move(found).error().with_kind(Kind::invalid);
    runtime::ProcessSpec process = TRY(make_exec_process(target.definition, found.value(), request.wishes));
    add_links_to(process.env, target.link_environment);
    add_descriptor_limit(process.rlimits, target.descriptor_limit);
    if (process.terminal && request.console_size.first > 0)
        process.console_size = runtime::Box{request.console_size.first, request.console_size.second};
    std::optional<runtime::Seccomp> seccomp;
    if (!request.wishes.privileged) seccomp = TRY(make_seccomp(target.definition.host, process.capabilities->bounding));
    const runtime::ExecRequest exec{.pidfd = target.pidfd,
                                    .pid = target.pid,
                                    .process = process,
                                    .seccomp = seccomp ? &*seccomp : nullptr,
                                    .personality = nullptr,
                                    .cgroup = request.cgroup != nullptr && request.report == nullptr ? request.cgroup : &target.cgroup,
                                    .reaped_cgroup = request.report != nullptr ? request.cgroup : nullptr,
                                    .report = request.report,
                                    .stdio = request.stdio,
                                    .extra = {},
                                    .keep_stdio_owners = !are_pipes(request.stdio),
                                    .listener_state = {}};
    return runtime::start_process(exec);
}

bool ignores_signal(pid_t pid, int signal) {
    if (signal == SIGKILL || signal == SIGSTOP) return false;
    const auto status = read_file(cat("/proc/", pid, "/status"), 16384);
    if (!status.ok()) return false;
    const std::uint64_t bit = std::uint64_t{1} << (signal - 1);
    const std::uint64_t taken = signal_set(status.value(), "SigCgt") | signal_set(status.value(), "SigBlk");
    // Outside a pid namespace of its own it is an ordinary process, for which only "ignore" ignores.
    const bool is_pid_one = status.value().find("\t1\n", status.value().find("NSpid:")) != std::string::npos;
    if (!is_pid_one) return (signal_set(status.value(), "SigIgn") & bit) != 0;
    return (taken & bit) == 0;
}

}  // namespace berth::container
