#pragma once
// From a container's definition to a runtime spec: pure. What has to be looked up first (the user's numbers, devices of the
// host, descriptors of mount sources, namespaces of other containers) is in SpecFacts.

#include <string>
#include <vector>

#include "base/descriptor_limit.h"
#include "container/record.h"
#include "runtime/defaults.h"
#include "runtime/spec.h"
#include "runtime/users.h"

namespace berth::container {

struct SpecFacts {
    runtime::ResolvedUser user;
    /// Devices of --device, already looked up.
    std::vector<runtime::HostDevice> devices;
    /// For each of Definition.mounts the path to mount, "/proc/self/fd/N" as a rule; empty for tmpfs.
    Words mount_sources;
    /// Variables of --link; the container's own go before them.
    Words link_environment;
    /// Folder with hosts, hostname and resolv.conf; empty: none of them is mounted.
    std::string files_folder;
    /// Of the container that --network, --pid, --ipc container:X name; empty: not shared.
    std::string network_namespace;
    std::string pid_namespace;
    std::string ipc_namespace;
    /// What is mounted at /dev/shm with that namespace; empty: a tmpfs of the container's own.
    std::string shm_source;
    std::string cgroup_path;
    /// The host's program that --init and --proc run as PID 1; empty: the command itself is PID 1.
    std::string init_program;
    /// The pid after which those of the container's own namespace are counted; 0: from 1 on.
    std::int64_t last_pid = 0;
    /// Of processes that no --ulimit gives another; absent: what this process has.
    std::optional<DescriptorLimit> descriptor_limit;
    /// Device numbers by path, for the io limits.
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> device_numbers;
};

/// Kind::invalid for what cannot be meant: an unknown capability, ulimit, namespace mode or security option.
Result<runtime::Spec> make_spec(const Definition& definition, const SpecFacts& facts);

/// Limits alone, also for `update`.
Result<runtime::Resources> make_resources(const HostConfig& host, const SpecFacts& facts);

/// "container:X" → "X"; nothing for other modes.
std::optional<std::string> container_of_mode(std::string_view mode);

/// Where the container's own init lies inside it (docker's place).
constexpr std::string_view init_path = "/sbin/docker-init";

/// Adds the variables of links that are not set otherwise.
void add_links_to(Words& env, const Words& link_environment);

/// Adds this limit of open descriptors, unless there is one.
void add_descriptor_limit(std::vector<runtime::Rlimit>& limits, const DescriptorLimit& limit);

/// The process of `exec`: the container's own settings, with what is asked for instead.
struct ExecWishes {
    Words argv;
    Words env;  ///< over the container's
    std::string working_dir;
    bool tty = false;
    bool privileged = false;
};
Result<runtime::ProcessSpec> make_exec_process(const Definition& definition, const runtime::ResolvedUser& user,
                                               const ExecWishes& wishes);

/// The seccomp profile that the container's options and capabilities lead to; nothing for unconfined.
Result<std::optional<runtime::Seccomp>> make_seccomp(const HostConfig& host, const std::vector<std::string>& capabilities);

/// Refuses in `create` what make_spec would refuse at the start.
Result<void> check_host_config(const HostConfig& host);

}  // namespace berth::container
