// create: from options to a container on disk. A table, so that whatever fails leaves nothing.

#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/stage.h"
#include "base/sys.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/merge.h"
#include "container/mounts.h"
#include "container/names.h"
#include "container/registry.h"
#include "container/spec.h"
#include "container/tiny_init.h"
#include "image/overlay.h"
#include "image/store.h"
#include "network/endpoint.h"

namespace berth::container {

namespace {

struct Creating {
    Creating(Engine& with, CreateOptions& what) : engine(with), options(what) {}

    Engine& engine;
    CreateOptions& options;
    Registry* registry = nullptr;
    image::Store* store = nullptr;
    std::optional<image::Lease> lease;  ///< Keeps the image until the record does.
    std::optional<Registry::Draft> draft;
    std::optional<DirLock> volumes_lock;
    Record record;
    Words warnings;
};

Result<void> check_options(Creating& creating) {
    CreateOptions& options = creating.options;
    TRY(check_host_config(options.host));
    if (!options.name.empty()) options.name = TRY(ObjectName::parse(options.name)).str();
    if (!options.cidfile.empty() && ::access(options.cidfile.c_str(), F_OK) == 0)
        return Error(Kind::exists, cat("container ID file found, make sure the other container isn't running or delete ", options.cidfile));
    const std::string& folder = options.config.working_dir;
    if (!folder.empty() && !folder.starts_with('/'))
        return Error(Kind::invalid, cat("the working directory '", folder, "' is invalid, it needs to be an absolute path"));
    if (!options.config.stop_signal.empty()) TRY(Signal::parse(options.config.stop_signal));
    if (options.config.healthcheck) TRY(healthcheck::check_config(*options.config.healthcheck), "health check");
    return {};
}

/// A profile is read when the container is made: the file may be another one at the next start.
Result<void> read_seccomp_profiles(Creating& creating) {
    for (std::string& option : creating.options.host.security_opt) {
        if (!option.starts_with("seccomp=") && !option.starts_with("seccomp:")) continue;
        const std::string value = option.substr(8);
        if (value.empty() || value == "unconfined" || value == "builtin" || value.front() == '{') continue;
        option = cat("seccomp=", TRY(read_file(value, 1u << 20), "seccomp profile"));
        TRY(check_host_config(creating.options.host));
    }
    return {};
}

Result<void> find_image(Creating& creating) {
    Definition& definition = creating.record.definition;
    // `-v TARGET` alone is the same wish as an image's VOLUME.
    for (const std::string& path : creating.options.volumes_of_image) creating.options.config.volumes[path];
    definition.config = creating.options.config;
    if (!creating.options.rootfs.empty()) {
        definition.rootfs = TRY(Root::open(creating.options.rootfs)).fd().valid() ? creating.options.rootfs : "";
        return {};
    }
    creating.store = TRY(creating.engine.images());
    const image::ImageId id = TRY(creating.store->resolve(creating.options.config.image));
    creating.lease.emplace(TRY(creating.store->make_lease()));
    if (!TRY(creating.store->pin(*creating.lease, id)))
        return Error(Kind::not_found, cat("No such image: ", creating.options.config.image));
    const std::string text = TRY(creating.store->load_config_text(id));
    const image::ImageConfig config = TRY(image::parse_image_config(text), "image ", creating.options.config.image);
    definition.image_id = id.str();
    definition.layers = TRY(creating.store->load_record(id)).layers;
    definition.config = merge_config(creating.options.config, config.config);
    // Declared processes take the place of the image's command; one that the user gives runs beside them.
    const bool gave_command = creating.options.config.cmd || creating.options.config.entrypoint;
    if (!creating.options.host.processes.empty() && !gave_command) definition.config.cmd = Words(), definition.config.entrypoint = Words();
    return {};
}

/// Names in modes become ids, so that a later rename does not point them elsewhere.
Result<void> resolve_modes(Creating& creating) {
    HostConfig& host = creating.options.host;
    for (std::string* mode : {&host.network_mode, &host.pid_mode, &host.ipc_mode}) {
        const std::optional<std::string> name = container_of_mode(*mode);
        if (!name) continue;
        const std::string id = TRY(creating.registry->resolve(*name));
        *mode = cat("container:", id);
    }
    // docker: there is no container with a link to nobody.
    for (const std::string& link : host.links) TRY(creating.registry->resolve(link.substr(0, link.find(':'))), "--link ", link);
    return {};
}

/// A network that is not there yet may become one: its absence is told at the start.
Result<bool> may_publish(Engine& engine, const std::vector<network::EndpointRequest>& wanted) {
    if (wanted.empty()) return true;
    const network::Networks* networks = TRY(engine.networks());
    for (const network::EndpointRequest& request : wanted) {
        const auto found = networks->find(request.network);
        if (!found.ok() || (found.value().driver == "bridge" && !found.value().internal)) return true;
    }
    return false;
}

Result<void> choose_networks(Creating& creating) {
    CreateOptions& options = creating.options;
    HostConfig& host = options.host;
    Definition& definition = creating.record.definition;
    if (host.network_mode.empty()) host.network_mode = options.networks.empty() ? "default" : options.networks.front().network;
    const bool has_links = host.network_mode != "host" && host.network_mode != "none" && !container_of_mode(host.network_mode);
    const bool publishes = !host.port_bindings.empty() || host.publish_all_ports;
    if (publishes && container_of_mode(host.network_mode))
        return Error(Kind::invalid, "conflicting options: port publishing and the container type network mode")
            .with_hint("publish the ports of the container whose network it is");
    if (publishes && !has_links) creating.warnings.push_back(cat("Published ports are discarded when using ", host.network_mode, " network mode"));
    // At once, since no start could do with them.
    for (const network::EndpointRequest& request : options.networks) TRY(network::check_addresses(request), "network ", request.network);
    definition.networks = options.networks;
    if (publishes && has_links && !TRY(may_publish(creating.engine, options.networks)))
        creating.warnings.push_back("Published ports are discarded: none of the container's networks is a bridge that leads out");
    if (has_links && definition.networks.empty()) definition.networks.emplace_back().network = host.network_mode == "default" ? "bridge" : host.network_mode;
    if (!has_links) definition.networks.clear();
    return {};
}

Result<void> choose_hostname(Creating& creating) {
    Config& config = creating.record.definition.config;
    const HostConfig& host = creating.options.host;
    if (const auto peer = container_of_mode(host.network_mode)) {
        if (!config.hostname.empty())
            return Error(Kind::invalid, "conflicting options: hostname and the network mode");
        config.hostname = TRY(creating.registry->load(*peer)).definition.config.hostname;
        return {};
    }
    if (!config.hostname.empty() && host.uts_mode == "host")
        return Error(Kind::invalid, "conflicting options: hostname and the UTS mode").with_hint("with --uts host the container has the host's name");
    if (!config.hostname.empty()) return {};
    config.hostname = creating.draft->id.short_id();
    if (host.network_mode != "host" && host.uts_mode != "host") return {};
    char name[HOST_NAME_MAX + 1] = {};
    if (::gethostname(name, HOST_NAME_MAX) == 0) config.hostname = name;
    return {};
}

Result<void> make_folders(Creating& creating) {
    creating.draft.emplace(TRY(creating.registry->make_draft()));
    creating.record.definition.id = creating.draft->id.str();
    const Fd& folder = creating.draft->folder;
    if (!creating.record.definition.rootfs.empty()) return {};
    TRY(sys::mkdirat(folder, "fs", 0700));
    TRY(sys::mkdirat(folder, "fs/upper", 0755));
    TRY(sys::mkdirat(folder, "fs/work", 0700));
    // Overlay shows the upper folder's owner and mode as those of "/": they are the image's.
    const std::vector<std::string> lowers = TRY(creating.store->layer_folders(creating.record.definition.layers), "image");
    struct stat top{};
    if (::stat(lowers.front().c_str(), &top) != 0) return Error::of_errno(errno, lowers.front());
    if (::fchownat(folder.raw(), "fs/upper", top.st_uid, top.st_gid, 0) != 0 ||
        ::fchmodat(folder.raw(), "fs/upper", top.st_mode & 07777, 0) != 0)
        return Error::of_errno(errno, "root folder");
    return {};
}

Result<void> remove_folders(Creating& creating) {
    if (!creating.draft) return {};
    Definition leftover;
    leftover.id = creating.draft->id.str();
    return creating.registry->remove(leftover);
}

Result<void> make_room_for_name(Creating& creating) {
    if (!creating.options.replace || creating.options.name.empty()) return {};
    auto found = find(creating.engine, creating.options.name);
    if (!found.ok() && found.error().kind() == Kind::not_found) return {};
    const Record old = TRY(std::move(found));
    RemoveOptions options;
    options.force = true;
    return remove(creating.engine, old, options);
}

Result<void> reserve_name(Creating& creating) {
    Definition& definition = creating.record.definition;
    definition.name = creating.options.name;
    if (!definition.name.empty()) return creating.registry->reserve_name(definition.name, definition.id);
    // As docker: a few draws, later ones with a digit behind, and the short id when all were taken.
    for (int attempt = 0; attempt < 6; ++attempt) {
        definition.name = attempt == 0 ? make_container_name() : cat(make_container_name(), attempt);
        auto reserved = creating.registry->reserve_name(definition.name, definition.id);
        if (reserved.ok() || reserved.error().kind() != Kind::exists) return reserved;
    }
    definition.name = creating.draft->id.short_id();
    return creating.registry->reserve_name(definition.name, definition.id);
}

Result<void> release_name(Creating& creating) {
    return creating.registry->release_name(creating.record.definition.name, creating.record.definition.id);
}

Result<MountRequest> gather_mounts(Creating& creating) {
    MountRequest request;
    request.mounts = creating.options.host.mounts;
    for (const std::string& text : creating.options.host.volumes_from) {
        const VolumesFrom from = TRY(parse_volumes_from(text));
        const Record other = TRY(find(creating.engine, from.container), "--volumes-from ", text);
        for (MountPoint& point : inherited_mounts(other.definition.mounts, from.access)) request.inherited.push_back(std::move(point));
    }
    for (const auto& [path, unused] : creating.record.definition.config.volumes) request.image_volumes.push_back(path);
    return request;
}

Result<void> make_mounts(Creating& creating) {
    const MountRequest request = TRY(gather_mounts(creating));
    const std::vector<PlannedMount> plan = TRY(plan_mounts(request));
    if (plan.empty()) return {};
    Volumes* volumes = TRY(creating.engine.volumes());
    creating.volumes_lock.emplace(TRY(volumes->lock(LockMode::shared)));
    const auto open_image = [&]() -> Result<Root> {
        if (creating.store == nullptr) return Root::open(creating.record.definition.rootfs);
        image::OverlayRequest overlay;
        overlay.lowers = TRY(creating.store->layer_folders(creating.record.definition.layers));
        Fd tree = TRY(image::mount_overlay(overlay));
        return Root::of(std::move(tree));
    };
    creating.record.definition.mounts = TRY(create_mounts(*volumes, plan, open_image));
    return {};
}

Result<void> publish(Creating& creating) {
    Definition& definition = creating.record.definition;
    definition.created = now();
    definition.host = creating.options.host;
    definition.config.image = creating.options.config.image;
    Words command{std::string(init_path)};
    const InitPlan plan{definition.host.processes, definition.host.end_when};
    if (auto own = command_of(definition.config); own.ok()) command = std::move(own).value();
    else if (plan.processes.empty()) return std::move(own).error();
    if (!plan.processes.empty()) TRY(check_init_plan(plan, true));
    definition.path = command.front();
    definition.args.assign(command.begin() + 1, command.end());
    const Durability durability = definition.host.auto_remove ? Durability::boot : Durability::disk;
    return creating.registry->publish(creating.record, creating.draft->folder, durability);
}

Result<void> unpublish(Creating& creating) { return creating.registry->remove(creating.record.definition); }

Result<void> write_cidfile(Creating& creating) {
    if (creating.options.cidfile.empty()) return {};
    const Fd file = TRY(sys::open(creating.options.cidfile, O_WRONLY | O_CREAT | O_EXCL, 0644), "cidfile");
    return sys::write_all(file, creating.record.id());
}

constexpr Stage<Creating> create_stages[] = {
    {"options", check_options, nothing_to_undo},
    {"options", read_seccomp_profiles, nothing_to_undo},
    {"image", find_image, nothing_to_undo},
    {"namespaces", resolve_modes, nothing_to_undo},
    {"networks", choose_networks, nothing_to_undo},
    {"name", make_room_for_name, nothing_to_undo},
    {"make folders", make_folders, remove_folders},
    {"host name", choose_hostname, nothing_to_undo},
    {"name", reserve_name, release_name},
    {"mounts", make_mounts, nothing_to_undo},
    {"write records", publish, unpublish},
    {"write ID file", write_cidfile, nothing_to_undo},
};

}  // namespace

Result<Created> create(Engine& engine, CreateOptions options) {
    Creating creating(engine, options);
    creating.registry = TRY(engine.containers());
    TRY(run_stages<Creating>(create_stages, creating));
    note(engine.paths().root, {container_event(creating.record, "create")});
    return Created{std::move(creating.record), std::move(creating.warnings)};
}

}  // namespace berth::container
