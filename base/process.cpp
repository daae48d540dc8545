#include "base/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sys.h"

namespace berth {

namespace {

/// All that the spawned child needs, made before the clone: after it only system calls follow, in our own memory.
struct SpawnPlan {
    int program;
    const char* path;
    std::vector<char*> argv;
    std::vector<char*> env;
    std::vector<int> descriptors;
    bool own_session;
    int report;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

SpawnPlan plan_of(const SpawnOptions& options) {
    SpawnPlan plan{-1, nullptr, pointers(options.argv), {}, options.descriptors, options.session == SpawnOptions::Session::own, -1};
    if (options.env) return plan.env = pointers(*options.env), plan;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) plan.env.push_back(*entry);
    plan.env.push_back(nullptr);
    return plan;
}

/// The child's side: only system calls, on what the plan holds.
int run_spawned(void* argument) {
    const SpawnPlan& plan = *static_cast<const SpawnPlan*>(argument);
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (plan.own_session) ::setsid();
    // Two steps, so that a source which is itself 0, 1 or 2 is not overwritten before it is used.
    const int count = static_cast<int>(plan.descriptors.size());
    int high[16];
    for (int i = 0; i < count; ++i) {
        const int from = plan.descriptors[static_cast<std::size_t>(i)];
        const int source = from >= 0 ? from : ::open("/dev/null", O_RDWR | O_CLOEXEC);
        high[i] = ::fcntl(source, F_DUPFD_CLOEXEC, 64);
        if (high[i] < 0) goto failed;
    }
    for (int i = 0; i < count; ++i)
        if (::dup2(high[i], i) < 0) goto failed;
    // What the caller of this command left open (a lock, the end of a pipe) is none of the program's, which may live long.
    // Linux before 5.11 does not know the flag: then only our own descriptors close, as they do by themselves.
    ::syscall(SYS_close_range, static_cast<unsigned>(count), ~0u, CLOSE_RANGE_CLOEXEC);
    if (plan.path != nullptr) ::execve(plan.path, plan.argv.data(), plan.env.data());
    else ::syscall(SYS_execveat, plan.program, "", plan.argv.data(), plan.env.data(), AT_EMPTY_PATH);
failed:
    const int code = errno;
    [[maybe_unused]] const auto written = ::write(plan.report, &code, sizeof code);
    ::_exit(127);
}

Result<Child> spawn_plan(SpawnPlan plan, const std::string& name) {
    if (plan.descriptors.size() > 16) bug("spawn: too many descriptors");
    sys::Pipe report = TRY(sys::pipe());
    plan.report = report.write.raw();
    // Clear of 0…15, so that the dup2 above cannot hit it.
    Fd clear_report(::fcntl(plan.report, F_DUPFD_CLOEXEC, 100));
    plan.report = clear_report.raw();
    sigset_t all, before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    // As vfork(2), on a stack of its own: no page table is copied and no page of ours is written twice, 1 ms of a start.
    // We go on when it has executed.
    alignas(16) char stack[32 * 1024];
    int pidfd = -1;
    const pid_t pid = ::clone(run_spawned, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
    const int clone_error = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return Error::of_errno(clone_error, "clone");
    Child child(pid, Fd(pidfd));
    report.write.reset();
    clear_report.reset();
    int code = 0;
    auto got = sys::read(report.read, std::span(static_cast<char*>(static_cast<void*>(&code)), sizeof code));
    if (got.ok() && got.value() == 0) return child;
    ignore(child.wait(), "it only reports its errno");
    return Error::of_errno(code, name);
}

Result<std::uint64_t> start_time_of(pid_t pid, char& state) {
    const std::string text = TRY(read_file(cat("/proc/", pid, "/stat"), 4096));
    // The name, field 2, may hold spaces and parentheses: count from the last ')' (proc(5)).
    std::size_t at = text.rfind(')');
    if (at == std::string::npos || at + 2 >= text.size()) return Error(Kind::corrupt, cat("/proc/", pid, "/stat"));
    state = text[at + 2];
    for (int field = 2; field < 22; ++field) {
        at = text.find(' ', at + 1);
        if (at == std::string::npos) return Error(Kind::corrupt, cat("/proc/", pid, "/stat"));
    }
    std::uint64_t value = 0;
    std::from_chars(text.data() + at + 1, text.data() + text.size(), value);
    return value;
}

}  // namespace

ExitStatus exit_status_of_wait(int status) {
    if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
    return {WEXITSTATUS(status), 0};
}

Result<void> Child::kill(Signal signal) const { return send_signal(pidfd_, signal); }

Result<ExitStatus> Child::wait() {
    int status = 0;
    pid_t done;
    do done = ::waitpid(pid_, &status, __WALL);
    while (done < 0 && errno == EINTR);
    if (done < 0) return Error::of_errno(errno, cat("wait for process ", pid_));
    return exit_status_of_wait(status);
}

Result<std::optional<ExitStatus>> Child::try_wait() {
    int status = 0;
    const pid_t done = ::waitpid(pid_, &status, WNOHANG | __WALL);
    if (done < 0) return Error::of_errno(errno, cat("wait for process ", pid_));
    if (done == 0) return std::optional<ExitStatus>();
    return std::optional(exit_status_of_wait(status));
}

Result<Child> spawn(const std::string& file, const SpawnOptions& options) {
    SpawnPlan plan = plan_of(options);
    plan.path = file.c_str();
    return spawn_plan(std::move(plan), file);
}

Result<Child> spawn(const Fd& program, const SpawnOptions& options) {
    SpawnPlan plan = plan_of(options);
    // Clear of 0…15 too: the child puts the program's descriptors there before it executes this one.
    const Fd clear_program(::fcntl(program.raw(), F_DUPFD_CLOEXEC, 100));
    if (!clear_program.valid()) return Error::of_errno(errno, "duplicate descriptor");
    plan.program = clear_program.raw();
    return spawn_plan(std::move(plan), options.argv.empty() ? "program" : options.argv[0]);
}

Result<ProcessKey> ProcessKey::of(pid_t pid) {
    char state = 0;
    const std::uint64_t start = TRY(start_time_of(pid, state));
    return ProcessKey{pid, start, boot_id()};
}

Result<std::optional<Fd>> ProcessKey::open() const {
    if (pid <= 0 || boot != boot_id()) return std::optional<Fd>();
    const long opened = ::syscall(SYS_pidfd_open, pid, 0);
    if (opened < 0 && (errno == ESRCH || errno == EINVAL)) return std::optional<Fd>();
    if (opened < 0) return Error::of_errno(errno, cat("pidfd_open ", pid));
    Fd pidfd(static_cast<int>(opened));
    // Read after opening: if the times match now, the descriptor is of that very process.
    char state = 0;
    const auto start = start_time_of(pid, state);
    if (!start.ok() || start.value() != start_time || state == 'Z' || state == 'X') return std::optional<Fd>();
    return std::optional(std::move(pidfd));
}

std::string find_program(std::string_view folders, std::string_view name) {
    while (!folders.empty()) {
        const std::size_t end = std::min(folders.find(':'), folders.size());
        std::string program = cat(folders.substr(0, end), '/', name);
        if (::access(program.c_str(), X_OK) == 0) return program;
        folders.remove_prefix(std::min(end + 1, folders.size()));
    }
    return {};
}

Result<void> send_signal(const Fd& pidfd, Signal signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd.raw(), signal.number(), nullptr, 0) != 0)
        return Error::of_errno(errno, cat("send ", signal.name()));
    return {};
}

Result<bool> wait_for_end(const Fd& pidfd, int milliseconds) {
    pollfd poll{pidfd.raw(), POLLIN, 0};
    int ready;
    do ready = ::poll(&poll, 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return Error::of_errno(errno, "poll");
    return ready > 0;
}

}  // namespace berth
