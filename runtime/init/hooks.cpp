// createContainer and startContainer hooks: programs run in the container's namespaces with the state on their stdin
// (runtime-spec config.md "POSIX-platform Hooks").

#include <cerrno>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

/// In the forked child; returns never.
[[noreturn]] void become_hook(const HookPlan& hook, int input) {
    raw::call(SYS_dup3, input, 0, 0);
    raw::call(SYS_execve, hook.path, hook.argv, hook.envp);
    for (;;) raw::call(SYS_exit_group, 127);
}

void write_state(const HookPlan& hook, int output) {
    char pid[20];
    const std::size_t length = decimal(pid, static_cast<std::uint64_t>(raw::call(SYS_getpid)));
    // A hook that does not read is no failure: the pipe holds the document or the write ends with EPIPE.
    raw::call_again(SYS_write, output, hook.state_before, __builtin_strlen(hook.state_before));
    raw::call_again(SYS_write, output, pid, length);
    raw::call_again(SYS_write, output, hook.state_behind, __builtin_strlen(hook.state_behind));
}

long wait_for(Context& context, const HookPlan& hook, long pid, int pidfd) {
    pollfd wait{pidfd, POLLIN, 0};
    const timespec limit{hook.timeout_seconds, 0};
    const long ready = raw::call_again(SYS_ppoll, &wait, 1, hook.timeout_seconds > 0 ? &limit : nullptr, nullptr, 0);
    if (ready == 0) raw::call(SYS_kill, pid, SIGKILL);
    int status = 0;
    const long done = raw::call_again(SYS_wait4, pid, &status, 0, nullptr);
    if (done < 0) return done;
    if (ready == 0) return context.detail = hook_timed_out, -hook.timeout_seconds;
    if (WIFSIGNALED(status)) return context.detail = hook_signalled, -WTERMSIG(status);
    if (WEXITSTATUS(status) != 0) return context.detail = hook_exited, -WEXITSTATUS(status);
    return 0;
}

}  // namespace

long run_hook(Context& context, const Step& step) {
    const auto& hook = *static_cast<const HookPlan*>(step.list);
    const long usable = raw::call(SYS_faccessat, AT_FDCWD, hook.path, 1 /* X_OK */);
    if (usable < 0) return usable;
    int pipe[2];
    const long piped = raw::call(SYS_pipe2, pipe, O_CLOEXEC);
    if (piped < 0) return piped;
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = static_cast<std::uint64_t>(raw::to_word(&pidfd));
    arguments.exit_signal = SIGCHLD;
    const long pid = raw::call(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) become_hook(hook, pipe[0]);
    close_fd(pipe[0]);
    // SIGPIPE would end us when the hook does not read.
    struct { std::uint64_t handler, flags, restorer, mask; } ignored{1, 0, 0, 0}, by_default{};
    raw::call(SYS_rt_sigaction, SIGPIPE, &ignored, nullptr, 8);
    if (pid > 0) write_state(hook, pipe[1]);
    raw::call(SYS_rt_sigaction, SIGPIPE, &by_default, nullptr, 8);
    close_fd(pipe[1]);
    const long done = pid < 0 ? pid : wait_for(context, hook, pid, pidfd);
    close_fd(pidfd);
    return done;
}

}  // namespace berth::runtime::init
