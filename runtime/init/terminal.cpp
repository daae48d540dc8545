// The program's own terminal, from the container's own devpts: never the caller's, into whose input it could type
// (CVE-2017-5226). The slave is reached from its master (TIOCGPTPEER), not by a path that the image could have planted
// (CVE-2025-52565).

#include <cerrno>
#include <fcntl.h>
#include <asm/termbits.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

constexpr unsigned from_empty = 4, to_empty = 0x40, open_tree_clone = 1;

long open_master(Context& context) {
    const long master = open_in_root(context, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0) return master;
    struct statfs filesystem{};
    const long known = raw::call(SYS_fstatfs, master, &filesystem);
    if (known >= 0 && filesystem.f_type == DEVPTS_SUPER_MAGIC && is_device(static_cast<int>(master), 5, 2)) return master;
    close_fd(master);
    context.detail = not_a_terminal_device;
    return -ENOTTY;
}

long set_size(long master, std::uint64_t packed) {
    if (packed == 0) return 0;
    winsize size{};
    size.ws_row = static_cast<unsigned short>(packed >> 16);
    size.ws_col = static_cast<unsigned short>(packed & 0xffff);
    return raw::call(SYS_ioctl, master, TIOCSWINSZ, &size);
}

/// Before the program writes its first line.
long leave_newlines(long slave) {
    struct termios attributes{};  // The kernel's, which is what the call fills in.
    const long known = raw::call(SYS_ioctl, slave, TCGETS, &attributes);
    if (known < 0) return known;
    attributes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    return raw::call(SYS_ioctl, slave, TCSETS, &attributes);
}

}  // namespace

long make_console(Context& context, const Step& step) {
    const long master = open_master(context);
    if (master < 0) return master;
    const int unlocked = 0;
    long done = raw::call(SYS_ioctl, master, TIOCSPTLCK, &unlocked);
    if (done >= 0) done = raw::call(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (done < 0) return close_fd(master), done;
    const long slave = done;
    done = set_size(master, step.value);
    if (done >= 0 && step.extra == 1) done = leave_newlines(slave);
    if (done >= 0) done = raw::call(SYS_fchown, slave, step.uid, ~0U);
    if (done == -EPERM || done == -EINVAL) done = 0;  // An owner that the user namespace does not map: it stays root's.
    if (done >= 0) done = raw::call(SYS_ioctl, slave, TIOCSCTTY, 0);
    if (done >= 0) done = send_message(context, Message{MessageType::console, 0, 0, 0, {}}, static_cast<int>(master));
    close_fd(master);
    context.terminal = static_cast<int>(slave);
    return done;
}

long bind_console(Context& context, const Step&) {
    const long target = open_target(context, "/dev/console", TargetKind::file);
    if (target < 0) return target;
    const long tree = raw::call(SYS_open_tree, context.terminal, "", open_tree_clone | O_CLOEXEC | AT_EMPTY_PATH);
    long done = tree;
    if (tree >= 0) done = raw::call(SYS_move_mount, tree, "", target, "", from_empty | to_empty);
    close_fd(tree);
    close_fd(target);
    return done;
}

}  // namespace berth::runtime::init
