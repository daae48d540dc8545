// A process between the runtime and one that it starts in a running container. Whatever the started process leaves becomes
// its child (PR_SET_CHILD_SUBREAPER works within one pid namespace only, so the runtime itself cannot be that) and is
// reaped, also when the container's init reaps nothing. It joins the container as the process does but runs no program, so
// it keeps nothing: no descriptor, no capability, and no system call but those three that it makes. It stays undumpable, but a
// container with CAP_SYS_PTRACE may make it call what it likes, and its own filter it does not have: the container's might
// forbid what we do.

#include <cstddef>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

#if defined(__x86_64__)
constexpr unsigned native_architecture = AUDIT_ARCH_X86_64;
#else
constexpr unsigned native_architecture = AUDIT_ARCH_AARCH64;
#endif

void keep_only(int fd) {
    if (fd > 0) raw::call(SYS_close_range, 0, fd - 1, 0);
    raw::call(SYS_close_range, fd + 1, ~0U, 0);
}

void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2]{};
    raw::call(SYS_capset, &header, none);
}

/// Numbers alone: without the other architecture's calls ruled out, one of them could have a number of ours.
void forbid_the_rest() {
    constexpr std::uint32_t killed = SECCOMP_RET_KILL_PROCESS;
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_architecture, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, killed),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof filter / sizeof filter[0], filter};
    // Only for us: what we started has gone its own way, and no_new_privs needs no capability to be asked for.
    raw::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

}  // namespace

long fork_below_reaper(Context& context, const Step& step) {
    long done = raw::call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (done < 0) return done;
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    if (step.fd >= 0) {
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<std::uint64_t>(step.fd);
    }
    const long child = raw::call(SYS_clone3, &arguments, sizeof arguments);
    if (child != 0) return context.reaped = child < 0 ? 0 : child, child;
    const int* tasks = static_cast<const int*>(step.list);
    for (std::uint32_t i = 0; i < step.count && done >= 0; ++i) done = raw::call_again(SYS_write, tasks[i], "0", 1);
    return done;
}

long stay_as_reaper(Context& context, const Step& step) {
    if (context.reaped == 0) return 0;
    const std::uint64_t all = ~std::uint64_t{0};
    raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, 8);
    raw::call(SYS_prctl, PR_SET_NAME, "berth-reaper", 0, 0, 0);
    keep_only(step.fd);
    drop_capabilities();
    forbid_the_rest();
    for (;;) {
        int status = 0;
        const long pid = raw::call_again(SYS_wait4, -1, &status, __WALL, nullptr);
        if (pid < 0) break;
        if (pid == context.reaped) raw::call_again(SYS_write, step.fd, &status, sizeof status);
    }
    for (;;) raw::call(SYS_exit_group, 0);
}

}  // namespace berth::runtime::init
