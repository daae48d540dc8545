#include "container/spec.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <unistd.h>

#include "container/log_writer.h"
#include "container/merge.h"
#include "container/tiny_init.h"
#include "runtime/caps.h"
#include "runtime/seccomp.h"

namespace berth::container {

namespace {

/// What --security-opt says, parsed.
struct Security {
    bool no_new_privileges = false;
    bool unconfined_seccomp = false;
    std::string seccomp_profile;  ///< a profile's JSON
    std::string apparmor;
    std::string selinux;
    bool unmasked = false;
};

Error bad_security(std::string_view option, std::string_view why) {
    return Error(Kind::invalid, cat("security option '", option, "': ", why));
}

Result<void> apply_security(Security& out, std::string_view option) {
    const std::size_t split = option.find_first_of("=:");
    const std::string_view key = option.substr(0, split);
    const std::string_view value = split == std::string_view::npos ? std::string_view() : option.substr(split + 1);
    if (key == "no-new-privileges") {
        if (!value.empty() && value != "true" && value != "false") return bad_security(option, "must be true or false");
        out.no_new_privileges = value != "false";
    } else if (key == "seccomp") {
        out.unconfined_seccomp = value == "unconfined";
        if (value != "unconfined" && value != "builtin") out.seccomp_profile = value;
    } else if (key == "apparmor") {
        out.apparmor = value == "unconfined" ? std::string() : std::string(value);
    } else if (key == "label") {
        if (value.starts_with("type:") || value.starts_with("level:")) out.selinux = value;
    } else if (key == "systempaths") {
        if (value != "unconfined") return bad_security(option, "the only value is unconfined");
        out.unmasked = true;
    } else if (key == "writable-cgroups") {
        return bad_security(option, "not supported");
    } else {
        return bad_security(option, cat("unknown option '", key, "'"));
    }
    return {};
}

Result<Security> parse_security(const HostConfig& host) {
    Security out;
    for (const std::string& option : host.security_opt) TRY(apply_security(out, option));
    return out;
}

constexpr std::string_view limit_names[] = {"core",   "cpu",    "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
                                            "nofile", "nproc",  "rss",  "rtprio", "rttime", "sigpending", "stack",    "as"};

Result<runtime::Rlimit> make_rlimit(const Ulimit& limit) {
    if (std::find(std::begin(limit_names), std::end(limit_names), limit.name) == std::end(limit_names))
        return Error(Kind::invalid, cat("unknown ulimit '", limit.name, "'"));
    const bool soft_above = limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard);
    if (soft_above)
        return Error(Kind::invalid, cat("ulimit ", limit.name, ": soft limit ", limit.soft, " is above the hard limit ", limit.hard));
    runtime::Rlimit out;
    out.type = "RLIMIT_";
    for (const char c : limit.name) out.type.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    out.soft = static_cast<std::uint64_t>(limit.soft);
    out.hard = static_cast<std::uint64_t>(limit.hard);
    return out;
}

Result<void> check_mode(std::string_view option, std::string_view mode, std::initializer_list<std::string_view> allowed) {
    if (mode.empty() || std::find(allowed.begin(), allowed.end(), mode) != allowed.end()) return {};
    const bool takes_container = std::find(allowed.begin(), allowed.end(), "container:") != allowed.end();
    if (takes_container && container_of_mode(mode)) return {};
    return Error(Kind::invalid, cat("--", option, "=", mode, ": invalid mode"));
}

/// Removes the namespace (host), or makes the container join that of another.
void set_namespace(runtime::LinuxSpec& linux_spec, std::string_view type, bool is_host, const std::string& path) {
    auto& all = linux_spec.namespaces;
    if (is_host) std::erase_if(all, [&](const runtime::Namespace& space) { return space.type == type; });
    for (runtime::Namespace& space : all)
        if (space.type == type) space.path = path;
}

void apply_namespaces(runtime::Spec& spec, const HostConfig& host, const SpecFacts& facts) {
    runtime::LinuxSpec& linux_spec = *spec.linux;
    set_namespace(linux_spec, "network", host.network_mode == "host", facts.network_namespace);
    set_namespace(linux_spec, "pid", host.pid_mode == "host", facts.pid_namespace);
    set_namespace(linux_spec, "ipc", host.ipc_mode == "host", facts.ipc_namespace);
    set_namespace(linux_spec, "cgroup", host.cgroupns_mode == "host", {});
    set_namespace(linux_spec, "uts", host.uts_mode == "host", {});
    if (host.uts_mode == "host") {
        spec.hostname.clear();
        spec.domainname.clear();
    }
}

const runtime::Mount bind_of(std::string source, std::string_view destination, runtime::Strings options) {
    runtime::Mount mount;
    mount.destination = destination;
    mount.type = "bind";
    mount.source = std::move(source);
    mount.options = std::move(options);
    return mount;
}

runtime::Strings split_options(std::string_view text) {
    runtime::Strings out;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        out.emplace_back(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    return out;
}

runtime::Mount make_mount(const MountPoint& point, const std::string& source) {
    if (point.type == MountType::tmpfs) {
        runtime::Mount mount;
        mount.destination = point.destination;
        mount.type = "tmpfs";
        mount.source = "tmpfs";
        mount.options = split_options(point.tmpfs_options);
        return mount;
    }
    runtime::Strings options{point.recursion == BindRecursion::disabled ? "bind" : "rbind"};
    // Read-only holds for what is mounted below too, unless the user wanted otherwise (docker since 25).
    const bool whole = point.recursion == BindRecursion::enabled || point.recursion == BindRecursion::readonly;
    if (!point.rw) options.emplace_back(whole ? "rro" : "ro");
    options.push_back(point.propagation.empty() ? "rprivate" : point.propagation);
    if (!point.id_map.empty()) options.push_back(point.id_map);
    return bind_of(source, point.destination, std::move(options));
}

bool is_mounted_by_user(const Definition& definition, std::string_view destination) {
    return std::any_of(definition.mounts.begin(), definition.mounts.end(), [&](const MountPoint& point) {
        return point.destination == destination || (point.destination == "/dev" && destination.starts_with("/dev/"));
    });
}

void apply_mounts(runtime::Spec& spec, const Definition& definition, const SpecFacts& facts) {
    const HostConfig& host = definition.host;
    std::erase_if(spec.mounts, [&](const runtime::Mount& mount) {
        const bool no_shm = host.ipc_mode == "none" && mount.destination == "/dev/shm";
        return no_shm || is_mounted_by_user(definition, mount.destination);
    });
    for (runtime::Mount& mount : spec.mounts) {
        // A new mount of mqueue shows the queues of the namespace, whoever made it; shared memory is files of one tmpfs.
        if (mount.destination != "/dev/shm") continue;
        if (host.ipc_mode == "host") mount = bind_of(mount.destination, mount.destination, {"rbind", "nosuid", "nodev", "noexec"});
        if (!facts.shm_source.empty())
            mount = bind_of(facts.shm_source, mount.destination, {"bind", "nosuid", "nodev", "noexec", "rprivate"});
    }
    for (std::size_t i = 0; i < definition.mounts.size(); ++i)
        spec.mounts.push_back(make_mount(definition.mounts[i], i < facts.mount_sources.size() ? facts.mount_sources[i] : ""));
    if (!facts.init_program.empty()) spec.mounts.push_back(bind_of(facts.init_program, init_path, {"bind", "ro"}));
    if (facts.files_folder.empty()) return;
    for (const std::string_view name : {"resolv.conf", "hostname", "hosts"}) {
        const std::string destination = cat("/etc/", name);
        if (is_mounted_by_user(definition, destination)) continue;
        spec.mounts.push_back(bind_of(cat(facts.files_folder, '/', name), destination, {"bind", "rprivate"}));
    }
}

Result<void> apply_devices(runtime::Spec& spec, const HostConfig& host, const SpecFacts& facts) {
    runtime::LinuxSpec& linux_spec = *spec.linux;
    auto& rules = linux_spec.resources->devices;
    for (const runtime::HostDevice& device : facts.devices) {
        linux_spec.devices.push_back(device.device);
        rules.push_back(device.rule);
    }
    for (const std::string& text : host.device_cgroup_rules) {
        // "c 10:200 rwm" or "a *:* rwm": already checked by create.
        const std::size_t first = text.find(' ');
        const std::size_t colon = text.find(':', first);
        const std::size_t last = text.find(' ', colon);
        if (first == std::string::npos || colon == std::string::npos || last == std::string::npos)
            return Error(Kind::invalid, cat("device cgroup rule '", text, "': must be 'TYPE MAJOR:MINOR ACCESS'"));
        const auto number = [&](std::string_view digits) -> std::optional<std::int64_t> {
            std::int64_t value = -1;
            std::from_chars(digits.data(), digits.data() + digits.size(), value);
            return digits == "*" ? std::nullopt : std::optional(value);
        };
        const std::string_view view = text;
        rules.push_back({true, text.substr(0, first), number(view.substr(first + 1, colon - first - 1)),
                         number(view.substr(colon + 1, last - colon - 1)), text.substr(last + 1)});
    }
    return {};
}

Result<void> apply_confinement(runtime::Spec& spec, const HostConfig& host) {
    const Security security = TRY(parse_security(host));
    runtime::LinuxSpec& linux_spec = *spec.linux;
    spec.process->no_new_privileges = security.no_new_privileges;
    spec.process->apparmor_profile = security.apparmor;
    if (host.privileged) return runtime::make_privileged(spec);

    const Words capabilities = TRY(runtime::adjust_capabilities(runtime::default_capabilities(), host.cap_add, host.cap_drop));
    runtime::Capabilities sets;
    sets.bounding = sets.effective = sets.permitted = capabilities;
    spec.process->capabilities = std::move(sets);
    linux_spec.seccomp = TRY(make_seccomp(host, capabilities));
    if (host.masked_paths) linux_spec.masked_paths = *host.masked_paths;
    if (host.readonly_paths) linux_spec.readonly_paths = *host.readonly_paths;
    if (security.unmasked) linux_spec.masked_paths.clear(), linux_spec.readonly_paths.clear();
    return {};
}

/// What is executed: the command, or berth's own init with it and the declared processes.
Result<Words> make_arguments(const Definition& definition, bool has_init) {
    const InitPlan plan{definition.host.processes, definition.host.end_when};
    auto command = command_of(definition.config);
    if (plan.processes.empty() && !command.ok()) return std::move(command).error();
    Words out;
    if (has_init) out.emplace_back(init_path);
    if (!plan.processes.empty()) out.insert(out.end(), {"--processes", json_text(to_json(plan))});
    if (has_init) out.emplace_back("--");
    if (command.ok()) out.insert(out.end(), command.value().begin(), command.value().end());
    return out;
}

Result<void> apply_process(runtime::Spec& spec, const Definition& definition, const SpecFacts& facts) {
    runtime::ProcessSpec& process = *spec.process;
    const Config& config = definition.config;
    const HostConfig& host = definition.host;
    process.args = TRY(make_arguments(definition, !facts.init_program.empty()));
    process.env = make_environment(config, facts.user.home);
    add_links_to(process.env, facts.link_environment);
    if (!host.timezone.empty()) set_env(process.env, cat("TZ=", host.timezone));
    process.cwd = config.working_dir.empty() ? "/" : config.working_dir;
    process.user.uid = facts.user.uid;
    process.user.gid = facts.user.gid;
    process.user.additional_gids = facts.user.additional_gids;
    if (!host.umask.empty()) {
        std::uint32_t mask = 0;
        std::from_chars(host.umask.data(), host.umask.data() + host.umask.size(), mask, 8);
        process.user.umask = mask;
    }
    process.terminal = config.tty;
    if (config.tty && host.console_size.size() == 2 && host.console_size[0] > 0)
        process.console_size = runtime::Box{static_cast<std::uint32_t>(host.console_size[0]), static_cast<std::uint32_t>(host.console_size[1])};
    for (const Ulimit& limit : host.ulimits) process.rlimits.push_back(TRY(make_rlimit(limit)));
    if (facts.descriptor_limit) add_descriptor_limit(process.rlimits, *facts.descriptor_limit);
    if (host.oom_score_adj != 0) process.oom_score_adj = static_cast<int>(host.oom_score_adj);
    return {};
}

Result<std::vector<runtime::ThrottleDevice>> make_throttles(const std::vector<ThrottleDevice>& wanted, const SpecFacts& facts) {
    std::vector<runtime::ThrottleDevice> out;
    for (const ThrottleDevice& device : wanted) {
        const auto numbers = facts.device_numbers.find(device.path);
        if (numbers == facts.device_numbers.end()) return Error(Kind::not_found, cat(device.path, ": no such block device"));
        out.push_back({numbers->second.first, numbers->second.second, static_cast<std::uint64_t>(device.rate)});
    }
    return out;
}

runtime::CpuLimits make_cpu_limits(const HostConfig& host) {
    runtime::CpuLimits cpu;
    if (host.cpu_shares != 0) cpu.shares = static_cast<std::uint64_t>(host.cpu_shares);
    if (host.cpu_period != 0) cpu.period = static_cast<std::uint64_t>(host.cpu_period);
    if (host.cpu_quota != 0) cpu.quota = host.cpu_quota;
    if (host.nano_cpus != 0) {
        // docker: --cpus 1.5 is a quota of 150 ms in 100 ms.
        cpu.period = 100'000;
        cpu.quota = host.nano_cpus / 10'000;
    }
    if (host.cpu_realtime_period != 0) cpu.realtime_period = static_cast<std::uint64_t>(host.cpu_realtime_period);
    if (host.cpu_realtime_runtime != 0) cpu.realtime_runtime = host.cpu_realtime_runtime;
    cpu.cpus = host.cpuset_cpus;
    cpu.mems = host.cpuset_mems;
    return cpu;
}

runtime::MemoryLimits make_memory_limits(const HostConfig& host) {
    runtime::MemoryLimits memory;
    if (host.memory != 0) memory.limit = host.memory;
    if (host.memory_reservation != 0) memory.reservation = host.memory_reservation;
    // docker: without --memory-swap as much swap as memory again.
    if (host.memory_swap != 0) memory.swap = host.memory_swap;
    else if (host.memory > 0) memory.swap = host.memory * 2;
    if (host.memory_swappiness && *host.memory_swappiness >= 0) memory.swappiness = static_cast<std::uint64_t>(*host.memory_swappiness);
    memory.disable_oom_killer = host.oom_kill_disable;
    return memory;
}

}  // namespace

std::optional<std::string> container_of_mode(std::string_view mode) {
    constexpr std::string_view prefix = "container:";
    if (!mode.starts_with(prefix) || mode.size() == prefix.size()) return std::nullopt;
    return std::string(mode.substr(prefix.size()));
}

Result<void> check_host_config(const HostConfig& host) {
    const Security security = TRY(parse_security(host));
    if (!security.selinux.empty()) return Error(Kind::unsupported, "security option label: SELinux is not supported");
    TRY(runtime::adjust_capabilities(runtime::default_capabilities(), host.cap_add, host.cap_drop));
    if (!security.seccomp_profile.empty()) TRY(runtime::parse_seccomp_profile(security.seccomp_profile, {}), "seccomp profile");
    for (const Ulimit& limit : host.ulimits) TRY(make_rlimit(limit));
    TRY(check_mode("pid", host.pid_mode, {"host", "private", "container:"}));
    TRY(check_mode("ipc", host.ipc_mode, {"host", "private", "shareable", "none", "container:"}));
    TRY(check_mode("uts", host.uts_mode, {"host", "private"}));
    TRY(check_mode("userns", host.userns_mode, {"host"}));
    TRY(check_mode("cgroupns", host.cgroupns_mode, {"host", "private"}));
    TRY(check_log_config(host.log_config));
    if (host.memory != 0 && host.memory < (6 << 20))
        return Error(Kind::invalid, "minimum memory limit allowed is 6MB");
    if (host.memory > 0 && host.memory_reservation > host.memory)
        return Error(Kind::invalid, "the memory reservation must not be larger than the memory limit");
    if (host.memory_swappiness.value_or(-1) < -1 || host.memory_swappiness.value_or(-1) > 100)
        return Error(Kind::invalid, "memory swappiness must be from 0 to 100");
    if (const std::int64_t processors = ::sysconf(_SC_NPROCESSORS_ONLN); host.nano_cpus > processors * 1'000'000'000)
        return Error(Kind::invalid, cat("--cpus must be from 0.01 to ", processors, ", as many as this host has"));
    if (!host.storage_opt.empty())
        return Error(Kind::unsupported, cat("storage option ", host.storage_opt.begin()->first, ": the store keeps no quotas"))
            .with_hint("limit a volume instead: berth volume create -o type=tmpfs -o device=tmpfs -o o=size=1g NAME");
    if (host.memory_swap > 0 && host.memory > host.memory_swap)
        return Error(Kind::invalid, "minimum memoryswap limit should be larger than memory limit, see usage");
    if (host.nano_cpus != 0 && (host.cpu_quota != 0 || host.cpu_period != 0))
        return Error(Kind::invalid, "conflicting options: --cpus with --cpu-period or --cpu-quota");
    if (host.auto_remove && host.restart_policy.name != "no")
        return Error(Kind::invalid, "conflicting options: --restart and --rm");
    return {};
}

Result<std::optional<runtime::Seccomp>> make_seccomp(const HostConfig& host, const std::vector<std::string>& capabilities) {
    const Security security = TRY(parse_security(host));
    if (host.privileged || security.unconfined_seccomp) return std::optional<runtime::Seccomp>();
    if (security.seccomp_profile.empty()) return std::optional(runtime::default_seccomp(capabilities));
    return std::optional(TRY(runtime::parse_seccomp_profile(security.seccomp_profile, capabilities), "seccomp profile"));
}

Result<runtime::Resources> make_resources(const HostConfig& host, const SpecFacts& facts) {
    runtime::Resources out;
    if (const auto memory = make_memory_limits(host); memory != runtime::MemoryLimits{}) out.memory = memory;
    if (const auto cpu = make_cpu_limits(host); cpu != runtime::CpuLimits{}) out.cpu = cpu;
    if (host.pids_limit) out.pids = runtime::PidsLimit{*host.pids_limit > 0 ? *host.pids_limit : -1};
    runtime::BlockIoLimits io;
    if (host.blkio_weight != 0) io.weight = static_cast<std::uint16_t>(host.blkio_weight);
    for (const WeightDevice& device : host.blkio_weight_device) {
        const auto numbers = facts.device_numbers.find(device.path);
        if (numbers == facts.device_numbers.end()) return Error(Kind::not_found, cat(device.path, ": no such block device"));
        io.weight_device.push_back({numbers->second.first, numbers->second.second, static_cast<std::uint16_t>(device.weight), {}});
    }
    io.read_bps = TRY(make_throttles(host.blkio_device_read_bps, facts));
    io.write_bps = TRY(make_throttles(host.blkio_device_write_bps, facts));
    io.read_iops = TRY(make_throttles(host.blkio_device_read_iops, facts));
    io.write_iops = TRY(make_throttles(host.blkio_device_write_iops, facts));
    if (io != runtime::BlockIoLimits{}) out.block_io = std::move(io);
    return out;
}

Result<runtime::Spec> make_spec(const Definition& definition, const SpecFacts& facts) {
    const HostConfig& host = definition.host;
    runtime::Spec spec = runtime::default_spec();
    spec.mounts = runtime::default_mounts(static_cast<std::uint64_t>(host.shm_size));
    spec.root = runtime::RootSpec{definition.rootfs, host.readonly_rootfs};
    spec.hostname = definition.config.hostname;
    spec.domainname = definition.config.domainname;
    spec.annotations = host.annotations;
    spec.linux->cgroups_path = facts.cgroup_path;
    spec.linux->sysctl = host.sysctls;
    runtime::Resources resources = TRY(make_resources(host, facts));
    resources.devices = runtime::default_device_rules();
    spec.linux->resources = std::move(resources);
    TRY(apply_process(spec, definition, facts));
    TRY(apply_devices(spec, host, facts));
    apply_namespaces(spec, host, facts);
    const runtime::Namespace* pids = spec.find_namespace("pid");
    if (facts.last_pid > 0 && pids != nullptr && pids->path.empty()) spec.linux->sysctl.emplace("kernel.ns_last_pid", cat(facts.last_pid));
    apply_mounts(spec, definition, facts);
    // Last, since --privileged overrides devices, masks and the read-only mounts.
    TRY(apply_confinement(spec, host));
    return spec;
}

void add_links_to(Words& env, const Words& link_environment) {
    for (const std::string& entry : link_environment)
        if (!find_env(env, entry.substr(0, entry.find('=')))) env.push_back(entry);
}

void add_descriptor_limit(std::vector<runtime::Rlimit>& limits, const DescriptorLimit& limit) {
    constexpr std::string_view type = "RLIMIT_NOFILE";
    const bool is_given = std::any_of(limits.begin(), limits.end(), [&](const runtime::Rlimit& other) { return other.type == type; });
    if (!is_given) limits.push_back({.type = std::string(type), .hard = limit.hard, .soft = limit.soft});
}

Result<runtime::ProcessSpec> make_exec_process(const Definition& definition, const runtime::ResolvedUser& user,
                                               const ExecWishes& wishes) {
    const HostConfig& host = definition.host;
    runtime::ProcessSpec process;
    process.args = wishes.argv;
    Config config = definition.config;
    config.tty = wishes.tty;
    for (const std::string& entry : wishes.env) set_env(config.env, entry);
    process.env = make_environment(config, user.home);
    process.cwd = !wishes.working_dir.empty() ? wishes.working_dir : config.working_dir.empty() ? "/" : config.working_dir;
    process.user.uid = user.uid;
    process.user.gid = user.gid;
    process.user.additional_gids = user.additional_gids;
    process.terminal = wishes.tty;
    const Words capabilities = host.privileged || wishes.privileged
                                   ? runtime::all_capabilities()
                                   : TRY(runtime::adjust_capabilities(runtime::default_capabilities(), host.cap_add, host.cap_drop));
    runtime::Capabilities sets;
    sets.bounding = sets.effective = sets.permitted = capabilities;
    process.capabilities = std::move(sets);
    for (const Ulimit& limit : host.ulimits) process.rlimits.push_back(TRY(make_rlimit(limit)));
    const Security security = TRY(parse_security(host));
    process.no_new_privileges = security.no_new_privileges && !wishes.privileged;
    process.apparmor_profile = security.apparmor;
    return process;
}

}  // namespace berth::container
