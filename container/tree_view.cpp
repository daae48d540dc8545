#include "container/tree_view.h"

#include <cerrno>
#include <functional>

#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cat.h"
#include "container/engine.h"
#include "container/mounts.h"
#include "container/registry.h"
#include "image/overlay.h"
#include "image/store.h"

namespace berth::container {

namespace {

// MS_PRIVATE and MS_REC stand in <sys/mount.h>, which cannot be included beside <linux/mount.h>.
constexpr unsigned long long propagation_private = 1 << 18;

Result<void> set_mount_attributes(const Fd& at, const char* path, unsigned flags, mount_attr attributes) {
    if (::syscall(SYS_mount_setattr, at.raw(), path, flags, &attributes, sizeof attributes) == 0) return {};
    return Error::of_errno(errno, "mount attributes");
}

Result<void> attach_mount(const Fd& tree, const Fd& target) {
    constexpr unsigned by_descriptors = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (::syscall(SYS_move_mount, tree.raw(), "", target.raw(), "", by_descriptors) == 0) return {};
    return Error::of_errno(errno, "attach");
}

/// A copy of the mounts below an open file or folder, attached nowhere.
Result<Fd> clone_tree(const Fd& source, bool with_mounts_below) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (with_mounts_below ? AT_RECURSIVE : 0u);
    Fd tree(static_cast<int>(::syscall(SYS_open_tree, source.raw(), "", flags)));
    if (!tree.valid()) return Error::of_errno(errno, "clone mount");
    return tree;
}

/// Runs `build` in a mount namespace of its own, whose mounts reach no other, and returns that namespace; the caller is
/// back in its own afterwards. Closing the descriptor drops everything that was mounted.
Result<Fd> in_new_mount_namespace(const std::function<Result<void>()>& build) {
    const Fd before = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    const Fd folder = TRY(sys::open(".", O_PATH | O_DIRECTORY));
    if (::unshare(CLONE_NEWNS) != 0) return Error::of_errno(errno, "new mount namespace");

    const auto build_apart = [&]() -> Result<Fd> {
        mount_attr apart{};
        apart.propagation = propagation_private;
        TRY(set_mount_attributes(sys::here(), "/", AT_RECURSIVE, apart));
        TRY(build());
        return sys::open("/proc/self/ns/mnt", O_RDONLY);
    };
    Result<Fd> built = build_apart();
    // setns(2) puts root and working folder to the namespace's root.
    if (::setns(before.raw(), CLONE_NEWNS) != 0 || ::fchdir(root.raw()) != 0 || ::chroot(".") != 0 ||
        ::fchdir(folder.raw()) != 0)
        bug("cannot return to the own mount namespace");
    return built;
}

/// The folder or file that something is mounted on, made when it is missing, as a start does.
Result<Fd> make_target(const Root& root, const std::string& path, bool is_folder) {
    auto there = root.open_at(path, O_PATH);
    if (there.ok() || there.error().code() != ENOENT) return there;
    if (is_folder) return root.make_folders(path, 0755);
    TRY(root.make_folders(path.substr(0, path.rfind('/') + 1), 0755));
    const Root::Parent parent = TRY(root.open_parent(path));
    TRY(sys::openat(parent.folder, parent.name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644));
    return root.open_at(path, O_PATH);
}

Result<void> attach_source(const Root& root, const Fd& source, const std::string& destination, bool is_writable) {
    const struct stat status = TRY(sys::fstat(source));
    const Fd target = TRY(make_target(root, destination, S_ISDIR(status.st_mode)));
    const Fd tree = TRY(clone_tree(source, true));
    if (!is_writable) {
        mount_attr read_only{};
        read_only.attr_set = MOUNT_ATTR_RDONLY;
        TRY(set_mount_attributes(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, read_only));
    }
    return attach_mount(tree, target);
}

/// hosts, hostname and resolv.conf, which a run mounts from the container's folder.
Result<void> attach_etc_files(const Root& root, const std::string& folder) {
    for (const std::string_view name : {"resolv.conf", "hostname", "hosts"}) {
        const auto file = sys::open(cat(folder, "/", name), O_PATH);
        const std::string target = cat("/etc/", name);
        if (file.ok() && root.open_at(target, O_PATH).ok()) TRY(attach_source(root, file.value(), target, true), target);
    }
    return {};
}

Result<void> attach_mounts(const Root& root, const Definition& definition) {
    for (const MountPoint& point : definition.mounts) {
        // A tmpfs is empty while nothing runs; what lies below its target in the image is hidden then, as in docker.
        if (point.type != MountType::volume && point.type != MountType::bind) continue;
        const Fd source = TRY(open_source(point));
        TRY(attach_source(root, source, point.destination, point.rw), "mount ", point.destination);
    }
    return {};
}

Result<Fd> open_tree_of(const Record& record, const image::OverlayRequest& request) {
    if (record.definition.rootfs.empty()) return image::mount_overlay(request);
    const Fd folder = TRY(sys::open(record.definition.rootfs, O_PATH | O_DIRECTORY));
    return clone_tree(folder, false);
}

}  // namespace

