#pragma once
// What the steps of one child share. Functions return the kernel's value: negative is -errno.

#include <cstddef>

#include "base/raw.h"
#include "runtime/plan.h"

namespace berth::runtime::init {

struct Context {
    const Plan& plan;
    int socket;                ///< moved once by take_descriptors' needs, else plan.socket
    int root = -1;             ///< what paths resolve in
    int host_root = -1;        ///< the root of this mount namespace until the container's takes its place
    int procfs = -1;           ///< detached procfs, trusted
    int fifo = -1;
    int terminal = -1;         ///< the pty's slave
    int empty_folder = -1;     ///< an attached read-only tmpfs, source of all masks of folders
    bool null_attached = false;
    int cloned_tree = -1;      ///< of clone_in_root, for the attach_tree behind it
    int copied_up = -1;        ///< O_PATH of the folder whose content the next tmpfs takes
    char hook_words[256] = {};  ///< what a failing hook wrote to stderr, cut
    bool entered_folder = false;
    long reaped = 0;           ///< we stay as reaper: the child that goes on
    std::uint32_t detail = 0;  ///< StepDetail of the failing step
    char program[4096] = {};   ///< found by find_program
};

// paths.cpp
long open_in_root(const Context& context, const char* path, std::uint64_t flags);
/// A folder, made when absent, with no link anywhere on the way to it; -ELOOP else.
long open_real_folder(const Context& context, const char* path);
/// Opens `path` O_PATH, making it and the folders above it when absent.
long open_target(const Context& context, const char* path, TargetKind kind);
/// The folder above the last component, made when absent; `name` points into `path`.
long open_above(const Context& context, const char* path, const char** name);
/// An O_PATH folder made with all above it.
long make_folders(const Context& context, const char* path, unsigned mode);
void close_fd(long fd);
bool is_device(int fd, unsigned major, unsigned minor);
/// Digits of `value`; returns their number. `out` takes at least 20.
std::size_t decimal(char* out, std::uint64_t value);

// mounts.cpp
long mount_new(Context& context, const Step& step);
long clone_in_root(Context& context, const Step& step);
long attach_tree(Context& context, const Step& step);
long drop_mount(Context& context, const Step& step);
long attach_root(Context& context, const Step& step);
long copy_up(Context& context, const Step& step);
long set_attributes(Context& context, const Step& step);
long leave_host_tree(Context& context, const Step& step);
long set_propagation(Context& context, const Step& step);
long open_procfs(Context& context, const Step& step);
long mask(Context& context, const Step& step);
long make_readonly(Context& context, const Step& step);
long make_root_readonly(Context& context, const Step& step);
long pivot(Context& context, const Step& step);
long move_root(Context& context, const Step& step);

// copy_up.cpp
long copy_tree(int from, int to);

// devices.cpp
long make_folder(Context& context, const Step& step);
long make_device(Context& context, const Step& step);
long bind_device(Context& context, const Step& step);
long make_link(Context& context, const Step& step);

// terminal.cpp
long make_console(Context& context, const Step& step);
long bind_console(Context& context, const Step& step);

// process.cpp
long hide(Context& context, const Step& step);
long reset_signals(Context& context, const Step& step);
long write_zero(Context& context, const Step& step);
long set_time_offsets(Context& context, const Step& step);
/// From here a signal ends us although we may be pid 1, which the kernel protects from signals that it does not handle.
void end_on_signals();
long new_keyring(Context& context, const Step& step);
long write_sysctl(Context& context, const Step& step);
long loopback_up(Context& context, const Step& step);
long set_rlimit(Context& context, const Step& step);
long set_label(Context& context, const Step& step);

// identity.cpp
long become_root(Context& context, const Step& step);
long drop_bounding(Context& context, const Step& step);
long set_ids(Context& context, const Step& step);
long set_capabilities(Context& context, const Step& step);
long load_seccomp(Context& context, const Step& step);

// reaper.cpp
long fork_below_reaper(Context& context, const Step& step);
long stay_as_reaper(Context& context, const Step& step);

// program.cpp
long take_descriptors(Context& context, const Step& step);
long own_descriptors(Context& context, const Step& step);
long enter_folder(Context& context, const Step& step);
long find_program(Context& context, const Step& step);
long report_ready(Context& context, const Step& step);
long open_fifo(Context& context, const Step& step);
long execute(Context& context, const Step& step);

// hooks.cpp
long run_hook(Context& context, const Step& step);

// talk.cpp
long send_message(const Context& context, const Message& message, int descriptor = -1);
/// Sends and waits for `go`.
long meet_parent(const Context& context, MessageType type, int descriptor = -1);
long wait_for_go(const Context& context);

}  // namespace berth::runtime::init
