#include "container/tree_view.h"

#include <cerrno>

#include <linux/mount.h>
#include <unistd.h>

#include "base/cat.h"
#include "container/engine.h"
#include "container/mount_space.h"
#include "container/mounts.h"
#include "container/registry.h"
#include "image/overlay.h"
#include "image/store.h"

namespace berth::container {

namespace {

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

Result<void> attach_source(const Root& root, MountSource source, const std::string& destination, bool is_writable) {
    const struct stat status = TRY(sys::fstat(source.fd));
    const Fd target = TRY(make_target(root, destination, S_ISDIR(status.st_mode)));
    Fd tree = std::move(source.fd);
    if (!source.is_detached_mount) tree = TRY(clone_mount(tree, true));
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
        auto file = sys::open(cat(folder, "/", name), O_PATH);
        const std::string target = cat("/etc/", name);
        if (file.ok() && root.open_at(target, O_PATH).ok()) TRY(attach_source(root, {std::move(file).value()}, target, true), target);
    }
    return {};
}

Result<void> attach_mounts(Engine& engine, const Root& root, const Definition& definition) {
    for (const MountPoint& point : definition.mounts) {
        // A tmpfs is empty while nothing runs; what lies below its target in the image is hidden then, as in docker.
        if (point.type == MountType::tmpfs) continue;
        MountSource source = TRY(open_mount(engine, point), "mount ", point.destination);
        TRY(attach_source(root, std::move(source), point.destination, point.rw), "mount ", point.destination);
    }
    return {};
}

Result<Fd> open_tree_of(const Record& record, const image::OverlayRequest& request) {
    if (record.definition.rootfs.empty()) return image::mount_overlay(request);
    const Fd folder = TRY(sys::open(record.definition.rootfs, O_PATH | O_DIRECTORY));
    return clone_mount(folder, false);
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
        TRY(attach_mounts(engine, root, record.definition));
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
    constexpr Duration pause = Duration::of_milliseconds(50);
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
        sleep_for(pause);
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