Result<TreeView> TreeView::of_running(const Record& record) {
    const auto gone = [&] { return Error(Kind::wrong_state, cat("container ", record.name(), " has just ended")); };
    const std::optional<Fd> pidfd = TRY(record.run.state.init->open());
    if (!pidfd) return gone();
    auto opened = sys::open(cat("/proc/", record.run.state.init->pid, "/root"), O_PATH | O_DIRECTORY);
    if (!opened.ok() && (opened.error().code() == ENOENT || opened.error().code() == ESRCH)) return gone();
    Fd folder = TRY(std::move(opened));
    // Alive after the open: so it was this process whose root was opened, and not one that got its number.
    const bool ended = TRY(wait_for_end(*pidfd, 0));
    if (ended) return gone();
    return TreeView(TRY(Root::of(std::move(folder))));
}

Result<TreeView> TreeView::of_stopped(Engine& engine, const Record& record, DirLock run_lock) {
    Registry* registry = TRY(engine.containers());
    const std::string folder = registry->folder_path(record.id());
    image::OverlayRequest request;
    if (record.definition.rootfs.empty()) {
        image::Store* store = TRY(engine.images());
        request.lowers = TRY(store->layer_folders(record.definition.layers));
        request.upper = cat(folder, "/fs/upper");
        request.work = cat(folder, "/fs/work");
    }
    Fd tree;
    const auto build = [&]() -> Result<void> {
        tree = TRY(open_tree_of(record, request));
        const Fd place = TRY(sys::open(registry->run_folder_path(record.id()), O_PATH | O_DIRECTORY));
        TRY(attach_mount(tree, place), "root file system");
        Fd top = TRY(tree.duplicate());
        const Root root = TRY(Root::of(std::move(top)));
        TRY(attach_etc_files(root, folder));
        TRY(attach_mounts(root, record.definition));
        if (!record.definition.host.readonly_rootfs) return {};
        mount_attr read_only{};
        read_only.attr_set = MOUNT_ATTR_RDONLY;
        return set_mount_attributes(tree, "", AT_EMPTY_PATH, read_only);
    };
    Fd keeper = TRY(in_new_mount_namespace(build), "open the files of ", record.name());
    TreeView view(TRY(Root::of(std::move(tree))));
    view.keeper_ = std::move(keeper);
    view.run_lock_.emplace(std::move(run_lock));
    return view;
}

Result<TreeView> TreeView::open(Engine& engine, const Record& record) {
    Registry* registry = TRY(engine.containers());
    // A start or an end takes some milliseconds, during which the container is neither the one nor the other.
    constexpr int attempts = 200;
    constexpr useconds_t pause_us = 50'000;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const Record current = TRY(registry->load(record.id()));
        const bool runs = current.run.state.running() && current.run.state.init.has_value();
        if (runs) {
            auto view = of_running(current);
            if (view.ok() || view.error().kind() != Kind::wrong_state) return view;
        }
        std::optional<DirLock> lock = TRY(registry->try_run_lock(record.id()));
        if (lock) {
            const Record stopped = TRY(registry->load(record.id()));
            if (!stopped.run.state.running() || !stopped.run.state.init) return of_stopped(engine, stopped, std::move(*lock));
        }
        ::usleep(pause_us);
    }
    return Error(Kind::busy, cat("container ", record.name(), " is neither running nor stopped"))
        .with_hint("it may be restarting again and again: stop it first");
}

Result<TreeView> TreeView::open_without_mounts(Engine& engine, const Record& record) {
    Registry* registry = TRY(engine.containers());
    image::OverlayRequest request;
    if (record.definition.rootfs.empty()) {
        image::Store* store = TRY(engine.images());
        // The upper folder as one more layer: a view that cannot write may stand beside the container's own mount.
        request.lowers = TRY(store->layer_folders(record.definition.layers));
        request.lowers.insert(request.lowers.begin(), cat(registry->folder_path(record.id()), "/fs/upper"));
    }
    Fd tree = TRY(open_tree_of(record, request), "open the files of ", record.name());
    return TreeView(TRY(Root::of(std::move(tree))));
}

}  // namespace berth::container
