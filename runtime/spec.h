#pragma once
// The OCI runtime specification as types: what config.json says, and what the engine fills in by itself. Names follow
// runtime-spec (config.md, config-linux.md); an absent member and its zero value mean the same unless the member is an
// optional. Nothing here judges: runtime/plan.h refuses what contradicts itself.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/resources.h"

namespace berth::runtime {

using Strings = std::vector<std::string>;

struct Box {
    std::uint32_t height = 0;
    std::uint32_t width = 0;
    bool operator==(const Box&) const = default;
};

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
    bool operator==(const User&) const = default;
};

/// Sets by name ("CAP_NET_RAW"). An empty set stays empty: nothing is inherited or ambient on its own.
struct Capabilities {
    Strings bounding, effective, inheritable, permitted, ambient;
    bool operator==(const Capabilities&) const = default;
};

struct Rlimit {
    std::string type;  ///< "RLIMIT_NOFILE"
    std::uint64_t hard = 0;
    std::uint64_t soft = 0;
    bool operator==(const Rlimit&) const = default;
};

struct Scheduler {
    std::string policy;
    std::int32_t nice = 0;
    std::int32_t priority = 0;
    Strings flags;
    std::uint64_t runtime = 0, deadline = 0, period = 0;
    bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
    std::string io_class;
    int priority = 0;
    bool operator==(const IoPriority&) const = default;
};

struct CpuAffinity {
    std::string initial, final;
    bool operator==(const CpuAffinity&) const = default;
};

/// config.md "Process".
struct ProcessSpec {
    bool terminal = false;
    std::optional<Box> console_size;
    User user;
    Strings args;
    Strings env;
    std::string cwd = "/";
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::string apparmor_profile;
    std::string selinux_label;
    std::optional<int> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
    bool operator==(const ProcessSpec&) const = default;
};

struct RootSpec {
    std::string path;
    bool readonly = false;
    bool operator==(const RootSpec&) const = default;
};

struct IdMapping {
    std::uint32_t container_id = 0, host_id = 0, size = 0;
    bool operator==(const IdMapping&) const = default;
};

struct Mount {
    std::string destination;
    std::string type;
    std::string source;
    Strings options;
    std::vector<IdMapping> uid_mappings, gid_mappings;
    bool operator==(const Mount&) const = default;
};

struct Hook {
    std::string path;
    Strings args;
    Strings env;
    std::optional<int> timeout;  ///< seconds
    bool operator==(const Hook&) const = default;
};

struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
    bool operator==(const Hooks&) const = default;
};

struct Namespace {
    std::string type;  ///< pid network mount ipc uts user cgroup time
    std::string path;  ///< joins this one instead of making a new one
    bool operator==(const Namespace&) const = default;
};

struct Device {
    std::string path;
    std::string type;  ///< c, b, u, p
    std::int64_t major = 0, minor = 0;
    std::optional<std::uint32_t> file_mode;
    std::optional<std::uint32_t> uid, gid;
    bool operator==(const Device&) const = default;
};

struct SeccompArg {
    std::uint32_t index = 0;
    std::uint64_t value = 0, value_two = 0;
    std::string op;
    bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
    Strings names;
    std::string action;
    std::optional<std::uint32_t> errno_ret;
    std::vector<SeccompArg> args;
    bool operator==(const SeccompRule&) const = default;
};

struct Seccomp {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_ret;
    Strings architectures;
    Strings flags;
    std::string listener_path, listener_metadata;
    std::vector<SeccompRule> syscalls;
    bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
    std::string clos_id;
    Strings schemata;
    std::string l3_cache_schema, mem_bw_schema;
    bool enable_monitoring = false, enable_cmt = false, enable_mbm = false;
    bool operator==(const IntelRdt&) const = default;
};

struct TimeOffset {
    std::int64_t secs = 0;
    std::uint32_t nanosecs = 0;
    bool operator==(const TimeOffset&) const = default;
};

struct MemoryPolicy {
    std::string mode;
    std::string nodes;
    Strings flags;
    bool operator==(const MemoryPolicy&) const = default;
};

struct Personality {
    std::string domain;
    Strings flags;
    bool operator==(const Personality&) const = default;
};

struct NetDevice {
    std::string name;  ///< inside the container; empty keeps the name
    bool operator==(const NetDevice&) const = default;
};

/// config-linux.md.
struct LinuxSpec {
    std::vector<Namespace> namespaces;
    std::vector<IdMapping> uid_mappings, gid_mappings;
    std::map<std::string, TimeOffset> time_offsets;
    std::vector<Device> devices;
    std::map<std::string, NetDevice> net_devices;
    std::string cgroups_path;
    std::optional<Resources> resources;
    std::optional<IntelRdt> intel_rdt;
    std::optional<MemoryPolicy> memory_policy;
    std::map<std::string, std::string> sysctl;
    std::optional<Seccomp> seccomp;
    std::string rootfs_propagation;
    Strings masked_paths;
    Strings readonly_paths;
    std::string mount_label;
    std::optional<Personality> personality;
    bool operator==(const LinuxSpec&) const = default;
};

struct Spec {
    std::string oci_version = "1.2.0";
    std::optional<RootSpec> root;
    std::vector<Mount> mounts;
    std::optional<ProcessSpec> process;
    std::optional<Hooks> hooks;
    std::string hostname;
    std::string domainname;
    std::map<std::string, std::string> annotations;
    std::optional<LinuxSpec> linux;
    bool operator==(const Spec&) const = default;

    /// The namespace of that type, if the spec names it.
    const Namespace* find_namespace(std::string_view type) const;
};

/// config.json's text, at most 16 MiB. Errors carry the JSON path.
Result<Spec> parse_spec(std::string_view text);
/// A process.json, as `exec --process` takes it.
Result<ProcessSpec> parse_process(std::string_view text);
Json spec_json(const Spec& spec);
Json process_json(const ProcessSpec& process);

}  // namespace berth::runtime
