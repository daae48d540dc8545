#pragma once
// The plan of one process to be started in a container: a list of steps that the child walks between clone and exec.
// Everything is decided before the clone (plan_make.h): strings are ended and live in the parent's memory, of which the
// child has its copy; descriptors are open; BPF is compiled; the order is fixed. The child only makes system calls, so
// this header knows nothing but plain data (STYLE.md "Between clone and exec").

#include <cstdint>

#include "base/raw.h"

namespace berth::runtime {

/// That a program begins with: 0, 1, 2 and those handed on to it.
constexpr std::uint32_t most_descriptors = 256;

/// What a step does; behind each the fields that it reads. `path` always names a path inside the container unless it says
/// otherwise, and is what a failure names.
enum class StepKind : std::uint32_t {
    // Leaving the parent
    close_descriptor,    ///< fd
    hide,                ///< no ptrace, no /proc/PID/exe for anybody in the container (CVE-2016-9962); list: count bytes to wipe, the caller's command line
    reset_signals,       ///< what the caller ignored is not ignored by the program
    die_with_parent,     ///< PR_SET_PDEATHSIG; again after each change of identity, which clears it
    write_zero,          ///< fd: a v1 `tasks` file; text names it
    fork_below_reaper,   ///< the plan goes on in a child: fd: the v2 group it enters, or -1; list: count v1 `tasks` files
    stay_as_reaper,      ///< fd: told how that child ended; its parent stays here and reaps, the child goes on
    join,                ///< fd: namespace or pidfd; flags: CLONE_NEW*; text names it
    meet_parent,         ///< value: MessageType to send; waits for `go`
    become_root,         ///< uid and gid 0 of a user namespace just made or joined
    unshare,             ///< flags; text names it
    set_time_offsets,    ///< text: lines for timens_offsets; fd: the host's /proc
    new_session,         ///< setsid
    new_keyring,         ///< text: its name
    set_affinity,        ///< list: count words of a CPU mask
    // The file system
    open_root,           ///< the joined container's / is what paths resolve in
    open_procfs,         ///< a detached procfs of this pid namespace: the only one trusted for writing
    leave_host_tree,     ///< mounts made or dropped from here on are not told to the host's mount namespace
    set_propagation,     ///< path; flags: MS_SHARED…; value: 1 for all below
    drop_mount,          ///< path: of the host's tree, in the container's copy of it
    attach_root,         ///< fd: the detached root; path: the host path it goes over
    mount_new,           ///< text: type; path; list: count MountOptions; flags: MOUNT_ATTR_*; value: 1 for no link on the way; extra: 1 to take the mode of what it covers
    clone_in_root,       ///< text: in the container, as mounted by now; flags: AT_RECURSIVE; list: count MountAttributes; value: index of the mount whose ids the parent maps, plus 1; path: for messages
    attach_tree,         ///< fd: a detached tree, or -1: of the clone_in_root before; path; value: TargetKind
    copy_up,             ///< the next mount_new (tmpfs) begins with what stands at its path
    set_attributes,      ///< path; list: one MountAttributes
    make_folder,         ///< path; flags: mode; what forbids it is told by whatever needs the folder
    make_device,         ///< path; flags: type and mode; value: device number; uid; gid
    bind_device,         ///< fd: a detached tree of the host's node; path
    make_link,           ///< path; text: target
    make_console,        ///< opens the container's own pty, makes it 0, 1, 2; value: rows << 16 | columns; extra: 1 to hand newlines on as they are; uid
    bind_console,        ///< the pty's slave onto /dev/console
    mask,                ///< path; fd: a detached tree of the host's /dev/null
    make_readonly,       ///< path
    run_hook,            ///< list: one HookPlan; text names it
    pivot,               ///< the attached root becomes /
    move_root,           ///< the same by MS_MOVE and chroot (--no-pivot)
    make_root_readonly,
    write_sysctl,        ///< path: below /proc/sys; text
    // The process
    set_hostname,        ///< text
    set_domainname,      ///< text
    loopback_up,
    set_rlimit,          ///< flags: resource; value: soft; extra: hard; text names it
    set_scheduler,       ///< list: one SchedulerAttributes
    set_io_priority,     ///< value
    set_personality,     ///< value
    set_memory_policy,   ///< value: mode and flags; list: count words of nodes
    set_label,           ///< path: below /proc/self/attr; text
    take_descriptors,    ///< list: count descriptors, at most `most_descriptors`, that become 0, 1, 2, …
    own_descriptors,     ///< 0, 1, 2 are given to uid
    set_umask,           ///< value
    set_groups,          ///< list: count gids
    drop_bounding,       ///< value: set to keep
    set_ids,             ///< uid; gid
    set_capabilities,    ///< list: one CapabilityPlan
    no_new_privileges,
    load_seccomp,        ///< list: count sock_filter; flags
    enter_folder,        ///< path; value: 1 to make it
    find_program,
    report_ready,
    await_release,
    open_fifo,           ///< Plan.fifo
    execute,
};

enum class TargetKind : std::uint32_t { folder, file, any };

struct MountOption {
    const char* key;
    const char* value;  ///< nullptr for a flag
};

/// mount_setattr(2).
struct MountAttributes {
    std::uint64_t set, clear, propagation;
    bool recursive;
};

struct HookPlan {
    const char* path;
    const char* const* argv;
    const char* const* envp;
    /// The state document before and behind the pid, which only the child knows.
    const char* state_before;
    const char* state_behind;
    int timeout_seconds;  ///< 0: none
};

struct CapabilityPlan {
    std::uint64_t effective, permitted, inheritable, ambient;
};

/// sched_setattr(2).
struct SchedulerAttributes {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
};

struct Step {
    StepKind kind;
    int fd = -1;
    std::uint64_t flags = 0;
    std::uint64_t value = 0;
    std::uint64_t extra = 0;
    const char* path = nullptr;
    const char* text = nullptr;
    const void* list = nullptr;
    std::uint32_t count = 0;
    std::uint32_t uid = 0, gid = 0;
};

/// What both sides say to each other over one SOCK_SEQPACKET pair, one type a turn:
///
///   child                         parent
///     | -- prepared_ids ----------> |   only with a new user namespace: writes the maps
///     | <-------------------- go -- |
///     | -- map_ids (descriptor) --> |   only for an idmapped bind of what the container itself has mounted
///     | <-------------------- go -- |
///     | -- prepared_root ---------> |   only with prestart or createRuntime hooks: runs them
///     | <-------------------- go -- |
///     | -- console (descriptor) --> |   only with a terminal; not answered
///     | -- listener (descriptor) -> |   only with a seccomp listener
///     | <-------------------- go -- |
///     | -- ready -----------------> |
///     | <-------------------- go -- |   release(); not with a FIFO
///     | -- end of file -----------> |   execve happened
///
/// At any time instead: failed, then the child is gone. A dead peer is end of file, so both sides end.
enum class MessageType : std::uint32_t { prepared_ids, map_ids, prepared_root, console, listener, ready, failed, go };

struct Message {
    MessageType type;
    std::uint32_t step;      ///< failed: index in the plan; map_ids: index of the mount
    std::int32_t code;       ///< failed: errno; a hook's: see HookFailure
    std::uint32_t detail;    ///< failed: 0, or what the step says beyond the errno
    char text[256];          ///< failed: the end of what a hook wrote to stderr
};

/// Message.detail of a failed run_hook.
enum HookFailure : std::uint32_t { hook_errno = 0, hook_exited, hook_signalled, hook_timed_out };
/// Message.detail of others.
enum StepDetail : std::uint32_t { unreachable_folder = 10, not_a_terminal_device = 11, symlink_in_the_way = 12 };

struct Plan {
    const Step* steps;
    std::uint32_t step_count;
    int socket;               ///< the child's end
    int fifo = -1;            ///< O_PATH of the FIFO that releases the program, or -1: the socket does
    int root;                 ///< the detached tree that becomes /, or -1 when the process joins
    const char* program;      ///< args[0]
    const char* const* argv;
    const char* const* envp;
    const char* search_path;  ///< PATH of envp
    std::uint32_t first_free_descriptor;  ///< 3 + extra descriptors
};

/// Walks the plan; never returns.
[[noreturn]] void run_init(const Plan& plan) noexcept;

}  // namespace berth::runtime
