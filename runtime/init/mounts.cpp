// Mounts by descriptor: made detached (fsopen, open_tree), attributes set, then moved onto a target that was opened in the
// root. A failed move is final: never does a path stand in for a descriptor, since after the change of root it may mean
// another file (facts: a fallback to the path once bound the host's / in the container).

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "runtime/init/context.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace berth::runtime::init {

namespace {

constexpr unsigned fsopen_cloexec = 1, fsmount_cloexec = 1, open_tree_clone = 1;
constexpr unsigned set_flag = 0, set_string = 1, create = 6;
constexpr unsigned from_empty = 4, to_empty = 0x40;
constexpr unsigned long readonly_attribute = 1, nosuid_attribute = 2, nodev_attribute = 4, noexec_attribute = 8;
constexpr unsigned detach = 2;

struct Attributes {
    std::uint64_t set, clear, propagation, userns;
};

long set_mount(int fd, const char* path, std::uint64_t flags, const Attributes& attributes) {
    return raw::call(SYS_mount_setattr, fd, path, flags, &attributes, sizeof attributes);
}

long move_onto(int tree, long target) {
    const long moved = raw::call(SYS_move_mount, tree, "", target, "", from_empty | to_empty);
    close_fd(target);
    return moved;
}

long configure(long fs, const MountOption* options, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const MountOption& option = options[i];
        const long done = raw::call(SYS_fsconfig, fs, option.value == nullptr ? set_flag : set_string, option.key, option.value, 0);
        if (done < 0) return done;
    }
    return raw::call(SYS_fsconfig, fs, create, nullptr, nullptr, 0);
}

/// A detached mount of a new file system.
long make_mount(const char* type, const MountOption* options, std::uint32_t count, std::uint64_t attributes) {
    const long fs = raw::call(SYS_fsopen, type, fsopen_cloexec);
    if (fs < 0) return fs;
    long done = configure(fs, options, count);
    if (done >= 0) done = raw::call(SYS_fsmount, fs, fsmount_cloexec, attributes);
    close_fd(fs);
    return done;
}

/// A further detached copy of an attached mount.
long clone_of(int tree) { return raw::call(SYS_open_tree, tree, "", open_tree_clone | O_CLOEXEC | AT_EMPTY_PATH); }

long mask_file(Context& context, const Step& step, long target) {
    if (!is_device(step.fd, 1, 3)) return close_fd(target), -ENODEV;
    if (!context.null_attached) {
        const long moved = move_onto(step.fd, target);
        context.null_attached = moved >= 0;
        return moved;
    }
    const long copy = clone_of(step.fd);
    if (copy < 0) return close_fd(target), copy;
    const long moved = move_onto(static_cast<int>(copy), target);
    close_fd(copy);
    return moved;
}

long mask_folder(Context& context, long target) {
    const bool first = context.empty_folder < 0;
    const MountOption options[] = {{"source", "tmpfs"}, {"size", "0"}, {"nr_inodes", "1"}, {"mode", "755"}};
    const long tree = first ? make_mount("tmpfs", options, 4, readonly_attribute | nosuid_attribute | nodev_attribute | noexec_attribute)
                            : clone_of(context.empty_folder);
    if (tree < 0) return close_fd(target), tree;
    const long moved = move_onto(static_cast<int>(tree), target);
    if (first && moved >= 0) context.empty_folder = static_cast<int>(tree);
    else close_fd(tree);
    return moved;
}

constexpr std::uint32_t most_options = 30;

/// The mode of the folder at `path`, in octal; false when there is none yet.
bool read_mode(const Context& context, const char* path, char* out) {
    const long covered = open_in_root(context, path, O_PATH | O_DIRECTORY);
    struct stat status{};
    const bool known = covered >= 0 && raw::call(SYS_newfstatat, covered, "", &status, AT_EMPTY_PATH) >= 0;
    close_fd(covered);
    if (!known) return false;
    for (int digit = 0; digit < 4; ++digit) out[digit] = static_cast<char>('0' + (status.st_mode >> (9 - 3 * digit) & 7));
    out[4] = '\0';
    return true;
}

}  // namespace

