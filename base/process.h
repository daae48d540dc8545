#pragma once
// Processes: children by pidfd, and a key that recognises a process of another run although pids are used again.

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/ids.h"
#include "base/json.h"

namespace berth {

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< exit code, or 0 when a signal ended it
    int signal = 0;  ///< the signal, or 0
    /// What a shell and docker show: code, or 128 + signal.
    int shell_code() const { return signal != 0 ? 128 + signal : code; }
};
/// From waitpid(2)'s status word.
ExitStatus exit_status_of_wait(int status);

/// A child of this process. The destructor closes the pidfd; it neither kills nor waits.
class Child {
public:
    Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    pid_t pid() const { return pid_; }
    /// Readable when the child has ended (pidfd_open(2)).
    const Fd& pidfd() const { return pidfd_; }
    Result<void> kill(Signal signal) const;
    /// Waits for the end and reaps.
    Result<ExitStatus> wait();
    /// Reaps if it has ended.
    Result<std::optional<ExitStatus>> try_wait();
    /// The pidfd, for whoever waits from now on.
    Fd release() && { return std::move(pidfd_); }

private:
    pid_t pid_;
    Fd pidfd_;
};

/// Descriptors that a spawned program finds as 0, 1, 2 (and 3…); -1 means /dev/null.
struct SpawnOptions {
    std::vector<std::string> argv;
    std::optional<std::vector<std::string>> env;  ///< the caller's when absent
    std::vector<int> descriptors{-1, 2, 2};       ///< numbers of open descriptors, in the order 0, 1, 2, 3, …
    enum class Session { same, own } session = Session::same;
};
/// Starts a host program: `file` is a path, or an open descriptor when `program` is valid. One clone, no shell. A program
/// that cannot be executed is an error here, not an exit code.
Result<Child> spawn(const std::string& file, const SpawnOptions& options);
Result<Child> spawn(const Fd& program, const SpawnOptions& options);

/// Tells a process of this or an earlier command apart from another that got its pid later.
struct ProcessKey {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot, field 22 of /proc/PID/stat (proc(5))
    std::string boot;              ///< boot_id()
    static Result<ProcessKey> of(pid_t pid);
    /// An open pidfd when the process is alive and still the same one; nothing when it is gone (a zombie counts as gone).
    Result<std::optional<Fd>> open() const;
    bool operator==(const ProcessKey&) const = default;
};
template <class Io>
void fields(Io& io, ProcessKey& key) {
    io.required("pid", key.pid);
    io.required("startTime", key.start_time);
    io.required("boot", key.boot);
}

/// The first FOLDER/NAME of a list such as PATH that may be executed; empty when there is none.
std::string find_program(std::string_view folders, std::string_view name);

/// pidfd_send_signal(2).
Result<void> send_signal(const Fd& pidfd, Signal signal);
/// poll(2) on a pidfd: true when the process ended within `milliseconds` (-1: no limit).
Result<bool> wait_for_end(const Fd& pidfd, int milliseconds);

}  // namespace berth
