#include "container/tiny_init.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/root.h"
#include "base/sys.h"
#include "container/merge.h"
#include "container/restart.h"
#include "runtime/users.h"

namespace berth::container {

namespace {

constexpr int orders_fd = 3;
constexpr int first_stream_fd = 4;
// What is left when the container ends has this long to end by itself.
constexpr Duration last_wait = Duration::of_seconds(2);

/// One process that this init keeps: the command, or a declared one.
struct Kept {
    std::string name;  ///< empty: the command
    Words command;
    std::string user;
    int output = -1;   ///< its own stdout and stderr; -1: this init's
    int error_output = -1;
    RestartMachine restart{{"no", 0}, 0};
    pid_t pid = 0;
    Tick began{};
    std::optional<Tick> due;  ///< the moment of its restart
    bool restart_wanted = false;
    int exit_code = 0;
    bool is_over() const { return pid == 0 && !due; }
};

void say(std::string_view text) {
    const std::string line = cat("berth-init: ", text, '\n');
    [[maybe_unused]] const auto written = ::write(2, line.data(), line.size());
}

Result<void> become(const std::string& user) {
    const Root root = TRY(Root::open("/"));
    const runtime::UserTables tables = TRY(runtime::UserTables::load(root));
    const runtime::ResolvedUser found = TRY(runtime::resolve_user(tables, user));
    std::vector<gid_t> groups(found.additional_gids.begin(), found.additional_gids.end());
    if (::setgroups(groups.size(), groups.data()) != 0) return Error::of_errno(errno, "set groups");
    if (::setgid(found.gid) != 0) return Error::of_errno(errno, "set group");
    if (::setuid(found.uid) != 0) return Error::of_errno(errno, "set user");
    ::setenv("HOME", found.home.c_str(), 1);
    return {};
}

[[noreturn]] void run_child(const Kept& kept) {
    ::setpgid(0, 0);
    // The command has the terminal when there is one; a background process that reads it would be stopped, as in a shell.
    if (kept.name.empty() && ::isatty(0) == 1) {
        ::signal(SIGTTOU, SIG_IGN);
        ::tcsetpgrp(0, ::getpid());
        ::signal(SIGTTOU, SIG_DFL);
    }
    if (kept.output >= 0) ::dup2(kept.output, 1);
    if (kept.error_output >= 0) ::dup2(kept.error_output, 2);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!kept.user.empty())
        if (auto changed = become(kept.user); !changed.ok()) say(cat(kept.name, ": ", changed.error().text())), ::_exit(126);
    std::vector<char*> words;
    for (const std::string& word : kept.command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    const int code = errno;
    say(cat("exec ", kept.command.front(), ": ", std::strerror(code)));
    ::_exit(code == ENOENT ? 127 : 126);
}

class Init {
public:
    Init(std::vector<Kept> kept, std::string end_when, bool has_orders)
        : kept_(std::move(kept)), end_when_(std::move(end_when)), has_orders_(has_orders) {}

    int run() {
        sigset_t all;
        sigfillset(&all);
        // A fault of this program itself must not be waited for.
        for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigdelset(&all, fault);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        signals_ = Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
        for (Kept& kept : kept_) start(kept);
        while (!exit_code_) wait_once();
        end_the_rest();
        return *exit_code_;
    }

private:
    void start(Kept& kept) {
        kept.due.reset();
        kept.restart_wanted = false;
        kept.began = tick_now();
        kept.pid = ::fork();
        if (kept.pid == 0) run_child(kept);
        if (kept.pid < 0) say(cat("fork: ", std::strerror(errno))), kept.pid = 0, kept.exit_code = 126;
    }

    void wait_once() {
        pollfd polled[2] = {{signals_.raw(), POLLIN, 0}, {has_orders_ ? orders_fd : -1, POLLIN, 0}};
        ::poll(polled, 2, milliseconds_to_next_restart());
        if ((polled[0].revents & POLLIN) != 0) take_signals();
        if (polled[1].revents != 0) take_order();
        for (Kept& kept : kept_)
            if (kept.due && *kept.due <= tick_now()) start(kept);
    }

    int milliseconds_to_next_restart() const {
        std::int64_t least = -1;
        for (const Kept& kept : kept_) {
            if (!kept.due) continue;
            const std::int64_t left = std::max<std::int64_t>((*kept.due - tick_now()).milliseconds() + 1, 0);
            if (least < 0 || left < least) least = left;
        }
        return static_cast<int>(least);
    }

