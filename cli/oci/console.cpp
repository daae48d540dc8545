#include "cli/oci/console.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/sys.h"
#include "runtime/listener.h"

namespace berth::cli {

namespace {

/// Every signal but those that belong to ourselves.
sigset_t forwarded_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTTIN, SIGTTOU, SIGTSTP}) sigdelset(&set, own);
    return set;
}

/// Whichever of our streams is a terminal, else the controlling one: runc takes the same order.
Fd find_terminal() {
    for (const int fd : {2, 1, 0})
        if (::isatty(fd) != 0) return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    return Fd(::open("/dev/tty", O_RDWR | O_CLOEXEC));
}

/// Our terminal in raw mode, and as it was afterwards.
class RawTerminal {
public:
    explicit RawTerminal(Fd terminal) : terminal_(std::move(terminal)) {
        if (!terminal_.valid() || ::tcgetattr(terminal_.raw(), &before_) != 0) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        // One of the two terminals has to turn a newline into carriage return and newline: ours does (runc).
        raw.c_oflag |= OPOST;
        changed_ = ::tcsetattr(terminal_.raw(), TCSANOW, &raw) == 0;
    }
    ~RawTerminal() {
        if (changed_) ::tcsetattr(terminal_.raw(), TCSANOW, &before_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    void copy_size(const Fd& master) const {
        winsize size{};
        if (terminal_.valid() && ::ioctl(terminal_.raw(), TIOCGWINSZ, &size) == 0) ::ioctl(master.raw(), TIOCSWINSZ, &size);
    }

private:
    Fd terminal_;
    termios before_{};
    bool changed_ = false;
};

class Foreground {
public:
    Foreground(Child& child, const std::optional<Fd>& master) : child_(child), master_(master) {}

    Result<ExitStatus> run() {
        const sigset_t set = forwarded_signals();
        signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!signals_.valid()) return Error::of_errno(errno, "signalfd");
        if (!master_) return wait();
        const RawTerminal terminal(find_terminal());
        terminal_ = &terminal;
        terminal.copy_size(*master_);
        return wait();
    }

private:
    Result<ExitStatus> wait() {
        for (;;) {
            pollfd wait[] = {{child_.pidfd().raw(), POLLIN, 0}, {signals_.raw(), POLLIN, 0},
                             {master_ && output_open_ ? master_->raw() : -1, POLLIN, 0},
                             {master_ && input_open_ ? 0 : -1, POLLIN, 0}};
            if (::poll(wait, 4, -1) < 0 && errno != EINTR) return Error::of_errno(errno, "poll");
            if (wait[1].revents != 0) TRY(pass_signals());
            // Hung up and empty: nobody has the terminal open any more, and poll would say so without end.
            if (wait[2].revents != 0 && !copy_output() && (wait[2].revents & POLLHUP) != 0) output_open_ = false;
            if (wait[3].revents != 0) copy_input();
            if (wait[0].revents == 0) continue;
            while (master_ && copy_output()) continue;
            return child_.wait();
        }
    }
    Result<void> pass_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.raw(), &info, sizeof info) == sizeof info) {
            const int number = static_cast<int>(info.ssi_signo);
            if (number == SIGWINCH && terminal_ != nullptr) terminal_->copy_size(*master_);
            else if (number == SIGCHLD) reap_strangers();
            else if (number != SIGURG) ignore(child_.kill(Signal::of(number)), "it may have ended");
        }
        return {};
    }
    /// As subreaper we inherit what the container's processes leave; the child itself is waited for by its own pidfd.
    void reap_strangers() {
        for (;;) {
            siginfo_t info{};
            if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
            if (info.si_pid == child_.pid()) return;
            ::waitpid(info.si_pid, nullptr, WNOHANG);
        }
    }
    bool copy_output() {
        char buffer[32768];
        pollfd ready{master_->raw(), POLLIN, 0};
        if (::poll(&ready, 1, 0) <= 0 || (ready.revents & POLLIN) == 0) return false;
        const ssize_t got = ::read(master_->raw(), buffer, sizeof buffer);
        if (got <= 0) return false;
        return sys::write_all(output_, std::string_view(buffer, static_cast<std::size_t>(got))).ok();
    }
    void copy_input() {
        char buffer[4096];
        const ssize_t got = ::read(0, buffer, sizeof buffer);
        if (got > 0) {
            ignore(sys::write_all(*master_, std::string_view(buffer, static_cast<std::size_t>(got))), "it may have ended");
            return;
        }
        input_open_ = false;
    }

    Child& child_;
    const std::optional<Fd>& master_;
    const RawTerminal* terminal_ = nullptr;
    Fd signals_;
    Fd output_{::fcntl(1, F_DUPFD_CLOEXEC, 3)};
    bool input_open_ = true;
    bool output_open_ = true;
};

}  // namespace

void leave_newlines(const Fd& master) {
    termios attributes{};
    if (::tcgetattr(master.raw(), &attributes) != 0) return;
    attributes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    ::tcsetattr(master.raw(), TCSANOW, &attributes);
}

void hold_signals() {
    const sigset_t set = forwarded_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<void> send_console(const Fd& socket, const Fd& master) {
    int number = 0;
    std::string name = "/dev/pts/";
    if (::ioctl(master.raw(), TIOCGPTN, &number) == 0) name += cat(number);
    TRY(runtime::send_descriptor(socket, name, master), "console socket");
    return {};
}

Result<ExitStatus> wait_in_foreground(Child& child, const std::optional<Fd>& master) {
    return Foreground(child, master).run();
}

}  // namespace berth::cli
