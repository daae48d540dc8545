// inspect: docker's document of one container, its members in docker's order, with docker's choice of null, [] and {} for
// what is empty.

#include <algorithm>

#include "container/engine.h"
#include "container/prune.h"
#include "container/registry.h"
#include "container/spec.h"
#include "image/store.h"
#include "runtime/defaults.h"

namespace berth::container {

namespace {

Json ports_of(const Record& record) {
    std::vector<network::ContainerPort> exposed;
    for (const auto& [text, unused] : record.definition.config.exposed_ports)
        if (auto port = network::ContainerPort::parse(text); port.ok()) exposed.push_back(port.value());
    return to_json(network::port_map(record.run.network.ports, exposed));
}

Json state_json(const State& state) {
    Json out;
    out.set("Status", status_word(state.status));
    out.set("Running", state.running());
    out.set("Paused", state.status == Status::paused);
    out.set("Restarting", state.status == Status::restarting);
    out.set("OOMKilled", state.oom_killed);
    out.set("Dead", state.status == Status::dead);
    out.set("Pid", state.init ? state.init->pid : 0);
    out.set("ExitCode", state.exit_code);
    out.set("Error", state.error);
    out.set("StartedAt", moment_text(state.started_at));
    out.set("FinishedAt", moment_text(state.finished_at));
    if (state.health) out.set("Health", to_json(*state.health));
    if (state.log_lines_dropped != 0) out.set("LogLinesDropped", state.log_lines_dropped);
    return out;
}

bool is_bind_text(const Mount& mount) {
    const bool is_plain = mount.labels.empty() && mount.driver_options.empty() && mount.subpath.empty();
    return (mount.type == MountType::bind && mount.create_source) || (mount.type == MountType::volume && is_plain && !mount.source.empty());
}

/// docker's Mount: what concerns one type stands in a member of its own.
Json mount_json(const Mount& mount) {
    Json out, bind, volume, tmpfs;
    out.set("Type", mount_type_text(mount.type));
    if (!mount.source.empty()) out.set("Source", mount.source);
    out.set("Target", mount.target);
    if (mount.read_only) out.set("ReadOnly", true);
    if (!mount.propagation.empty()) bind.set("Propagation", mount.propagation);
    if (mount.create_source) bind.set("CreateMountpoint", true);
    if (mount.no_copy) volume.set("NoCopy", true);
    if (!mount.labels.empty()) volume.set("Labels", to_json(mount.labels));
    if (!mount.subpath.empty() && mount.type == MountType::volume) volume.set("Subpath", mount.subpath);
    if (!mount.driver.empty() || !mount.driver_options.empty()) {
        Json driver;
        driver.set("Name", mount.driver.empty() ? "local" : mount.driver);
        if (!mount.driver_options.empty()) driver.set("Options", to_json(mount.driver_options));
        volume.set("DriverConfig", std::move(driver));
    }
    if (mount.tmpfs_size != 0) tmpfs.set("SizeBytes", mount.tmpfs_size);
    if (mount.tmpfs_mode) tmpfs.set("Mode", *mount.tmpfs_mode);
    for (auto [name, member] : {std::pair("BindOptions", &bind), {"VolumeOptions", &volume}, {"TmpfsOptions", &tmpfs}})
        if (!member->is_null()) out.set(name, std::move(*member));
    return out;
}

void set_mounts(Json& out, const HostConfig& host) {
    Json::Array binds, mounts;
    Json tmpfs;
    for (const Mount& mount : host.mounts) {
        if (mount.type == MountType::tmpfs && mount.create_source) tmpfs.set(mount.target, mount.tmpfs_options);
        else if (is_bind_text(mount)) binds.emplace_back(bind_text(mount));
        else mounts.push_back(mount_json(mount));
    }
    out.set("Binds", binds.empty() ? Json() : Json(std::move(binds)));
    if (!tmpfs.is_null()) out.set("Tmpfs", std::move(tmpfs));
    if (!mounts.empty()) out.set("Mounts", std::move(mounts));
}

/// docker's HostConfig members with what they show when nothing was asked for.
const Json& host_config_form() {
    static const Json form = [] {
        const Json null, list = Json::Array(), map = Json::Object(), text = "", zero = 0, no = false;
        return Json(Json::Object{
            {"Binds", null}, {"ContainerIDFile", text}, {"LogConfig", null}, {"NetworkMode", text}, {"PortBindings", map},
            {"RestartPolicy", null}, {"AutoRemove", no}, {"VolumeDriver", text}, {"VolumesFrom", null},
            {"ConsoleSize", Json::Array{0, 0}}, {"CapAdd", null}, {"CapDrop", null}, {"CgroupnsMode", "private"},
            {"Dns", list}, {"DnsOptions", list}, {"DnsSearch", list}, {"ExtraHosts", null}, {"GroupAdd", null},
            {"IpcMode", "private"}, {"Cgroup", text}, {"Links", null}, {"OomScoreAdj", zero}, {"PidMode", text},
            {"Privileged", no}, {"PublishAllPorts", no}, {"ReadonlyRootfs", no}, {"SecurityOpt", null}, {"UTSMode", text},
            {"UsernsMode", text}, {"ShmSize", zero}, {"Runtime", "berth"}, {"Isolation", text}, {"CpuShares", zero},
            {"Memory", zero}, {"NanoCpus", zero}, {"CgroupParent", text}, {"BlkioWeight", zero}, {"BlkioWeightDevice", list},
            {"BlkioDeviceReadBps", list}, {"BlkioDeviceWriteBps", list}, {"BlkioDeviceReadIOps", list},
            {"BlkioDeviceWriteIOps", list}, {"CpuPeriod", zero}, {"CpuQuota", zero}, {"CpuRealtimePeriod", zero},
            {"CpuRealtimeRuntime", zero}, {"CpusetCpus", text}, {"CpusetMems", text}, {"Devices", list},
            {"DeviceCgroupRules", null}, {"DeviceRequests", null}, {"MemoryReservation", zero}, {"MemorySwap", zero},
            {"MemorySwappiness", null}, {"OomKillDisable", null}, {"PidsLimit", null}, {"Ulimits", list}, {"CpuCount", zero},
            {"CpuPercent", zero}, {"IOMaximumIOps", zero}, {"IOMaximumBandwidth", zero}, {"MaskedPaths", null},
            {"ReadonlyPaths", null},
        });
    }();
    return form;
}

Json host_config_json(const HostConfig& host) {
    Json out = host_config_form();
    const Json stored = to_json(host);
    for (const auto& [name, value] : *stored.object())
        if (name != "PortRanges" && name != "Mounts") out.set(name, value);
    set_mounts(out, host);
    out.set("PortBindings", to_json(network::port_bindings(host.port_bindings)));
    // As docker shows them: a doubled limit of memory and swap, and the masks that hold.
    if (host.memory > 0 && host.memory_swap == 0) out.set("MemorySwap", host.memory * 2);
    if (!host.masked_paths && !host.privileged) out.set("MaskedPaths", to_json(runtime::default_masked_paths()));
    if (!host.readonly_paths && !host.privileged) out.set("ReadonlyPaths", to_json(runtime::default_readonly_paths()));
    return out;
}

Json mounts_json(const Definition& definition) {
    Json::Array out;
    for (const MountPoint& point : definition.mounts) {
        // docker lists --tmpfs in HostConfig only.
        if (point.type == MountType::tmpfs && point.create_source) continue;
        Json one;
        one.set("Type", mount_type_text(point.type));
        if (!point.name.empty()) one.set("Name", point.name);
        one.set("Source", point.source);
        one.set("Destination", point.destination);
        if (!point.driver.empty()) one.set("Driver", point.driver);
        // docker's word for a volume that has a name and no options.
        const bool is_plain = point.type == MountType::volume && point.mode.empty() && !point.anonymous;
        one.set("Mode", is_plain ? "z" : point.mode);
        one.set("RW", point.rw);
        one.set("Propagation", point.propagation);
        out.push_back(std::move(one));
    }
    return out;
}

Json network_settings_json(const Record& record) {
    const network::Endpoint none;
    const auto& endpoints = record.run.network.endpoints;
    // The flat members are those of the default bridge, as docker had them until API 1.52.
    const auto on_bridge = std::find_if(endpoints.begin(), endpoints.end(), [](const auto& e) { return e.network == "bridge"; });
    const network::Endpoint& first = on_bridge == endpoints.end() ? none : *on_bridge;
    Json out;
    out.set("Bridge", "");
    out.set("SandboxID", record.run.state.init ? record.id() : "");
    out.set("SandboxKey", record.run.state.init ? cat("/proc/", record.run.state.init->pid, "/ns/net") : "");
    out.set("HairpinMode", false);
    out.set("LinkLocalIPv6Address", "");
    out.set("LinkLocalIPv6PrefixLen", 0);
    out.set("Ports", record.run.state.running() ? ports_of(record) : Json(Json::Object()));
    out.set("SecondaryIPAddresses", Json());
    out.set("SecondaryIPv6Addresses", Json());
    out.set("EndpointID", first.endpoint_id);
    out.set("Gateway", first.gateway);
    out.set("GlobalIPv6Address", first.ip6);
    out.set("GlobalIPv6PrefixLen", first.prefix6);
    out.set("IPAddress", first.ip);
    out.set("IPPrefixLen", first.prefix);
    out.set("IPv6Gateway", first.gateway6);
    out.set("MacAddress", first.mac);
    Json networks = Json::Object();
    if (!endpoints.empty())
        for (const network::Endpoint& endpoint : endpoints) networks.set(endpoint.network, network::endpoint_settings(endpoint));
    else
        for (const network::EndpointRequest& request : record.definition.networks)
            networks.set(request.network, network::endpoint_settings(network::make_idle_endpoint(request)));
    const std::string& mode = record.definition.host.network_mode;
    if (mode == "host" || mode == "none") {
        network::Endpoint only;
        only.network = mode;
        networks.set(mode, network::endpoint_settings(only));
    }
    out.set("Networks", std::move(networks));
    return out;
}

Json config_json(const Definition& definition) {
    Config config = definition.config;
    // docker counts published ports as exposed.
    for (const network::PortMapping& mapping : definition.host.port_bindings)
        for (unsigned port = mapping.container.first; port <= mapping.container.last; ++port)
            config.exposed_ports[cat(port, '/', network::protocol_text(mapping.protocol))];
    Json out = to_json(config);
    if (config.labels.empty()) out.set("Labels", Json::Object());
    return out;
}

Result<Json> graph_driver_json(Engine& engine, const Record& record) {
    Registry* registry = TRY(engine.containers());
    const std::string fs = registry->folder_path(record.id()) + "/fs";
    Json data;
    if (record.definition.rootfs.empty()) {
        image::Store* store = TRY(engine.images());
        std::string lowers;
        if (auto folders = store->layer_folders(record.definition.layers); folders.ok())
            for (const std::string& folder : folders.value()) lowers += cat(lowers.empty() ? "" : ":", folder);
        data.set("LowerDir", lowers);
        // There is no mount on the host: while it runs, the tree is to be seen through its first process.
        data.set("MergedDir", record.run.state.init ? cat("/proc/", record.run.state.init->pid, "/root") : "");
        data.set("UpperDir", fs + "/upper");
        data.set("WorkDir", fs + "/work");
    }
    Json out;
    out.set("Data", std::move(data));
    out.set("Name", "overlay2");
    return out;
}

}  // namespace

Result<Json> inspect(Engine& engine, const Record& record, Sizes sizes) {
    Registry* registry = TRY(engine.containers());
    const Definition& definition = record.definition;
    const std::string folder = registry->folder_path(record.id());
    const bool has_file = definition.host.log_config.type == "json-file";
    Json out;
    out.set("Id", record.id());
    out.set("Created", moment_text(definition.created));
    out.set("Path", definition.path);
    out.set("Args", to_json(definition.args));
    out.set("State", state_json(record.run.state));
    out.set("Image", definition.image_id);
    out.set("ResolvConfPath", folder + "/resolv.conf");
    out.set("HostnamePath", folder + "/hostname");
    out.set("HostsPath", folder + "/hosts");
    out.set("LogPath", has_file ? cat(folder, '/', record.id(), "-json.log") : "");
    out.set("Name", cat('/', record.name()));
    out.set("RestartCount", record.run.state.restart_count);
    out.set("Driver", "overlay2");
    out.set("Platform", definition.platform);
    out.set("MountLabel", "");
    out.set("ProcessLabel", "");
    out.set("AppArmorProfile", "");
    out.set("ExecIDs", Json());
    out.set("HostConfig", host_config_json(definition.host));
    out.set("GraphDriver", TRY(graph_driver_json(engine, record)));
    if (sizes == Sizes::with) {
        const ContainerSize size = TRY(container_size(engine, record));
        out.set("SizeRw", size.rw_bytes);
        out.set("SizeRootFs", size.root_bytes);
    }
    out.set("Mounts", mounts_json(definition));
    out.set("Config", config_json(definition));
    out.set("NetworkSettings", network_settings_json(record));
    return out;
}

}  // namespace berth::container