    void take_signals() {
        signalfd_siginfo info;
        while (::read(signals_.raw(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const int signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGCHLD) reap();
            else hand_on(signal);
        }
    }

    void hand_on(int signal) {
        // Asked to end: nothing is started again.
        if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) stopping_ = true;
        for (Kept& kept : kept_) {
            if (stopping_) kept.due.reset();
            if (kept.pid > 0) ::kill(kept.pid, signal);
        }
        if (stopping_) judge();
    }

    void reap() {
        for (;;) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, WNOHANG);
            if (pid <= 0) break;
            for (Kept& kept : kept_)
                if (kept.pid == pid) on_end(kept, exit_status_of_wait(status).shell_code());
        }
        judge();
    }

    void on_end(Kept& kept, int code) {
        kept.pid = 0;
        kept.exit_code = code;
        if (stopping_) return;
        if (kept.restart_wanted) return start(kept);
        if (const auto delay = kept.restart.next_delay(code, tick_now() - kept.began)) kept.due = tick_now() + *delay;
    }

    /// Whether the container is to end now, and with which code.
    void judge() {
        bool all_over = true;
        for (const Kept& kept : kept_) {
            const bool decides = end_when_.empty() ? kept.name.empty() : end_when_ == "any" || end_when_ == kept.name;
            if (kept.is_over() && decides) exit_code_ = kept.exit_code;
            all_over = all_over && kept.is_over();
        }
        if (all_over && !exit_code_) exit_code_ = kept_.back().exit_code;
    }

    void take_order() {
        char buffer[512];
        const ssize_t got = ::read(orders_fd, buffer, sizeof buffer);
        // The monitor died: whoever adopts the container cannot send orders, all else goes on.
        if (got <= 0) {
            has_orders_ = false;
            return;
        }
        const auto order = parse_order(std::string_view(buffer, static_cast<std::size_t>(got)));
        if (!order.ok()) return;
        for (Kept& kept : kept_) {
            if (kept.name != order.value().process) continue;
            kept.restart_wanted = order.value().restart;
            if (order.value().restart && kept.pid == 0) start(kept);
            else if (kept.pid > 0) ::kill(kept.pid, order.value().restart ? SIGTERM : order.value().signal);
        }
    }

    void end_the_rest() {
        bool any = false;
        for (const Kept& kept : kept_)
            if (kept.pid > 0) any = true, ::kill(kept.pid, SIGTERM);
        const Tick end = tick_now() + last_wait;
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        while (any && tick_now() < end) {
            const timespec brief{0, 100'000'000};
            ::sigtimedwait(&child, nullptr, &brief);
            while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
            any = ::waitpid(-1, nullptr, WNOHANG) == 0;
        }
    }

    std::vector<Kept> kept_;
    std::string end_when_;
    bool has_orders_;
    Fd signals_;
    bool stopping_ = false;
    std::optional<int> exit_code_;
};

std::vector<Kept> make_kept(const InitPlan& plan, Words command) {
    std::vector<Kept> out;
    for (const std::size_t index : start_order(plan)) {
        const ProcessRequest& process = plan.processes[index];
        Kept& kept = out.emplace_back();
        kept.name = process.name;
        kept.command = process.command;
        kept.user = process.user;
        kept.output = first_stream_fd + static_cast<int>(index) * 2;
        kept.error_output = kept.output + 1;
        kept.restart = RestartMachine(process.restart, 0);
    }
    if (!command.empty()) out.emplace_back().command = std::move(command);
    return out;
}

}  // namespace

int run_tiny_init(int count, char** arguments) {
    InitPlan plan;
    int next = 1;
    bool has_plan = false;
    if (next + 1 < count && std::string_view(arguments[next]) == "--processes") {
        const auto json = parse_json(arguments[next + 1]);
        auto parsed = json.ok() ? from_json<InitPlan>(json.value()) : Result<InitPlan>(Error(Kind::invalid, "not JSON"));
        if (!parsed.ok()) return say(parsed.error().text()), 125;
        plan = std::move(parsed).value();
        has_plan = true;
        next += 2;
    }
    if (next >= count || std::string_view(arguments[next]) != "--") return say("must be started by berth"), 125;
    Words command(arguments + next + 1, arguments + count);
    if (command.empty() && plan.processes.empty()) return say("nothing to run"), 125;
    // The processes get their streams as 1 and 2 only.
    const int last = has_plan ? first_stream_fd + static_cast<int>(plan.processes.size()) * 2 : orders_fd;
    for (int fd = orders_fd; fd < last; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return Init(make_kept(plan, std::move(command)), plan.end_when, has_plan).run();
}

}  // namespace berth::container
