#include "container/mount_space.h"

#include <cerrno>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/root.h"
#include "base/sys.h"

namespace berth::container {

namespace {

// MS_PRIVATE and MS_REC stand in <sys/mount.h>, which cannot be included beside <linux/mount.h>.
constexpr unsigned long long propagation_private = 1 << 18;

/// setns(2) goes to the namespace's root, which is not the one that we know when we stand in a chroot.
Result<void> enter(const Fd& space, const Fd& root) {
    if (::setns(space.raw(), CLONE_NEWNS) != 0 || ::fchdir(root.raw()) != 0 || ::chroot(".") != 0)
        return Error::of_errno(errno, "enter the mount namespace");
    return {};
}

/// All mounts of the namespace `made`, in which we are, also those above a chroot.
Result<void> make_private(const Fd& made) {
    const Fd seen = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    mount_attr apart{};
    apart.propagation = propagation_private;
    if (::setns(made.raw(), CLONE_NEWNS) != 0) return Error::of_errno(errno, "enter the mount namespace");
    TRY(set_mount_attributes(sys::here(), "/", AT_RECURSIVE, apart));
    return enter(made, seen);
}

}  // namespace

Result<void> set_mount_attributes(const Fd& at, const char* path, unsigned flags, mount_attr attributes) {
    if (::syscall(SYS_mount_setattr, at.raw(), path, flags, &attributes, sizeof attributes) == 0) return {};
    return Error::of_errno(errno, "mount attributes");
}

Result<void> attach_mount(const Fd& tree, const Fd& target) {
    constexpr unsigned by_descriptors = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (::syscall(SYS_move_mount, tree.raw(), "", target.raw(), "", by_descriptors) == 0) return {};
    return Error::of_errno(errno, "attach");
}

Result<Fd> clone_mount(const Fd& source, bool with_mounts_below) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (with_mounts_below ? AT_RECURSIVE : 0u);
    Fd tree(static_cast<int>(::syscall(SYS_open_tree, source.raw(), "", flags)));
    if (!tree.valid()) return Error::of_errno(errno, "clone mount");
    return tree;
}

Result<Fd> in_new_mount_namespace(const std::function<Result<void>()>& build) {
    const Fd before = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    const Fd folder = TRY(sys::open(".", O_PATH | O_DIRECTORY));
    if (::unshare(CLONE_NEWNS) != 0) return Error::of_errno(errno, "new mount namespace");

    const auto build_apart = [&]() -> Result<Fd> {
        Fd made = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
        TRY(make_private(made));
        TRY(build());
        return made;
    };
    Result<Fd> built = build_apart();
    if (!enter(before, root).ok() || ::fchdir(folder.raw()) != 0)
        bug("cannot return to the own mount namespace");
    return built;
}

Result<Fd> mount_of_subfolder(const Fd& tree, const std::string& path) {
    Fd part;
    const auto build = [&]() -> Result<void> {
        const Fd place = TRY(sys::open("/", O_PATH | O_DIRECTORY));
        TRY(attach_mount(tree, place));
        Fd top = TRY(tree.duplicate());
        const Root root = TRY(Root::of(std::move(top)));
        const Fd folder = TRY(root.open_at(path, O_PATH));
        part = TRY(clone_mount(folder, false));
        return {};
    };
    TRY(in_new_mount_namespace(build));
    return part;
}

}  // namespace berth::container
