// One poll loop for each kind of connection. Input is only read when the other side can take it: were a write to block
// here while the container waits for its output to be read, neither would ever go on.

#include "cli/attach_loop.h"

#include <csignal>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "container/reattach.h"

namespace berth::cli {
namespace {

constexpr std::size_t chunk_bytes = 16 * 1024;

// docker forwards all but CHLD and PIPE; job control stays the caller's shell's, faults are this process's own.
sigset_t forwarded_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int own :
         {SIGCHLD, SIGPIPE, SIGURG, SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
        sigdelset(&set, own);
    return set;
}

Result<Fd> open_signals() {
    const sigset_t set = forwarded_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    const int raw = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (raw < 0) return Error::of_errno(errno, "signalfd");
    return Fd(raw);
}

int next_signal(const Fd& signals) {
    signalfd_siginfo info{};
    return ::read(signals.raw(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

// Signals that are not forwarded concern this command alone: it ends, the container goes on.
bool ends_command(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT; }

pollfd watch(int descriptor, short events) { return {descriptor, events, 0}; }

/// stdin, detach keys applied.
class Input {
public:
    Input(bool wanted, const StreamOptions& options) : is_open_(wanted), keys_(options.tty ? options.detach_keys : "") {}
    bool is_open() const { return is_open_; }
    void close() { is_open_ = false; }

    /// What was typed; empty at the end of input, after which it is closed.
    DetachKeys::Typed read() {
        char buffer[chunk_bytes];
        const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
        if (n <= 0) return is_open_ = false, DetachKeys::Typed{};
        return keys_.take(std::string_view(buffer, static_cast<std::size_t>(n)));
    }

private:
    bool is_open_;
    DetachKeys keys_;
};

class AttachmentLoop {
public:
    AttachmentLoop(container::Attachment& attachment, const StreamOptions& options, std::function<void(Signal)> forward)
        : attachment_(attachment), options_(options), forward_(std::move(forward)), input_(options.input, options) {}

    Result<StreamEnd> run(const Fd& signals) {
        if (options_.tty) TRY(send_size());
        for (;;) {
            pollfd polled[] = {watch(attachment_.fd().raw(), static_cast<short>(POLLIN | (wants_to_send() ? POLLOUT : 0))),
                               watch(signals.raw(), POLLIN),
                               watch(input_.is_open() && pending_.empty() ? STDIN_FILENO : -1, POLLIN)};
            if (::poll(polled, 3, -1) < 0 && errno != EINTR) return Error::of_errno(errno, "poll");
            // First: a signal for a container whose monitor is gone would have another take over, which knows less than we do.
            if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                if (const auto end = TRY(take_event())) return *end;
            if ((polled[1].revents & POLLIN) != 0)
                if (const int status = TRY(take_signal(next_signal(signals))); status != 0) return StreamEnd{status, false};
            if ((polled[0].revents & POLLOUT) != 0) TRY(send_pending());
            if (polled[2].revents != 0 && take_input()) return StreamEnd{0, true};
        }
    }

private:
    bool wants_to_send() const { return !pending_.empty() || end_is_pending_; }

    Result<void> send_size() {
        if (const auto size = terminal_size(STDIN_FILENO)) return attachment_.resize(size->first, size->second);
        return {};
    }

    // The status to end with, or 0.
    Result<int> take_signal(int signal) {
        if (signal == SIGWINCH) {
            if (options_.tty) TRY(send_size());
        } else if (signal != 0 && options_.forward_signals) {
            forward_(Signal::of(signal));
        } else if (ends_command(signal)) {
            return 128 + signal;
        }
        return 0;
    }

    // True when the user detached.
    bool take_input() {
        DetachKeys::Typed typed = input_.read();
        pending_ += typed.bytes;
        if (!input_.is_open()) end_is_pending_ = true;
        return typed.detached;
    }

    Result<void> send_pending() {
        if (!pending_.empty()) {
            TRY(attachment_.send_input(pending_));
            pending_.clear();
        } else if (end_is_pending_) {
            end_is_pending_ = false;
            TRY(attachment_.close_input());
        }
        return {};
    }

    Result<std::optional<StreamEnd>> take_event() {
        const auto event = TRY(attachment_.next());
        using What = container::Attachment::Event::What;
        switch (event.what) {
            case What::output:
                pass_on(STDOUT_FILENO, event.bytes);
                break;
            case What::error_output:
                pass_on(STDERR_FILENO, event.bytes);
                break;
            case What::ended:
                return std::optional(StreamEnd{event.exit_code, false});
            case What::detached:
                return std::optional(StreamEnd{0, true});
        }
        return std::optional<StreamEnd>();
    }

    container::Attachment& attachment_;
    const StreamOptions& options_;
    std::function<void(Signal)> forward_;
    Input input_;
    std::string pending_;
    bool end_is_pending_ = false;
};

/// The caller's ends of an exec'd process's three streams.
struct ExecPipes {
    Fd input, output, error_output;
};

// Never the caller's own, be it a pipe: by /proc/self/fd the process reads what others wrote into it, and what it leaves
// running writes on there, between the words of those who come later.
Result<Fd> output_end(Fd& theirs) {
    sys::Pipe pipe = TRY(sys::pipe());
    theirs = std::move(pipe.write);
    return std::move(pipe.read);
}

Result<ExecPipes> make_pipes(container::ExecOptions& request, bool with_input) {
    ExecPipes own;
    if (with_input) {
        sys::Pipe pipe = TRY(sys::pipe());
        request.stdio[0] = std::move(pipe.read);
        own.input = std::move(pipe.write);
        ::fcntl(own.input.raw(), F_SETFL, O_WRONLY | O_NONBLOCK);
    }
    own.output = TRY(output_end(request.stdio[1]));
    own.error_output = TRY(output_end(request.stdio[2]));
    return own;
}

class ExecLoop {
public:
    ExecLoop(const container::Exec& exec, ExecPipes pipes, const StreamOptions& options)
        : exec_(exec), pipes_(std::move(pipes)), options_(options), input_(options.input, options) {}

    /// Nothing when the process ended; else how the user left it.
    Result<std::optional<StreamEnd>> run(const Fd& signals) {
        if (options_.tty) pass_size();
        for (bool ended = false; !ended;) {
            pollfd polled[] = {watch(signals.raw(), POLLIN),
                               watch(input_.is_open() && pending_.empty() ? STDIN_FILENO : -1, POLLIN),
                               watch(pending_.empty() ? -1 : sink(), POLLOUT),
                               watch(source().valid() ? source().raw() : -1, POLLIN),
                               watch(pipes_.error_output.valid() ? pipes_.error_output.raw() : -1, POLLIN),
                               watch(exec_.fd().raw(), POLLIN)};
            if (::poll(polled, 6, -1) < 0 && errno != EINTR) return Error::of_errno(errno, "poll");
            if (polled[0].revents != 0)
                if (const int status = take_signal(next_signal(signals)); status != 0)
                    return std::optional(StreamEnd{status, false});
            if (polled[1].revents != 0 && take_input()) return std::optional(StreamEnd{1, true});
            if (polled[2].revents != 0) send_pending();
            if (polled[3].revents != 0 && !pass(source(), STDOUT_FILENO)) source_ended_ = true;
            if (polled[4].revents != 0 && !pass(pipes_.error_output, STDERR_FILENO)) pipes_.error_output.reset();
            ended = polled[5].revents != 0;
        }
        drain(source(), STDOUT_FILENO);
        drain(pipes_.error_output, STDERR_FILENO);
        return std::optional<StreamEnd>();
    }

private:
    const Fd& source() const {
        static const Fd none;
        return source_ended_ ? none : options_.tty ? exec_.console() : pipes_.output;
    }
    int sink() const { return options_.tty ? exec_.console().raw() : pipes_.input.raw(); }

    void pass_size() const {
        winsize size{};
        if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(exec_.console().raw(), TIOCSWINSZ, &size);
    }
    // docker: the process goes on when its client is interrupted.
    int take_signal(int signal) const {
        if (signal == SIGWINCH && options_.tty) pass_size();
        return ends_command(signal) ? 128 + signal : 0;
    }
    bool take_input() {
        DetachKeys::Typed typed = input_.read();
        pending_ += typed.bytes;
        if (!input_.is_open() && pending_.empty()) pipes_.input.reset();
        return typed.detached;
    }
    void send_pending() {
        const ssize_t n = ::write(sink(), pending_.data(), pending_.size());
        if (n > 0)
            pending_.erase(0, static_cast<std::size_t>(n));
        else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            // The process reads no more: what else is typed has nowhere to go.
            pending_.clear();
            input_.close();
        }
        if (!input_.is_open() && pending_.empty()) pipes_.input.reset();
    }
    // False at the end of the stream. A terminal whose other side is closed says EIO.
    static bool pass(const Fd& from, int to) {
        char buffer[chunk_bytes];
        const ssize_t n = ::read(from.raw(), buffer, sizeof buffer);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
        if (n <= 0) return false;
        pass_on(to, {buffer, static_cast<std::size_t>(n)});
        return true;
    }
    // What the process wrote last; its children may keep the pipe open, so the end is "nothing there now".
    static void drain(const Fd& from, int to) {
        if (!from.valid()) return;
        pollfd polled = watch(from.raw(), POLLIN);
        while (::poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN) != 0 && pass(from, to)) continue;
    }

    const container::Exec& exec_;
    ExecPipes pipes_;
    const StreamOptions& options_;
    Input input_;
    std::string pending_;
    bool source_ended_ = false;
};

Result<std::optional<RawMode>> enter_raw(const StreamOptions& options) {
    if (!options.tty || !options.input || !is_terminal(STDIN_FILENO)) return std::optional<RawMode>();
    return std::optional<RawMode>(TRY(RawMode::enter(STDIN_FILENO)));
}

}  // namespace

void hold_forwarded_signals() {
    const sigset_t set = forwarded_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<StreamEnd> stream_attachment(container::Engine& engine, const std::string& id, container::Attachment& attachment,
                                    const StreamOptions& options) {
    const auto forward = [&](Signal signal) {
        // Looked up anew: the state that came with the start is of before it.
        auto record = container::find(engine, id);
        if (record.ok()) ignore(container::kill(engine, record.value(), signal), "it may have ended meanwhile");
    };
    const std::optional<RawMode> raw = TRY(enter_raw(options));
    const Fd signals = TRY(open_signals());
    // A reader of our output that goes away must not leave the terminal raw: EPIPE instead of death.
    ::signal(SIGPIPE, SIG_IGN);
    AttachmentLoop loop(attachment, options, forward);
    for (;;) {
        auto end = loop.run(signals);
        if (end.ok() || end.error().kind() != Kind::wrong_state) return end;
        // Its monitor was killed: the container goes on below another, or has ended, which the record tells.
        auto again = container::attach_again(engine, id, {options.input, options.output, options.error_output}, attachment.init());
        if (!again.ok() && again.error().kind() == Kind::not_found) return end;
        container::Reattached found = TRY(std::move(again));
        if (!found.attachment) return StreamEnd{found.exit_code, false};
        attachment = std::move(*found.attachment);
    }
}

Result<StreamEnd> stream_exec(container::Engine& engine, const container::Record& record, container::ExecOptions request,
                              const StreamOptions& options) {
    ExecPipes pipes;
    if (!options.tty)
        pipes = TRY(make_pipes(request, options.input));
    else if (const auto size = terminal_size(STDIN_FILENO))
        request.console_size = *size;
    container::Exec exec = TRY(container::exec(engine, record, std::move(request)));
    {
        const std::optional<RawMode> raw = TRY(enter_raw(options));
        const Fd signals = TRY(open_signals());
        ::signal(SIGPIPE, SIG_IGN);
        if (const auto left = TRY(ExecLoop(exec, std::move(pipes), options).run(signals))) return *left;
    }
    return StreamEnd{TRY(exec.wait()), false};
}

}  // namespace berth::cli
