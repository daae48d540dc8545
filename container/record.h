#pragma once
// What berth knows about a container, in docker's words: Config (what runs), HostConfig (how it is confined), State (what
// became of it), its mounts and networks. `Record` is config.json and state.json of the container's folder together.
// Stored and shown forms differ in one thing: published ports are kept as ranges, since ten thousand map members would
// cost more than the container; inspect.h spells them out as docker does.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/process.h"
#include "container/mount_options.h"
#include "healthcheck/probe.h"
#include "image/config.h"
#include "network/attach.h"
#include "network/ports.h"

namespace berth::container {

using TextMap = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

/// docker: Config. In CreateOptions it holds what the user asked for; in a Record, the user's wishes over the image's.
/// `image` is the reference as the user wrote it. An entrypoint that is present and empty means none (`--entrypoint ""`).
using Config = image::RunConfig;

/// docker: Ulimit.
struct Ulimit {
    std::string name;
    std::int64_t soft = 0;  ///< -1: unlimited
    std::int64_t hard = 0;
    bool operator==(const Ulimit&) const = default;
};

struct LogConfig {
    std::string type = "json-file";
    TextMap options;
    bool operator==(const LogConfig&) const = default;
};

struct RestartPolicy {
    /// "no", "always", "unless-stopped", "on-failure"; checked by parse_restart_policy.
    std::string name = "no";
    std::int64_t maximum_retry_count = 0;
    bool operator==(const RestartPolicy&) const = default;
};

struct DeviceMapping {
    std::string path_on_host;
    std::string path_in_container;
    std::string cgroup_permissions = "rwm";
    bool operator==(const DeviceMapping&) const = default;
};

struct WeightDevice {
    std::string path;
    std::int64_t weight = 0;
    bool operator==(const WeightDevice&) const = default;
};
struct ThrottleDevice {
    std::string path;
    std::int64_t rate = 0;
    bool operator==(const ThrottleDevice&) const = default;
};

/// One process that berth's own init runs beside (or instead of) the command: `--proc name=command[,restart=…]…`.
struct ProcessRequest {
    std::string name;
    Words command;
    RestartPolicy restart;
    std::string user;
    Words after;
    bool operator==(const ProcessRequest&) const = default;
};

/// docker: HostConfig, and berth's own members at its end.
struct HostConfig {
    std::string container_id_file;
    LogConfig log_config;
    std::string network_mode = "default";
    std::vector<network::PortMapping> port_bindings;
    RestartPolicy restart_policy;
    bool auto_remove = false;
    std::string volume_driver;
    Words volumes_from;
    std::vector<std::int64_t> console_size{0, 0};  ///< rows, columns
    TextMap annotations;
    Words cap_add;
    Words cap_drop;
    std::string cgroupns_mode;  ///< "private", "host"; empty: private
    Words dns;
    Words dns_options;
    Words dns_search;
    Words extra_hosts;  ///< "name:address"; the address may be host-gateway
    Words group_add;
    std::string ipc_mode;  ///< private (default), shareable, none, host, container:X
    std::string cgroup;
    Words links;
    std::int64_t oom_score_adj = 0;
    std::string pid_mode;  ///< host, container:X; empty: private
    bool privileged = false;
    bool publish_all_ports = false;
    bool readonly_rootfs = false;
    Words security_opt;
    TextMap storage_opt;
    std::string uts_mode;
    std::string userns_mode;
    std::int64_t shm_size = 64ll << 20;
    TextMap sysctls;
    std::string runtime;
    std::int64_t cpu_shares = 0;
    std::int64_t memory = 0;
    std::int64_t nano_cpus = 0;
    std::string cgroup_parent;
    std::int64_t blkio_weight = 0;
    std::vector<WeightDevice> blkio_weight_device;
    std::vector<ThrottleDevice> blkio_device_read_bps;
    std::vector<ThrottleDevice> blkio_device_write_bps;
    std::vector<ThrottleDevice> blkio_device_read_iops;
    std::vector<ThrottleDevice> blkio_device_write_iops;
    std::int64_t cpu_period = 0;
    std::int64_t cpu_quota = 0;
    std::int64_t cpu_realtime_period = 0;
    std::int64_t cpu_realtime_runtime = 0;
    std::string cpuset_cpus;
    std::string cpuset_mems;
    std::vector<DeviceMapping> devices;
    Words device_cgroup_rules;
    std::int64_t memory_reservation = 0;
    std::int64_t memory_swap = 0;
    std::optional<std::int64_t> memory_swappiness;
    std::optional<bool> oom_kill_disable;
    std::optional<std::int64_t> pids_limit;
    std::vector<Ulimit> ulimits;
    std::vector<Mount> mounts;  ///< `--mount`; and `--tmpfs` and `-v`, which docker keeps apart in Tmpfs and Binds
    std::optional<Words> masked_paths;    ///< Absent: docker's list.
    std::optional<Words> readonly_paths;  ///< Absent: docker's list.
    std::optional<bool> init;

