#include "runtime/sources.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/root.h"
#include "base/sys.h"
#include "runtime/host_cgroups.h"
#include "runtime/mount_options.h"
#include "runtime/user_namespace.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace berth::runtime {

namespace {

Result<void> set_mount(const Fd& tree, const mount_attr& attributes, bool recursive) {
    if (attributes.attr_set == 0 && attributes.attr_clr == 0 && attributes.propagation == 0) return {};
    const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    if (::syscall(SYS_mount_setattr, tree.raw(), "", flags, &attributes, sizeof attributes) != 0)
        return Error::of_errno(errno, "mount_setattr");
    return {};
}

mount_attr propagation_attributes(std::uint64_t propagation) {
    mount_attr attributes{};
    attributes.propagation = propagation;
    return attributes;
}

/// How trees of the host's hang together with it: as the spec's root does, else one way, from the host to us.
Result<std::uint64_t> base_propagation(const Spec& spec) {
    if (!spec.linux || spec.linux->rootfs_propagation.empty()) return static_cast<std::uint64_t>(MS_SLAVE);
    const Propagation wanted = TRY(parse_propagation(spec.linux->rootfs_propagation), "linux.rootfsPropagation");
    // A shared root wants its binds to stay peers of the host's mounts; an unbindable one says nothing about binds.
    if (wanted.flag == MS_SHARED) return std::uint64_t{0};
    return wanted.flag == MS_UNBINDABLE ? static_cast<std::uint64_t>(MS_PRIVATE) : wanted.flag;
}

std::string host_path(const std::string& path, const LaunchRequest& request) {
    return path.starts_with('/') || request.bundle.empty() ? path : join_path(request.bundle, path);
}

Result<void> open_root(const LaunchRequest& request, std::uint64_t propagation, Sources& out) {
    if (request.rootfs != nullptr) {
        out.root = TRY(request.rootfs->duplicate());
        return {};
    }
    if (!request.spec.root || request.spec.root->path.empty()) return Error(Kind::invalid, "root.path: is missing");
    const std::string path = host_path(request.spec.root->path, request);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return Error::of_errno(errno, cat("root file system ", path));
    if (!S_ISDIR(status.st_mode)) return Error::of_errno(ENOTDIR, cat("root file system ", path));
    out.root = TRY(clone_tree(path, true), "root file system");
    out.root_target = path;
    return set_mount(out.root, propagation_attributes(propagation), true);
}

bool is_bind(const Mount& mount, const MountOptions& options) { return options.bind || mount.type == "bind"; }

Result<void> map_ids(const Fd& tree, const Mount& mount, const MountOptions& options, const Spec& spec) {
    if (!options.idmap && mount.uid_mappings.empty()) return {};
    const bool own = !mount.uid_mappings.empty();
    const Namespace* user = spec.find_namespace("user");
    Fd space;
    if (!own && user != nullptr && !user->path.empty()) {
        space = TRY(sys::open(user->path, O_RDONLY), "user namespace");
    } else {
        const auto& uids = own ? mount.uid_mappings : spec.linux->uid_mappings;
        const auto& gids = own ? mount.gid_mappings : spec.linux->gid_mappings;
        if (uids.empty() || gids.empty()) return Error(Kind::invalid, "idmap: neither the mount nor the container has mappings");
        space = TRY(make_user_namespace(uids, gids));
    }
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(space.raw());
    return set_mount(tree, attributes, options.recursive_idmap);
}

Result<Fd> open_bind(const Mount& mount, const MountOptions& options, const LaunchRequest& request, std::uint64_t propagation) {
    Fd tree = TRY(clone_tree(host_path(mount.source, request), options.recursive_bind));
    TRY(set_mount(tree, propagation_attributes(propagation), true));
    TRY(map_ids(tree, mount, options, request.spec));
    mount_attr attributes{};
    attributes.attr_set = options.set;
    attributes.attr_clr = options.clear;
    TRY(set_mount(tree, attributes, false));
    attributes.attr_set = options.recursive_set;
    attributes.attr_clr = options.recursive_clear;
    TRY(set_mount(tree, attributes, true));
    TRY(set_mount(tree, propagation_attributes(options.propagation), options.propagation_recursive));
    return tree;
}

Result<void> open_mounts(const LaunchRequest& request, std::uint64_t propagation, Sources& out) {
    for (const Mount& mount : request.spec.mounts) {
        const MountOptions options = parse_mount_options(mount.options);
        Fd tree;
        TargetKind kind = TargetKind::folder;
        if (is_bind(mount, options) && !options.remount) {
            tree = TRY(open_bind(mount, options, request, propagation), "mount ", mount.source, " on ", mount.destination);
            const struct stat status = TRY(sys::fstat(tree));
            kind = S_ISDIR(status.st_mode) ? TargetKind::folder : TargetKind::file;
        }
        out.mount_trees.push_back(std::move(tree));
        out.mount_kinds.push_back(kind);
    }
    return {};
}

const Mount* cgroup_mount(const Spec& spec) {
    for (const Mount& mount : spec.mounts)
        if ((mount.type == "cgroup" || mount.type == "cgroup2") && !parse_mount_options(mount.options).bind) return &mount;
    return nullptr;
}

std::string group_folder(const Hierarchy& hierarchy, const Cgroup* cgroup) {
    if (cgroup == nullptr) return cat(hierarchy.mount_point, hierarchy.own_path);
    const auto& paths = cgroup->record().paths;
    const auto found = paths.find(hierarchy.v2 ? std::string() : hierarchy.controllers.front());
    return found == paths.end() ? "" : found->second;
}

/// The container's own group of each hierarchy, never the host's whole tree (CVE-2023-25809).
Result<void> open_cgroups(const LaunchRequest& request, Sources& out) {
    const Mount* mount = cgroup_mount(request.spec);
    if (mount == nullptr) return {};
    const MountOptions options = parse_mount_options(mount->options);
    const bool only_v2 = cgroup_layout() == CgroupLayout::v2;
    for (const Hierarchy& hierarchy : host_cgroups().hierarchies) {
        const std::string folder = group_folder(hierarchy, request.cgroup);
        if (folder.empty()) continue;
        Sources::CgroupTree tree;
        tree.tree = TRY(clone_tree(folder, false), "mount ", mount->destination);
        mount_attr attributes = propagation_attributes(MS_PRIVATE);
        attributes.attr_set = options.set;
        attributes.attr_clr = options.clear;
        TRY(set_mount(tree.tree, attributes, false), "mount ", mount->destination);
        if (!only_v2) tree.name = hierarchy.name;
        // "cpu,cpuacct" is one hierarchy under two names.
        if (hierarchy.controllers.size() > 1)
            for (const std::string& controller : hierarchy.controllers)
                if (controller != hierarchy.name) tree.links.push_back(controller);
        out.cgroup_trees.push_back(std::move(tree));
    }
    return {};
}

/// The host's /dev/null itself, checked by its numbers: what an image calls /dev/null hides nothing (CVE-2025-31133).
Result<void> open_null(const Spec& spec, Sources& out) {
    if (!spec.linux || spec.linux->masked_paths.empty()) return {};
    out.null_tree = TRY(clone_tree("/dev/null", false));
    const struct stat status = TRY(sys::fstat(out.null_tree));
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return Error(Kind::corrupt, "/dev/null of this host is not the null device");
    return {};
}

Result<void> open_devices(const Spec& spec, Sources& out) {
    // mknod in a user namespace is refused; the host's nodes are bound instead.
    if (spec.find_namespace("user") == nullptr) return {};
    for (const Device& device : plan_devices(spec)) {
        Fd tree = TRY(clone_tree(device.path, false), "device");
        out.device_trees.push_back(std::move(tree));
    }
    return {};
}

Result<void> open_namespaces(const Spec& spec, Sources& out) {
    if (!spec.linux) return {};
    for (const Namespace& space : spec.linux->namespaces) {
        if (space.path.empty()) continue;
        const std::uint64_t flag = TRY(namespace_flag(space.type));
        Fd fd = TRY(sys::open(space.path, O_RDONLY), space.type, " namespace");
        if (flag == CLONE_NEWPID) out.pid_namespace = std::move(fd);
        else if (flag == CLONE_NEWUSER) out.user_namespace = std::move(fd);
        else out.joins.push_back({std::move(fd), flag, space.type});
    }
    if (!spec.linux->time_offsets.empty() || spec.find_namespace("time") != nullptr)
        out.host_proc = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
    return {};
}

}  // namespace

Result<Fd> clone_tree(const std::string& path, bool recursive) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    Fd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags)));
    if (!tree.valid()) return Error::of_errno(errno, path);
    return tree;
}

Result<Sources> open_sources(const LaunchRequest& request) {
    Sources out;
    const std::uint64_t propagation = TRY(base_propagation(request.spec));
    TRY(open_root(request, propagation, out));
    TRY(open_mounts(request, propagation, out));
    TRY(open_cgroups(request, out));
    TRY(open_null(request.spec, out));
    TRY(open_devices(request.spec, out));
    TRY(open_namespaces(request.spec, out));
    return out;
}

}  // namespace berth::runtime
