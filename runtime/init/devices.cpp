// Device nodes and links, made below a folder that was opened in the root: an image whose /dev is a link, or whose names
// stand there already, is met by descriptors and O_EXCL semantics (CVE-2025-24965).

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

constexpr unsigned from_empty = 4, to_empty = 0x40;

/// A name that stands there already with the right number is as good as a new one, once owner and mode are right.
long take_existing(long folder, const char* name, const Step& step) {
    struct stat status{};
    const long known = raw::call(SYS_newfstatat, folder, name, &status, AT_SYMLINK_NOFOLLOW);
    if (known < 0) return known;
    const bool same = (status.st_mode & S_IFMT) == (step.flags & S_IFMT) &&
                      ((step.flags & S_IFMT) == S_IFIFO || status.st_rdev == step.value);
    if (!same) return -EEXIST;
    const long node = raw::call(SYS_openat, folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (node < 0) return node;
    long done = raw::call(SYS_fchownat, node, "", step.uid, step.gid, AT_EMPTY_PATH);
    if (done >= 0) done = raw::call(452 /* fchmodat2 */, node, "", step.flags & 07777, AT_EMPTY_PATH);
    close_fd(node);
    return done == -ENOSYS ? 0 : done;  // Before 6.6 only a path could be given, which may be anything by now.
}

/// mknod(2) with the mode as it stands: a container's devices do not depend on the umask of who started it.
long make_node(long folder, const char* name, const Step& step) {
    const long umask = raw::call(SYS_umask, 0);
    const long made = raw::call(SYS_mknodat, folder, name, step.flags, step.value);
    raw::call(SYS_umask, umask);
    if (made < 0 || (step.uid == 0 && step.gid == 0)) return made;
    return raw::call(SYS_fchownat, folder, name, step.uid, step.gid, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

long make_folder(Context& context, const Step& step) {
    const long folder = make_folders(context, step.path, static_cast<unsigned>(step.flags));
    close_fd(folder);
    return 0;
}

long make_device(Context& context, const Step& step) {
    const char* name = nullptr;
    const long folder = open_above(context, step.path, &name);
    if (folder < 0) return folder;
    long done = make_node(folder, name, step);
    if (done == -EEXIST) done = take_existing(folder, name, step);
    close_fd(folder);
    return done;
}

long bind_device(Context& context, const Step& step) {
    const long target = open_target(context, step.path, TargetKind::file);
    if (target < 0) return target;
    const long moved = raw::call(SYS_move_mount, step.fd, "", target, "", from_empty | to_empty);
    close_fd(target);
    close_fd(step.fd);
    return moved;
}

long make_link(Context& context, const Step& step) {
    const char* name = nullptr;
    const long folder = open_above(context, step.path, &name);
    if (folder < 0) return folder;
    const long done = raw::call(SYS_symlinkat, step.text, folder, name);
    close_fd(folder);
    return done == -EEXIST ? 0 : done;
}

}  // namespace berth::runtime::init
