#pragma once
// Launching a container's first process.
//
//   Cgroup cgroup = TRY(Cgroup::create({...}));
//   LaunchRequest request{.spec = spec, .id = id, .rootfs = tree, .stdio = {in, out, err}, .cgroup = &cgroup};
//   Init init = TRY(Init::create(request));     // clones and returns; the child mounts meanwhile
//   attach(init.netns(), ...);                  // the network namespace is there from the first moment
//   TRY(init.wait_ready());                     // everything but the program itself is done; its file was found
//   TRY(init.release());                        // execve happened, or the child's one-line error is here
//
// Whatever fails, `abort()` (or the destructor) leaves no process behind: the child dies with its handshake socket.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// A detached mount (open_tree(2), fsmount(2)) that stands for the source of the spec's bind on `destination`. It is moved
/// there: the kernel copies none of another mount namespace, and before Linux 6.15 none that is detached.
struct GivenTree {
    std::string destination;
    const Fd* tree;
};

struct LaunchRequest {
    const Spec& spec;                ///< used during create() only
    std::string id{};                ///< for hooks (state on their stdin) and messages
    std::string bundle{};            ///< relative paths of the spec resolve here; may be empty
    /// A detached mount tree (open_tree, fsmount) that becomes `/`. Without one spec.root.path is cloned.
    const Fd* rootfs = nullptr;
    std::vector<GivenTree> trees{};
    /// 0, 1, 2 of the program; nullptr is /dev/null. Not used when spec.process.terminal is set: then the container's
    /// own pty becomes 0, 1 and 2 and its master comes back by take_console().
    std::array<const Fd*, 3> stdio{};
    /// Become 3, 4, … in the program (LISTEN_FDS, --preserve-fds).
    std::vector<const Fd*> extra{};
    /// Entered at birth; made by the caller, who also removes it.
    const Cgroup* cgroup = nullptr;
    /// A FIFO (O_PATH descriptor) that the child opens for writing when ready instead of waiting for release(): then the
    /// container outlives the caller (runc's create and start).
    const Fd* start_fifo = nullptr;
    /// Keep the caller's session keyring (runc's --no-new-keyring), change root by move and chroot (--no-pivot).
    bool keep_keyring = false;
    /// The container ends with the process that made it, however that ends.
    bool die_with_parent = false;
    /// Leave 0, 1 and 2 to their owners instead of giving them to the program's user.
    bool keep_stdio_owners = false;
    bool no_pivot = false;
};

class Init {
public:
    /// Opens all sources, plans, clones. The host side is checked here: bad specs, missing sources, absent namespaces.
    static Result<Init> create(const LaunchRequest& request);
    Init(Init&&) noexcept;
    Init& operator=(Init&&) noexcept;
    ~Init();

    pid_t pid() const { return pid_; }
    const Fd& pidfd() const { return pidfd_; }
    /// The network namespace of the child (O_RDONLY), whether new or joined.
    Result<Fd> netns() const;
    /// Until the child has prepared everything, run by the way the spec's prestart and createRuntime hooks, and send the
    /// seccomp listener where the spec says. The error is the child's one line: "mount proc on /proc: Operation not
    /// permitted"; not_found and denied stand for a program that is missing (127) or cannot be executed (126).
    Result<void> wait_ready();
    /// Answers before it is asked: the child goes on to the program as soon as it is ready, and no turn is lost on two
    /// processes waking each other (1 ms). For callers that have done all that must precede the program; wait_ready() and
    /// release() follow as usual and tell how it went. Does nothing where the child has questions of its own first (hooks,
    /// ids of mounts, a seccomp listener).
    Result<void> release_ahead();
    /// The pty's master when spec.process.terminal; after wait_ready().
    std::optional<Fd> take_console();
    /// Lets the program start; returns when execve(2) has happened, or with the child's error as in wait_ready().
    Result<void> release();
    /// Kills and reaps the child. For use when a later stage of the caller failed.
    void abort();
    /// The process, for waiting. The caller reaps it from now on.
    Child into_child() &&;

private:
    Init() = default;
    pid_t pid_ = -1;
    Fd pidfd_;
    struct Running;
    std::unique_ptr<Running> running_;
    std::optional<Fd> console_;
};

/// True when the running program was started from a read-only mount, so that no container can write to its file through
/// /proc/PID/exe (CVE-2019-5736).
bool is_self_protected();
/// Executes this program again from a detached read-only mount of its own file; returns only on failure, or at once
/// when is_self_protected(). Call it first in main of whatever clones into containers.
Result<void> protect_self(char** argv);

}  // namespace berth::runtime