long mount_new(Context& context, const Step& step) {
    const auto* options = static_cast<const MountOption*>(step.list);
    MountOption with_mode[most_options + 1];
    char mode[8];
    std::uint32_t count = step.count;
    if (step.extra == 1 && count <= most_options && read_mode(context, step.path, mode)) {
        for (std::uint32_t i = 0; i < count; ++i) with_mode[i] = options[i];
        with_mode[count++] = {"mode", mode};
        options = with_mode;
    }
    const long tree = make_mount(step.text, options, count, step.flags);
    if (tree < 0) return tree;
    long done = 0;
    if (context.copied_up >= 0) {
        done = copy_tree(context.copied_up, static_cast<int>(tree));
        close_fd(context.copied_up);
        context.copied_up = -1;
    }
    const bool real = step.value == 1;
    const long target = done < 0 ? done : real ? open_real_folder(context, step.path) : open_target(context, step.path, TargetKind::folder);
    if (real && (target == -ELOOP || target == -ENOTDIR)) context.detail = symlink_in_the_way;
    done = target < 0 ? target : move_onto(static_cast<int>(tree), target);
    close_fd(tree);
    return done;
}

long clone_in_root(Context& context, const Step& step) {
    const long source = open_in_root(context, step.text, O_PATH);
    if (source < 0) return source;
    const long tree = raw::call(SYS_open_tree, source, "", open_tree_clone | O_CLOEXEC | AT_EMPTY_PATH | step.flags);
    close_fd(source);
    if (tree < 0) return tree;
    context.cloned_tree = static_cast<int>(tree);
    // Ids are mapped while the tree is new, and by the parent: in a user namespace we may not.
    long done = step.value == 0 ? 0 : send_message(context, Message{MessageType::map_ids, static_cast<std::uint32_t>(step.value - 1), 0, 0, {}}, context.cloned_tree);
    if (step.value != 0 && done >= 0) done = wait_for_go(context);
    const auto* attributes = static_cast<const MountAttributes*>(step.list);
    for (std::uint32_t i = 0; i < step.count && done >= 0; ++i)
        done = set_mount(context.cloned_tree, "", AT_EMPTY_PATH | (attributes[i].recursive ? AT_RECURSIVE : 0),
                         Attributes{attributes[i].set, attributes[i].clear, attributes[i].propagation, 0});
    return done;
}

long attach_tree(Context& context, const Step& step) {
    const int tree = step.fd >= 0 ? step.fd : context.cloned_tree;
    auto kind = static_cast<TargetKind>(step.value);
    if (step.fd < 0) {
        struct stat status{};
        const long known = raw::call(SYS_newfstatat, tree, "", &status, AT_EMPTY_PATH);
        if (known < 0) return known;
        kind = S_ISDIR(status.st_mode) ? TargetKind::folder : TargetKind::file;
    }
    const long target = open_target(context, step.path, kind);
    if (target < 0) return target;
    const long moved = move_onto(tree, target);
    close_fd(tree);
    return moved;
}

long drop_mount(Context&, const Step& step) {
    const long gone = raw::call(SYS_umount2, step.path, detach);
    if (gone != -EINVAL && gone != -EPERM) return gone;
    // It came from a namespace with more rights and cannot be taken away: covered, it shows as little.
    const MountOption options[] = {{"source", "tmpfs"}, {"size", "0"}};
    const long tree = make_mount("tmpfs", options, 2, readonly_attribute);
    if (tree < 0) return tree;
    const long target = raw::call(SYS_openat, AT_FDCWD, step.path, O_PATH | O_CLOEXEC);
    const long done = target < 0 ? target : move_onto(static_cast<int>(tree), target);
    close_fd(tree);
    return done;
}

long attach_root(Context& context, const Step& step) {
    // The host's path: this is before the change of root, in our own copy of the host's mounts.
    const long target = raw::call(SYS_openat, AT_FDCWD, step.path, O_PATH | O_CLOEXEC);
    if (target < 0) return target;
    context.root = step.fd;
    return move_onto(step.fd, target);
}

long copy_up(Context& context, const Step& step) {
    const long folder = open_in_root(context, step.path, O_RDONLY | O_DIRECTORY);
    if (folder == -ENOENT) return 0;
    if (folder < 0) return folder;
    context.copied_up = static_cast<int>(folder);
    return 0;
}

long set_attributes(Context& context, const Step& step) {
    const auto& want = *static_cast<const MountAttributes*>(step.list);
    const long target = open_in_root(context, step.path, O_PATH);
    if (target < 0) return target;
    const Attributes attributes{want.set, want.clear, want.propagation, 0};
    const long done = set_mount(static_cast<int>(target), "", AT_EMPTY_PATH | (want.recursive ? AT_RECURSIVE : 0), attributes);
    close_fd(target);
    return done;
}

