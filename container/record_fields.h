#pragma once
// The field lists of record.h: one text for reading and writing, in docker's order and words. Included by record.h only.

namespace berth {

template <>
struct JsonText<container::Status> {
    static Result<container::Status> parse(std::string_view text);
    static std::string text(const container::Status& status) { return std::string(container::status_word(status)); }
};

}  // namespace berth

namespace berth::container {

template <class Io>
void fields(Io& io, Ulimit& u) {
    io.required("Name", u.name);
    io.required("Hard", u.hard);
    io.required("Soft", u.soft);
}
template <class Io>
void fields(Io& io, LogConfig& l) {
    io.required("Type", l.type);
    io.required("Config", l.options);
}
template <class Io>
void fields(Io& io, RestartPolicy& r) {
    io.required("Name", r.name);
    io.required("MaximumRetryCount", r.maximum_retry_count);
}
template <class Io>
void fields(Io& io, DeviceMapping& d) {
    io.required("PathOnHost", d.path_on_host);
    io.required("PathInContainer", d.path_in_container);
    io.required("CgroupPermissions", d.cgroup_permissions);
}
template <class Io>
void fields(Io& io, WeightDevice& d) {
    io.required("Path", d.path);
    io.required("Weight", d.weight);
}
template <class Io>
void fields(Io& io, ThrottleDevice& d) {
    io.required("Path", d.path);
    io.required("Rate", d.rate);
}
template <class Io>
void fields(Io& io, ProcessRequest& p) {
    io.required("Name", p.name);
    io.required("Command", p.command);
    io.required("RestartPolicy", p.restart);
    io.optional("User", p.user);
    io.optional("After", p.after);
}
template <class Io>
void fields_of_resources(Io& io, HostConfig& h) {
    io.optional("CpuShares", h.cpu_shares);
    io.optional("Memory", h.memory);
    io.optional("NanoCpus", h.nano_cpus);
    io.optional("CgroupParent", h.cgroup_parent);
    io.optional("BlkioWeight", h.blkio_weight);
    io.optional("BlkioWeightDevice", h.blkio_weight_device);
    io.optional("BlkioDeviceReadBps", h.blkio_device_read_bps);
    io.optional("BlkioDeviceWriteBps", h.blkio_device_write_bps);
    io.optional("BlkioDeviceReadIOps", h.blkio_device_read_iops);
    io.optional("BlkioDeviceWriteIOps", h.blkio_device_write_iops);
    io.optional("CpuPeriod", h.cpu_period);
    io.optional("CpuQuota", h.cpu_quota);
    io.optional("CpuRealtimePeriod", h.cpu_realtime_period);
    io.optional("CpuRealtimeRuntime", h.cpu_realtime_runtime);
    io.optional("CpusetCpus", h.cpuset_cpus);
    io.optional("CpusetMems", h.cpuset_mems);
    io.optional("Devices", h.devices);
    io.optional("DeviceCgroupRules", h.device_cgroup_rules);
    io.optional("MemoryReservation", h.memory_reservation);
    io.optional("MemorySwap", h.memory_swap);
    io.optional("MemorySwappiness", h.memory_swappiness);
    io.optional("OomKillDisable", h.oom_kill_disable);
    io.optional("PidsLimit", h.pids_limit);
    io.optional("Ulimits", h.ulimits);
}
// The stored form leaves out what stands at its default: the file is read at each start. inspect.h adds what docker shows.
template <class Io>
void fields(Io& io, HostConfig& h) {
    io.optional("ContainerIDFile", h.container_id_file);
    io.required("LogConfig", h.log_config);
    io.required("NetworkMode", h.network_mode);
    io.optional("PortRanges", h.port_bindings);
    io.required("RestartPolicy", h.restart_policy);
    io.optional("AutoRemove", h.auto_remove);
    io.optional("VolumeDriver", h.volume_driver);
    io.optional("VolumesFrom", h.volumes_from);
    io.optional("ConsoleSize", h.console_size);
    io.optional("Annotations", h.annotations);
    io.optional("CapAdd", h.cap_add);
    io.optional("CapDrop", h.cap_drop);
    io.optional("CgroupnsMode", h.cgroupns_mode);
    io.optional("Dns", h.dns);
    io.optional("DnsOptions", h.dns_options);
    io.optional("DnsSearch", h.dns_search);
    io.optional("ExtraHosts", h.extra_hosts);
    io.optional("GroupAdd", h.group_add);
    io.optional("IpcMode", h.ipc_mode);
    io.optional("Cgroup", h.cgroup);
    io.optional("Links", h.links);
    io.optional("OomScoreAdj", h.oom_score_adj);
    io.optional("PidMode", h.pid_mode);
    io.optional("Privileged", h.privileged);
    io.optional("PublishAllPorts", h.publish_all_ports);
    io.optional("ReadonlyRootfs", h.readonly_rootfs);
    io.optional("SecurityOpt", h.security_opt);
    io.optional("StorageOpt", h.storage_opt);
    io.optional("UTSMode", h.uts_mode);
    io.optional("UsernsMode", h.userns_mode);
    io.required("ShmSize", h.shm_size);
    io.optional("Sysctls", h.sysctls);
    io.optional("Runtime", h.runtime);
    fields_of_resources(io, h);
    io.optional("Mounts", h.mounts);
    io.optional("MaskedPaths", h.masked_paths);
    io.optional("ReadonlyPaths", h.readonly_paths);
    io.optional("Init", h.init);
    io.required("HealthOnFailure", h.health_on_failure);
    io.optional("Requires", h.requires_);
    io.optional("Processes", h.processes);
    io.optional("EndWhen", h.end_when);
    io.optional("Timezone", h.timezone);
    io.optional("Umask", h.umask);
}
template <class Io>
void fields(Io& io, State& s) {
    io.required("Status", s.status);
    io.optional("OOMKilled", s.oom_killed);
    io.required("ExitCode", s.exit_code);
    io.optional("Error", s.error);
    io.required("StartedAt", s.started_at);
    io.required("FinishedAt", s.finished_at);
    io.optional("Init", s.init);
    io.optional("RestartCount", s.restart_count);
    io.optional("HasBeenStarted", s.has_been_started);
    io.optional("ManuallyStopped", s.manually_stopped);
    io.optional("Health", s.health);
    io.optional("LogLinesDropped", s.log_lines_dropped);
    io.optional("Cgroup", s.cgroup);
}
template <class Io>
void fields(Io& io, NetworkSettings& n) {
    io.optional("Endpoints", n.endpoints);
    io.optional("Ports", n.ports);
}
template <class Io>
void fields(Io& io, Definition& d) {
    io.required("version", d.version);
    io.required("ID", d.id);
    io.required("Name", d.name);
    io.required("Created", d.created);
    io.required("Path", d.path);
    io.required("Args", d.args);
    io.required("Image", d.image_id);
    io.required("Layers", d.layers);
    io.required("Platform", d.platform);
    io.required("Config", d.config);
    io.required("HostConfig", d.host);
    io.optional("Mounts", d.mounts);
    io.optional("Networks", d.networks);
    io.optional("Rootfs", d.rootfs);
}
template <class Io>
void fields(Io& io, RunState& r) {
    io.required("version", r.version);
    io.required("boot", r.boot);
    io.required("State", r.state);
    io.required("Network", r.network);
}

}  // namespace berth::container
