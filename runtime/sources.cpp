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

bool maps_ids(const Mount& mount, const MountOptions& options) { return options.idmap || !mount.uid_mappings.empty(); }

Result<Fd> open_id_space(const Mount& mount, const Spec& spec) {
    const bool own = !mount.uid_mappings.empty();
    const Namespace* user = spec.find_namespace("user");
    if (!own && user != nullptr && !user->path.empty()) return TRY(sys::open(user->path, O_RDONLY), "user namespace");
    const auto& uids = own ? mount.uid_mappings : spec.linux->uid_mappings;
    const auto& gids = own ? mount.gid_mappings : spec.linux->gid_mappings;
    if (uids.empty() || gids.empty()) return Error(Kind::invalid, "idmap: neither the mount nor the container has mappings");
    return make_user_namespace(uids, gids);
}

/// What is set on a bind's detached tree, in order.
std::vector<MountAttributes> bind_attributes(const MountOptions& options, std::uint64_t propagation) {
    const MountAttributes all[] = {{0, 0, propagation, true},
                                   {options.set, options.clear, 0, false},
                                   {options.recursive_set, options.recursive_clear, 0, true},
                                   {0, 0, options.propagation, options.propagation_recursive}};
    std::vector<MountAttributes> out;
    for (const MountAttributes& some : all)
        if (some.set != 0 || some.clear != 0 || some.propagation != 0) out.push_back(some);
    return out;
}

bool is_below(const std::string& path, const std::string& folder) {
    return folder == "/" || path == folder || path.starts_with(cat(folder, "/"));
}

/// Where in the container the source of a bind lies, when it is what an earlier mount of the container put there: such a
/// source can be opened only by the child, when its turn comes. Lexical, like every look at a path that is not opened yet.
std::string source_in_root(const LaunchRequest& request, std::size_t index, bool recursive) {
    if (request.rootfs != nullptr || !request.spec.root) return {};
    const std::string root = clean_path(host_path(request.spec.root->path, request));
    const std::string source = clean_path(host_path(request.spec.mounts[index].source, request));
    if (!is_below(source, root)) return {};
    const std::string inside = source == root ? "/" : source.substr(root == "/" ? 0 : root.size());
    for (std::size_t i = 0; i < index; ++i) {
        const std::string earlier = clean_path(request.spec.mounts[i].destination);
        if (is_below(inside, earlier) || (recursive && is_below(earlier, inside))) return inside;
    }
    return {};
}

const Fd* given_tree(const LaunchRequest& request, const Mount& mount) {
    for (const GivenTree& given : request.trees)
        if (given.destination == mount.destination) return given.tree;
    return nullptr;
}

Result<void> open_bind(const Mount& mount, const MountOptions& options, const LaunchRequest& request, Sources::MountTree& out) {
    const TreeInput& input = out.input;
    if (input.maps_ids) out.id_space = TRY(open_id_space(mount, request.spec));
    if (!input.in_root.empty()) return {};
    const Fd* given = given_tree(request, mount);
    out.tree = given != nullptr ? TRY(given->duplicate()) : TRY(clone_tree(host_path(mount.source, request), options.recursive_bind));
    if (input.maps_ids) TRY(map_tree_ids(out.tree, out.id_space, out.maps_all));
    for (const MountAttributes& some : input.attributes) {
        mount_attr attributes = propagation_attributes(some.propagation);
        attributes.attr_set = some.set;
        attributes.attr_clr = some.clear;
        TRY(set_mount(out.tree, attributes, some.recursive));
    }
    return {};
}

Result<void> open_mounts(const LaunchRequest& request, std::uint64_t propagation, Sources& out) {
    for (std::size_t i = 0; i < request.spec.mounts.size(); ++i) {
        const Mount& mount = request.spec.mounts[i];
        const MountOptions options = parse_mount_options(mount.options);
        Sources::MountTree& opened = out.mounts.emplace_back();
        if (!is_bind(mount, options) || options.remount) continue;
        opened.maps_all = options.recursive_idmap;
        opened.input.recursive = options.recursive_bind;
        opened.input.maps_ids = maps_ids(mount, options);
        opened.input.attributes = bind_attributes(options, propagation);
        if (given_tree(request, mount) == nullptr) opened.input.in_root = source_in_root(request, i, options.recursive_bind);
        TRY(open_bind(mount, options, request, opened), "mount ", mount.source, " on ", mount.destination);
        if (!opened.tree.valid()) continue;
        const struct stat status = TRY(sys::fstat(opened.tree));
        opened.input.kind = S_ISDIR(status.st_mode) ? TargetKind::folder : TargetKind::file;
        opened.input.fd = opened.tree.raw();
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

/// What the host has below a name need not be what the specification, and the container's device rules, mean by it.
Result<void> check_device(const Device& device, const Fd& tree) {
    const mode_t type = TRY(device_type(device));
    const struct stat status = TRY(sys::fstat(tree));
    const auto number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    if ((status.st_mode & S_IFMT) == type && (type == S_IFIFO || status.st_rdev == number)) return {};
    return Error(Kind::invalid, cat("device ", device.path, ": the host's of that name is not ", device.type, ' ', device.major, ':', device.minor))
        .with_hint("in a user namespace no device can be made, only the host's shown");
}

Result<void> open_devices(const Spec& spec, Sources& out) {
    // mknod in a user namespace is refused; the host's nodes are bound instead.
    if (spec.find_namespace("user") == nullptr) return {};
    for (const Device& device : plan_devices(spec)) {
        Fd tree = TRY(clone_tree(device.path, false), "device");
        TRY(check_device(device, tree));
        out.device_trees.push_back(std::move(tree));
    }
    return {};
}

/// A container with ids of its own may still live in a network, say, that the host's root has made: its own root, once it is
/// that, could not join it any more.
Result<void> sort_joins(const Spec& spec, Sources& out) {
    if (spec.find_namespace("user") == nullptr) return {};
    std::vector<Join> late;
    for (Join& join : out.joins) {
        const bool can_wait = out.user_namespace.valid() && TRY(rules_over(out.user_namespace, join.space));
        (can_wait ? late : out.early_joins).push_back(std::move(join));
    }
    out.joins = std::move(late);
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
    TRY(sort_joins(spec, out));
    if (!spec.linux->time_offsets.empty() || spec.find_namespace("time") != nullptr)
        out.host_proc = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
    return {};
}

}  // namespace

Result<void> map_tree_ids(const Fd& tree, const Fd& space, bool recursive) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(space.raw());
    return set_mount(tree, attributes, recursive);
}

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
