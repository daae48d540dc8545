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

struct Pipe {
    int read = -1, write = -1;
};

/// In the forked child; returns never.
[[noreturn]] void become_hook(const Context& context, const HookPlan& hook, const Pipe& input, const Pipe& words) {
    // runc: hooks that come before the change of root start in the container's root.
    if (context.root >= 0) raw::call(SYS_fchdir, context.root);
    raw::call(SYS_dup3, input.read, 0, 0);
    raw::call(SYS_dup3, words.write, 2, 0);
    raw::call(SYS_execve, hook.path, hook.argv, hook.envp);
    for (;;) raw::call(SYS_exit_group, 127);
}

void set_sigpipe(std::uint64_t handler) {
    const struct { std::uint64_t handler, flags, restorer, mask; } action{handler, 0, 0, 0};
    raw::call(SYS_rt_sigaction, SIGPIPE, &action, nullptr, 8);
}

void write_state(const HookPlan& hook, int output) {
    char pid[20];
    const std::size_t length = decimal(pid, static_cast<std::uint64_t>(raw::call(SYS_getpid)));
    // A hook that does not read is no failure: the pipe holds the document, or the write ends with EPIPE.
    set_sigpipe(1);
    raw::call_again(SYS_write, output, hook.state_before, __builtin_strlen(hook.state_before));
    raw::call_again(SYS_write, output, pid, length);
    raw::call_again(SYS_write, output, hook.state_behind, __builtin_strlen(hook.state_behind));
    set_sigpipe(0);
}

/// Takes what there is; the first bytes are kept for the message. False at end of file.
bool take_words(Context& context, int from, std::size_t& kept) {
    char buffer[4096];
    const long got = raw::call_again(SYS_read, from, buffer, sizeof buffer);
    for (long i = 0; i < got && kept + 1 < sizeof context.hook_words; ++i) context.hook_words[kept++] = buffer[i];
    return got > 0;
}

/// Until the hook ends or its time is up; true when it ended.
bool watch(Context& context, const HookPlan& hook, int pidfd, int words) {
    pollfd wait[2] = {{pidfd, POLLIN, 0}, {words, POLLIN, 0}};
    timespec limit{hook.timeout_seconds, 0};  // The kernel writes back what is left.
    std::size_t kept = 0;
    for (;;) {
        const long ready = raw::call_again(SYS_ppoll, wait, 2, hook.timeout_seconds > 0 ? &limit : nullptr, nullptr, 0);
        if (ready <= 0) return false;
        if (wait[1].revents != 0 && !take_words(context, words, kept)) wait[1].fd = -1;
        else if (wait[0].revents != 0) return true;
    }
}

long wait_for(Context& context, const HookPlan& hook, long pid, bool ended) {
    if (!ended) raw::call(SYS_kill, pid, SIGKILL);
    int status = 0;
    const long done = raw::call_again(SYS_wait4, pid, &status, 0, nullptr);
    if (done < 0) return done;
    if (!ended) return context.detail = hook_timed_out, -hook.timeout_seconds;
    if (WIFSIGNALED(status)) return context.detail = hook_signalled, -WTERMSIG(status);
    if (WEXITSTATUS(status) != 0) return context.detail = hook_exited, -WEXITSTATUS(status);
    context.hook_words[0] = '\0';
    return 0;
}

long start_and_wait(Context& context, const HookPlan& hook, Pipe& input, Pipe& words) {
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = static_cast<std::uint64_t>(raw::to_word(&pidfd));
    arguments.exit_signal = SIGCHLD;
    const long pid = raw::call(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return pid;
    if (pid == 0) become_hook(context, hook, input, words);
    close_fd(input.read);
    close_fd(words.write);
    input.read = words.write = -1;
    write_state(hook, input.write);
    close_fd(input.write);
    input.write = -1;
    const bool ended = watch(context, hook, pidfd, words.read);
    close_fd(pidfd);
    return wait_for(context, hook, pid, ended);
}

}  // namespace

long run_hook(Context& context, const Step& step) {
    const auto& hook = *static_cast<const HookPlan*>(step.list);
    long done = raw::call(SYS_faccessat, AT_FDCWD, hook.path, 1 /* X_OK */);
    if (done < 0) return done;
    Pipe input, words;
    done = raw::call(SYS_pipe2, &input, O_CLOEXEC);
    if (done >= 0) done = raw::call(SYS_pipe2, &words, O_CLOEXEC);
    if (done >= 0) done = start_and_wait(context, hook, input, words);
    const int left[] = {input.read, input.write, words.read, words.write};
    for (const int fd : left) close_fd(fd);
    return done;
}

}  // namespace berth::runtime::init
