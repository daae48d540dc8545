#include "runtime/clone.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

namespace berth::runtime {

namespace {

struct Cloning {
    clone_args arguments{};
    const Plan* plan = nullptr;
    int user_namespace = -1;
    int pidfd = -1;
    long pid = 0;
};

void clone_and_walk(Cloning& cloning) {
    cloning.pid = raw::call(SYS_clone3, &cloning.arguments, sizeof cloning.arguments);
    if (cloning.pid == 0) run_init(*cloning.plan);
}

/// In a process between: it shares our memory and descriptors, joins the user namespace (from which there is no way
/// back), and gives us its child as ours (CLONE_PARENT).
int clone_below_user_namespace(void* argument) {
    Cloning& cloning = *static_cast<Cloning*>(argument);
    const long joined = raw::call(SYS_setns, cloning.user_namespace, CLONE_NEWUSER);
    if (joined < 0) cloning.pid = joined;
    else clone_and_walk(cloning);
    raw::call(SYS_exit, 0);
    return 0;
}

Result<void> clone_through_intermediate(Cloning& cloning) {
    constexpr std::size_t size = 64 * 1024;
    const auto stack = std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t));
    cloning.arguments.flags |= CLONE_PARENT;
    cloning.arguments.exit_signal = 0;  // CLONE_PARENT: that of the process between.
    void* top = stack.get() + size / sizeof(std::max_align_t);
    const int between = ::clone(clone_below_user_namespace, top, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &cloning);
    if (between < 0) return Error::of_errno(errno, "clone");
    Child gone(between, Fd(static_cast<int>(::syscall(SYS_pidfd_open, between, 0))));
    ignore(gone.wait(), "it only clones");
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
    if (request.user_namespace != nullptr && request.user_namespace->valid()) {
        cloning.user_namespace = request.user_namespace->raw();
        between = clone_through_intermediate(cloning);
    } else {
        clone_and_walk(cloning);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    space.put_back();
    TRY(std::move(between));
    if (cloning.pid < 0) return Error::of_errno(static_cast<int>(-cloning.pid), "clone");
    return Child(static_cast<pid_t>(cloning.pid), Fd(cloning.pidfd));
}

}  // namespace berth::runtime
