#include "container/launch.h"

#include <algorithm>
#include <cerrno>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "container/cdi.h"
#include "container/etc_files.h"
#include "container/links.h"
#include "container/mounts.h"
#include "container/peer.h"
#include "container/registry.h"
#include "image/store.h"

namespace berth::container {

namespace {

Result<void> mount_root(Launch& launch) {
    if (!launch.definition.rootfs.empty()) return {};
    launch.rootfs = TRY(image::mount_overlay(launch.overlay));
    return {};
}

Result<void> close_root(Launch& launch) {
    launch.rootfs.reset();
    return {};
}

Result<Root> open_root(const Launch& launch) {
    if (!launch.definition.rootfs.empty()) return Root::open(launch.definition.rootfs);
    return Root::of(TRY(launch.rootfs.duplicate()));
}

/// docker makes the working folder of a container that its image lacks.
Result<void> make_working_folder(const Launch& launch, const Root& root) {
    const std::string& folder = launch.definition.config.working_dir;
    if (folder.empty() || folder == "/" || root.open_at(folder, O_PATH).ok()) return {};
    // Below a mount it is the mount's own matter: what is made here would lie under it.
    for (const MountPoint& point : launch.definition.mounts)
        if (folder == point.destination || folder.starts_with(point.destination + "/")) return {};
    TRY(root.make_folders(folder, 0755), "working directory ", folder);
    return {};
}

Result<void> look_up_user(Launch& launch) {
    const Root root = TRY(open_root(launch));
    const runtime::UserTables tables = TRY(runtime::UserTables::load(root));
    launch.facts.user = TRY(runtime::resolve_user(tables, launch.definition.config.user, launch.definition.host.group_add));
    TRY(make_working_folder(launch, root));
    return launch.on_user ? launch.on_user(launch.facts.user) : Result<void>();
}

Result<void> open_mounts(Launch& launch) {
    for (const MountPoint& point : launch.definition.mounts) {
        if (point.type == MountType::tmpfs) {
            launch.facts.mount_sources.emplace_back();
            continue;
        }
        MountSource opened = TRY(open_mount(launch.engine, point));
        if (point.own) TRY(change_owner(opened.fd, launch.facts.user.uid, launch.facts.user.gid), point.source);
        // By descriptor, so that what was looked at is what is mounted.
        launch.facts.mount_sources.push_back(cat("/proc/self/fd/", opened.fd.raw()));
        launch.sources.push_back(std::move(opened.fd));
        if (opened.is_detached_mount) launch.trees.push_back({point.destination, &launch.sources.back()});
    }
    return {};
}

Result<void> close_mounts(Launch& launch) {
    launch.trees.clear();
    launch.sources.clear();
    launch.facts.mount_sources.clear();
    return {};
}

Result<void> look_up_devices(Launch& launch) {
    const HostConfig& host = launch.definition.host;
    for (const DeviceMapping& device : host.devices) {
        if (is_cdi_name(device.path_on_host)) continue;
        std::vector<runtime::HostDevice> found =
            TRY(runtime::host_devices(device.path_on_host, device.path_in_container, device.cgroup_permissions));
        for (runtime::HostDevice& one : found) launch.facts.devices.push_back(std::move(one));
    }
    const auto note = [&](const std::string& path) -> Result<void> {
        const Fd node = TRY(sys::open(path, O_PATH), "block device");
        const struct stat status = TRY(sys::fstat(node));
        launch.facts.device_numbers[path] = {major(status.st_rdev), minor(status.st_rdev)};
        return {};
    };
    for (const WeightDevice& device : host.blkio_weight_device) TRY(note(device.path));
    for (const auto* list : {&host.blkio_device_read_bps, &host.blkio_device_write_bps, &host.blkio_device_read_iops,
                             &host.blkio_device_write_iops})
        for (const ThrottleDevice& device : *list) TRY(note(device.path));
    return {};
}

/// Opened once and named by descriptor, so that what was looked at is what is joined.
Result<std::string> hold_namespace(Launch& launch, const Peer& peer, std::string_view name) {
    launch.sources.push_back(TRY(open_namespace(peer, name)));
    return cat("/proc/self/fd/", launch.sources.back().raw());
}

/// The namespace, and /dev/shm with it: POSIX shared memory and semaphores are files there (shm_overview(7)).
Result<void> join_ipc(Launch& launch, const Peer& peer) {
    if (!shares_ipc(peer))
        return Error(Kind::wrong_state, cat("--ipc container:", peer.record.name(), ": it does not share its IPC namespace"))
            .with_hint(cat("make ", peer.record.name(), " with --ipc shareable"));
    launch.facts.ipc_namespace = TRY(hold_namespace(launch, peer, "ipc"));
    launch.sources.push_back(TRY(copy_shm(peer)));
    launch.facts.shm_source = cat("/proc/self/fd/", launch.sources.back().raw());
    launch.trees.push_back({"/dev/shm", &launch.sources.back()});
    return {};
}

Result<void> find_peers(Launch& launch) {
    const HostConfig& host = launch.definition.host;
    launch.facts.files_folder = launch.files_folder;
    const std::vector<Link> links = TRY(find_links(launch.engine, launch.definition));
    for (const Link& link : links) add_links_to(launch.facts.link_environment, link.environment);
    if (const auto peer = TRY(find_peer(launch.engine, "network", host.network_mode))) {
        launch.facts.network_namespace = TRY(hold_namespace(launch, *peer, "net"));
        Registry* registry = TRY(launch.engine.containers());
        launch.facts.files_folder = registry->folder_path(peer->record.id());
    }
    if (const auto peer = TRY(find_peer(launch.engine, "pid", host.pid_mode)))
        launch.facts.pid_namespace = TRY(hold_namespace(launch, *peer, "pid"));
    if (const auto peer = TRY(find_peer(launch.engine, "ipc", host.ipc_mode))) return join_ipc(launch, *peer);
    return {};
}

Result<void> write_files(Launch& launch) {
    if (launch.files_folder.empty() || !launch.facts.network_namespace.empty()) return {};
    return write_etc_files(launch.definition, launch.files_folder);
}

runtime::CgroupRequest cgroup_request_of(const Definition& definition) {
    runtime::CgroupRequest request;
    request.path = cgroup_path_of(definition);
    request.systemd = request.path.find(':') != std::string::npos;
    request.id = definition.id;
    return request;
}

Result<void> make_cgroup(Launch& launch) {
    launch.facts.cgroup_path = cgroup_path_of(launch.definition);
    launch.spec = TRY(make_spec(launch.definition, launch.facts));
    for (ExtraMount& extra : launch.extra_mounts) launch.spec.mounts.push_back(extra.mount);
    for (const DeviceMapping& device : launch.definition.host.devices)
        if (is_cdi_name(device.path_on_host)) TRY(apply_cdi_device(launch.spec, device.path_on_host));
    runtime::CgroupRequest request = cgroup_request_of(launch.definition);
    request.resources = launch.spec.linux ? &*launch.spec.linux->resources : nullptr;
    launch.cgroup.emplace(TRY(runtime::Cgroup::create(request)));
    return {};
}

Result<void> remove_cgroup(Launch& launch) {
    if (!launch.cgroup) return {};
    ignore(launch.cgroup->kill_all(), "remove says whether somebody is left");
    return launch.cgroup->remove();
}

Result<void> create_init(Launch& launch) {
    const runtime::LaunchRequest request{.spec = launch.spec,
                                   .id = launch.definition.id,
                                   .bundle = {},
                                   .rootfs = launch.rootfs.valid() ? &launch.rootfs : nullptr,
                                   .trees = launch.trees,
                                   .stdio = launch.stdio,
                                   .extra = launch.extra,
                                   .cgroup = &*launch.cgroup,
                                   .die_with_parent = launch.die_with_caller,
                                   // What was made for the container was given to its user (on_user).
                                   .keep_stdio_owners = true};
    launch.init.emplace(TRY(runtime::Init::create(request)));
    return {};
}

Result<void> kill_init(Launch& launch) {
    if (launch.init) launch.init->abort();
    launch.init.reset();
    return {};
}

Result<void> attach_networks(Launch& launch) {
    const HostConfig& host = launch.definition.host;
    if (host.network_mode == "host" || !launch.facts.network_namespace.empty()) return {};
    launch.netns = TRY(launch.init->netns());
    if (!has_networks(launch.definition)) return network::bring_up_loopback(launch.netns);
    network::Networks* networks = TRY(launch.engine.networks());
    const network::AttachRequest request = TRY(make_attach_request(launch.definition));
    launch.attachment.emplace(TRY(network::attach(*networks, launch.netns, request)));
    if (launch.files_folder.empty()) return {};
    return write_hosts_file(launch.engine, launch.definition, launch.files_folder, launch.attachment->endpoints);
}

Result<void> detach_networks(Launch& launch) {
    if (!launch.attachment) return {};
    launch.attachment.reset();
    network::Networks* networks = TRY(launch.engine.networks());
    const ContainerId id = TRY(ContainerId::parse(launch.definition.id));
    return network::detach(*networks, id, &launch.netns);
}

/// A child that failed early takes its namespace with it: then its own reason is the one to tell, by the next stage.
Result<void> attach_unless_failed(Launch& launch) {
    auto attached = attach_networks(launch);
    if (attached.ok()) return attached;
    launch.child = launch.init->wait_ready();
    if (launch.child->ok()) return attached;
    return {};
}

Result<void> let_go(Launch& launch) {
    if (launch.child) return {};  // It failed; the next stage tells why.
    if (launch.on_attached) TRY(launch.on_attached());
    // A program on a terminal must find its size set, and the terminal's master comes with readiness.
    return launch.spec.process->terminal ? Result<void>() : launch.init->release_ahead();
}

Result<void> wait_ready(Launch& launch) {
    auto ready = launch.child ? std::move(*launch.child) : launch.init->wait_ready();
    // Sources are open in the child's mounts by now; holding them longer would pin the user's file systems twice.
    launch.trees.clear();
    launch.sources.clear();
    for (ExtraMount& extra : launch.extra_mounts) extra.source.reset();
    launch.rootfs.reset();
    return ready;
}

/// Only a command that is missing or cannot be executed may say not_found or denied: exit codes 127 and 126 rest on it.
Error without_command_kind(Error error) {
    if (error.kind() == Kind::not_found || error.kind() == Kind::denied) return std::move(error).with_kind(Kind::system);
    return error;
}

template <Result<void> (*stage)(Launch&)>
Result<void> plain(Launch& launch) {
    auto done = stage(launch);
    if (done.ok()) return done;
    return without_command_kind(std::move(done).error());
}

constexpr Stage<Launch> launch_stages[] = {
    {"mount root filesystem", plain<mount_root>, close_root},
    {"user", plain<look_up_user>, nothing_to_undo},
    {"mounts", plain<open_mounts>, close_mounts},
    {"devices", plain<look_up_devices>, nothing_to_undo},
    {"namespaces", plain<find_peers>, nothing_to_undo},
    {"write /etc files", plain<write_files>, nothing_to_undo},
    {"make cgroup", plain<make_cgroup>, remove_cgroup},
    {"create init", plain<create_init>, kill_init},
    {"attach networks", plain<attach_unless_failed>, detach_networks},
    {"record", plain<let_go>, nothing_to_undo},
    {"start", wait_ready, nothing_to_undo},
};

}  // namespace

Result<void> prepare_launch(Launch& launch) { return run_stages<Launch>(launch_stages, launch); }

Result<void> undo_launch(Launch& launch) { return undo_stages<Launch>(launch_stages, std::size(launch_stages), launch); }

bool has_networks(const Definition& definition) { return !definition.networks.empty(); }

std::string cgroup_path_of(const Definition& definition) {
    const std::string& parent = definition.host.cgroup_parent;
    if (parent.ends_with(".slice") && ::access("/run/systemd/system", F_OK) == 0)
        return cat(parent, ":berth:", definition.id);
    if (parent.empty()) return cat("/berth/", definition.id);
    return cat(parent.starts_with('/') ? "" : "/", parent, '/', definition.id);
}

Result<void> remove_leftover_cgroup(const Definition& definition) {
    runtime::Cgroup cgroup = TRY(runtime::Cgroup::locate(cgroup_request_of(definition)));
    const auto& paths = cgroup.record().paths;
    const bool is_there = std::any_of(paths.begin(), paths.end(), [](const auto& path) { return ::access(path.second.c_str(), F_OK) == 0; });
    if (!is_there) return {};
    ignore(cgroup.kill_all(), "remove says whether somebody is left");
    return cgroup.remove();
}

Result<network::AttachRequest> make_attach_request(const Definition& definition) {
    ContainerId id = TRY(ContainerId::parse(definition.id));
    network::AttachRequest request{.id = std::move(id),
                                   .name = definition.name,
                                   .hostname = definition.config.hostname,
                                   .networks = definition.networks,
                                   .publish = definition.host.port_bindings,
                                   .dns = {definition.host.dns, definition.host.dns_search, definition.host.dns_options},
                                   .default_publish_address = {}};
    if (definition.host.publish_all_ports) {
        std::vector<network::ContainerPort> exposed;
        for (const auto& [text, unused] : definition.config.exposed_ports)
            exposed.push_back(TRY(network::ContainerPort::parse(text), "exposed port"));
        for (network::PortMapping& mapping : network::plan_publish_all(exposed, definition.host.port_bindings))
            request.publish.push_back(std::move(mapping));
    }
    return request;
}

}  // namespace berth::container