long open_root_folder() {
    return raw::call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

long change_root(int folder) {
    const long done = raw::call(SYS_fchdir, folder);
    return done < 0 ? done : raw::call(SYS_chroot, ".");
}

/// setns(2) takes root and working folder to the root of the mount namespace.
long enter_root_of_namespace() {
    const long self = raw::call(SYS_pidfd_open, raw::call(SYS_getpid), 0);
    if (self < 0) return self;
    const long done = raw::call(SYS_setns, self, CLONE_NEWNS);
    close_fd(self);
    return done;
}

/// Whoever started us may stand in a chroot, whose root need be no mount. The whole namespace leaves the host's, not only
/// what is seen from there; the paths of the steps behind this one are meant as the caller sees them.
long leave_host_tree(Context& context, const Step&) {
    const long seen = open_root_folder();
    if (seen < 0) return seen;
    long done = enter_root_of_namespace();
    if (done >= 0) done = set_mount(AT_FDCWD, "/", AT_RECURSIVE, Attributes{0, 0, MS_SLAVE, 0});
    if (done >= 0) done = open_root_folder();
    context.host_root = static_cast<int>(done);
    if (done >= 0) done = change_root(static_cast<int>(seen));
    close_fd(seen);
    return done;
}

/// To the root that leave_host_tree found, below the container's if that was attached over it.
long go_to_host_root(const Context& context) {
    const long done = change_root(context.host_root);
    close_fd(context.host_root);
    return done;
}

long set_propagation(Context&, const Step& step) {
    return set_mount(AT_FDCWD, step.path, step.value != 0 ? AT_RECURSIVE : 0, Attributes{0, 0, step.flags, 0});
}

long open_procfs(Context& context, const Step&) {
    const long tree = make_mount("proc", nullptr, 0, nosuid_attribute | nodev_attribute | noexec_attribute);
    if (tree < 0) return tree;
    context.procfs = static_cast<int>(tree);
    return 0;
}

long mask(Context& context, const Step& step) {
    const long target = open_in_root(context, step.path, O_PATH);
    if (target == -ENOENT || target == -ENOTDIR) return 0;
    if (target < 0) return target;
    struct stat status{};
    const long known = raw::call(SYS_newfstatat, target, "", &status, AT_EMPTY_PATH);
    if (known < 0) return close_fd(target), known;
    return S_ISDIR(status.st_mode) ? mask_folder(context, target) : mask_file(context, step, target);
}

long make_readonly(Context& context, const Step& step) {
    const long target = open_in_root(context, step.path, O_PATH);
    if (target == -ENOENT || target == -ENOTDIR) return 0;
    if (target < 0) return target;
    const long tree = raw::call(SYS_open_tree, target, "", open_tree_clone | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (tree < 0) return close_fd(target), tree;
    long done = set_mount(static_cast<int>(tree), "", AT_EMPTY_PATH | AT_RECURSIVE, Attributes{readonly_attribute, 0, 0, 0});
    if (done < 0) close_fd(target);
    else done = move_onto(static_cast<int>(tree), target);
    close_fd(tree);
    return done;
}

long make_root_readonly(Context&, const Step&) {
    return set_mount(AT_FDCWD, "/", 0, Attributes{readonly_attribute, 0, 0, 0});
}

// The container's root has to become the namespace's, and not only ours: whoever enters the namespace later (exec) begins
// there. In a chroot's place it would leave them in the host's tree.
long pivot(Context& context, const Step&) {
    long done = go_to_host_root(context);
    if (done >= 0) done = raw::call(SYS_fchdir, context.root);
    // New and old root at one place (pivot_root(2), "pivot_root(".", ".")"): no folder in the image is needed.
    if (done >= 0) done = raw::call(SYS_pivot_root, ".", ".");
    if (done >= 0) done = raw::call(SYS_umount2, ".", detach);
    if (done >= 0) done = raw::call(SYS_chdir, "/");
    return done;
}

long move_root(Context& context, const Step&) {
    long done = go_to_host_root(context);
    if (done >= 0) done = raw::call(SYS_move_mount, context.root, "", AT_FDCWD, "/", from_empty);
    if (done >= 0) done = change_root(context.root);
    if (done >= 0) done = raw::call(SYS_chdir, "/");
    return done;
}

}  // namespace berth::runtime::init
