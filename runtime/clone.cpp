#include "runtime/clone.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <span>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

struct Cloning {
    clone_args arguments{};
    const Plan* plan = nullptr;
    std::span<const Join> early_joins;
    int user_namespace = -1;
    const char* refused = nullptr;  ///< the namespace that could not be joined
    int pidfd = -1;
    long pid = 0;
};

void clone_and_walk(Cloning& cloning) {
    cloning.pid = raw::call(SYS_clone3, &cloning.arguments, sizeof cloning.arguments);
    if (cloning.pid == 0) run_init(*cloning.plan);
}

bool join(Cloning& cloning, int space, std::uint64_t flag, const char* name) {
    const long joined = raw::call(SYS_setns, space, flag);
    if (joined >= 0) return true;
    cloning.pid = joined;
    cloning.refused = name;
    return false;
}

bool join_all(Cloning& cloning) {
    for (const Join& early : cloning.early_joins)
        if (!join(cloning, early.space.raw(), early.flag, early.name.c_str())) return false;
    return cloning.user_namespace < 0 || join(cloning, cloning.user_namespace, CLONE_NEWUSER, "user");
}

/// In a process between: it shares our memory and descriptors and joins what the child must be born in, from which there is
/// no way back.
int join_and_clone(void* argument) {
    Cloning& cloning = *static_cast<Cloning*>(argument);
    if (join_all(cloning)) clone_and_walk(cloning);
    raw::call(SYS_exit, 0);
    return 0;
}

/// The number by which we know the child: the process between saw it from another pid namespace.
Result<pid_t> pid_of(int pidfd) {
    const std::string text = TRY(read_file(cat("/proc/self/fdinfo/", pidfd)));
    const std::size_t at = text.find("Pid:");
    pid_t pid = -1;
    if (at != std::string::npos) {
        const std::size_t digits = text.find_first_not_of(" \t", at + 4);
        std::from_chars(text.data() + digits, text.data() + text.size(), pid);
    }
    if (pid <= 0) return Error(Kind::internal, "the container's process is not visible here");
    return pid;
}

Result<void> clone_through_intermediate(Cloning& cloning) {
    constexpr std::size_t size = 64 * 1024;
    const auto stack = std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t));
    // The child becomes ours when the process between has ended; CLONE_PARENT would do the same but is refused together
    // with a new pid namespace (clone(2), ERRORS).
    int was_subreaper = 0;
    ::prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper, 0, 0, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    void* top = stack.get() + size / sizeof(std::max_align_t);
    const int between = ::clone(join_and_clone, top, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &cloning);
    const int failure = errno;
    if (between > 0) ::waitpid(between, nullptr, __WALL);
    ::prctl(PR_SET_CHILD_SUBREAPER, was_subreaper, 0, 0, 0);
    if (between < 0) return Error::of_errno(failure, "clone");
    if (cloning.pid > 0) cloning.pid = TRY(pid_of(cloning.pidfd));
    return {};
}

/// Our children's pid namespace, set for one clone.
class PidNamespaceForChildren {
public:
    static Result<PidNamespaceForChildren> set(const Fd* space) {
        PidNamespaceForChildren out;
        if (space == nullptr || !space->valid()) return out;
        out.own_ = TRY(sys::open("/proc/self/ns/pid", O_RDONLY));
        if (::setns(space->raw(), CLONE_NEWPID) != 0) return Error::of_errno(errno, "join pid namespace");
        return out;
    }
    void put_back() const {
        if (own_.valid() && ::setns(own_.raw(), CLONE_NEWPID) != 0) bug("own pid namespace cannot be put back");
    }

private:
    Fd own_;
};

}  // namespace

Result<Child> clone_child(const CloneRequest& request, const Plan& plan) {
    Cloning cloning;
    cloning.plan = &plan;
    cloning.arguments.flags = CLONE_PIDFD | request.namespaces;
    cloning.arguments.pidfd = reinterpret_cast<std::uintptr_t>(&cloning.pidfd);
    cloning.arguments.exit_signal = SIGCHLD;
    if (request.v2_group != nullptr && request.v2_group->valid()) {
        cloning.arguments.flags |= CLONE_INTO_CGROUP;
        cloning.arguments.cgroup = static_cast<std::uint64_t>(request.v2_group->raw());
    }
    const PidNamespaceForChildren space = TRY(PidNamespaceForChildren::set(request.pid_namespace));
    // A signal's handler must not run in the child, which shares nothing it could rely on.
    sigset_t all, before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    Result<void> between;
    if (request.user_namespace != nullptr) cloning.user_namespace = request.user_namespace->raw();
    cloning.early_joins = request.early_joins;
    if (cloning.user_namespace >= 0 || !cloning.early_joins.empty()) between = clone_through_intermediate(cloning);
    else clone_and_walk(cloning);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    space.put_back();
    TRY(std::move(between));
    if (cloning.pid < 0) {
        const int code = static_cast<int>(-cloning.pid);
        return cloning.refused != nullptr ? Error::of_errno(code, cat("join ", cloning.refused, " namespace")) : Error::of_errno(code, "clone");
    }
    return Child(static_cast<pid_t>(cloning.pid), Fd(cloning.pidfd));
}

namespace {

std::span<char> find_command_line() {
    const auto text = read_file("/proc/self/stat", 4096);
    if (!text.ok()) return {};
    // Fields 48 and 49 of proc(5); the second, the program's name, may hold blanks.
    std::string_view rest = text.value();
    rest.remove_prefix(std::min(rest.rfind(')') + 1, rest.size()));
    std::uintptr_t place[2] = {};
    for (int field = 3; field <= 49 && !rest.empty(); ++field) {
        rest.remove_prefix(1);
        if (field >= 48) std::from_chars(rest.data(), rest.data() + rest.size(), place[field - 48]);
        rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    }
    if (place[0] == 0 || place[1] <= place[0]) return {};
    return {reinterpret_cast<char*>(place[0]), place[1] - place[0]};
}

}  // namespace

std::span<char> own_command_line() {
    static const std::span<char> place = find_command_line();  // It stays where it is.
    return place;
}

}  // namespace berth::runtime