    // berth's own.
    std::string health_on_failure = "none";  ///< none, kill, restart, stop
    Words requires_;                         ///< "db", "db:healthy"
    std::vector<ProcessRequest> processes;
    std::string end_when;                    ///< with processes: "any", or a process's name; empty: the command
    std::string timezone;                    ///< `--tz`; empty: the image's
    std::string umask;                       ///< octal; empty: 0022
    bool operator==(const HostConfig&) const = default;
};

enum class Status { created, running, paused, restarting, exited, removing, dead };
std::string_view status_word(Status status);

struct State {
    Status status = Status::created;
    bool oom_killed = false;
    std::int64_t exit_code = 0;
    std::string error;
    Moment started_at;
    Moment finished_at;
    std::optional<ProcessKey> init;  ///< While it runs.
    std::int64_t restart_count = 0;
    bool has_been_started = false;
    bool manually_stopped = false;  ///< docker: HasBeenManuallyStopped; keeps `unless-stopped` down after a boot.
    std::optional<healthcheck::Health> health;
    std::uint64_t log_lines_dropped = 0;
    /// What a monitor that comes after must undo: the cgroup of the run, as runtime::Cgroup stores it.
    Json cgroup;
    bool running() const {
        return status == Status::running || status == Status::paused || status == Status::restarting;
    }
};

/// The networks of a container and the ports that are published now.
struct NetworkSettings {
    std::vector<network::Endpoint> endpoints;
    std::vector<network::PublishedPort> ports;
};

/// config.json: changes rarely (create, rename, update, network connect).
struct Definition {
    std::int64_t version = 1;
    std::string id;
    std::string name;  ///< Without the leading '/'.
    Moment created;
    std::string path;  ///< First word of what runs; docker: Path.
    Words args;        ///< The others; docker: Args.
    std::string image_id;    ///< "sha256:…"; empty for `--rootfs`.
    Words layers;            ///< Lower folders' digests, base first.
    std::string platform = "linux";
    Config config;
    HostConfig host;
    std::vector<MountPoint> mounts;
    std::vector<network::EndpointRequest> networks;  ///< What to attach at a start; empty for none, host, container:X.
    std::string rootfs;              ///< `--rootfs`: a folder of the host instead of an image.
};

/// state.json: written by the container's monitor while one lives, else by who holds its lock.
struct RunState {
    std::int64_t version = 1;
    std::string boot;  ///< boot_id() of the last start: "running" of another boot is stale.
    State state;
    NetworkSettings network;
};

struct Record {
    Definition definition;
    RunState run;

    const std::string& id() const { return definition.id; }
    std::string_view short_id() const { return std::string_view(definition.id).substr(0, 12); }
    const std::string& name() const { return definition.name; }
};

/// "no", "always", "unless-stopped", "on-failure", "on-failure:3".
Result<RestartPolicy> parse_restart_policy(std::string_view text);

}  // namespace berth::container

#include "container/record_fields.h"
