#pragma once
// The options that run and create share: docker's hundred, as texts, and what they mean as container::CreateOptions.

#include <optional>
#include <string>
#include <vector>

#include "cli/parser.h"
#include "container/engine.h"

namespace berth::cli {

struct ContainerOptions {
    // process
    bool interactive = false, tty = false, remove = false, quiet = false;
    std::optional<bool> init;
    Words attach;
    std::string name, hostname, domainname, user, working_dir, stop_signal, platform, pull = "missing", cidfile, pidfile;
    std::optional<std::string> entrypoint;
    Words env, env_files, labels, label_files, annotations, group_add;
    std::optional<std::int64_t> stop_timeout;
    // resources
    std::optional<std::int64_t> memory, memory_reservation, memory_swap, nano_cpus, cpu_shares, cpu_period, cpu_quota,
        cpu_rt_period, cpu_rt_runtime, blkio_weight, pids_limit, shm_size, oom_score_adj, memory_swappiness;
    std::optional<bool> oom_kill_disable;
    std::string cpuset_cpus, cpuset_mems, cgroup_parent, runtime;
    Words ulimits, blkio_weight_device, read_bps, write_bps, read_iops, write_iops, devices, device_rules, gpus;
    // network
    Words publish, expose, networks, network_aliases, add_hosts, dns, dns_search, dns_options, links, link_local_ips;
    bool publish_all = false;
    std::string ip, ip6, mac_address;
    // storage
    Words volumes, mounts, tmpfs, volumes_from, storage_opt;
    std::string volume_driver;
    bool read_only = false;
    // security
    bool privileged = false;
    Words cap_add, cap_drop, security_opt, sysctls;
    std::string userns, pid, ipc, uts, cgroupns;
    // health
    std::optional<std::string> health_cmd;
    std::optional<Duration> health_interval, health_timeout, health_start_period, health_start_interval;
    std::optional<std::int64_t> health_retries;
    bool no_healthcheck = false;
    std::string health_on_failure = "none";
    // logging and life
    std::string log_driver, restart, timezone, umask, publish_address, end_when, rootfs;
    Words log_opt, processes, requires_;
    bool replace = false;
};

void describe_container_options(Parser& parser, ContainerOptions& options);

/// Reads files (--env-file, --label-file, seccomp profiles) and the caller's environment, nothing else.
/// `words`: the image and the command behind it.
Result<container::CreateOptions> make_create_options(const ContainerOptions& options, const Words& words);

/// What `berth run` does without -d: creates, starts, and stays to the end. The container's exit status.
class Session;
Result<int> run_container(Session& session, const ContainerOptions& container, const Words& arguments);

/// `-p` as often as it was given. `address` is that of those that name none; empty: every address of the host.
Result<std::vector<network::PortMapping>> parse_published(const Words& texts, const std::string& address);

/// Where relative paths of the caller start, and what `~` means.
std::string current_folder();
std::string home_folder();

}  // namespace berth::cli
