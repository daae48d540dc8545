// From the texts of run and create to container::CreateOptions: the "resolve" of these commands, as far as the command
// line alone allows it. Everything about images, networks and the host is the engine's to judge.

#include <algorithm>
#include <cstdlib>
#include <set>

#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/container_options.h"
#include "cli/key_values.h"
#include "cli/texts.h"
#include "network/address.h"
#include "runtime/caps.h"

namespace berth::cli {
namespace {

using container::CreateOptions;
using container::HostConfig;

Result<container::Ulimit> parse_ulimit(const std::string& text) {
    const auto refused = [&] {
        return Error(Kind::invalid, cat("--ulimit '", text, "': expected NAME=SOFT[:HARD]"))
            .with_hint("such as nofile=1024:2048; -1 means unlimited");
    };
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return refused();
    const std::size_t colon = text.find(':', equals);
    const std::string soft_text = text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1);
    const auto soft = parse_integer(soft_text);
    const auto hard = parse_integer(colon == std::string::npos ? soft_text : text.substr(colon + 1));
    if (!soft.ok() || !hard.ok() || soft.value() < -1 || hard.value() < -1) return refused();
    const bool soft_is_more = hard.value() != -1 && (soft.value() == -1 || soft.value() > hard.value());
    if (soft_is_more) return Error(Kind::invalid, cat("--ulimit '", text, "': the soft limit is above the hard limit"));
    return container::Ulimit{text.substr(0, equals), soft.value(), hard.value()};
}

Result<container::DeviceMapping> parse_device(const std::string& text) {
    const std::vector<std::string> parts = split_text(text, ':');
    if (!text.starts_with('/') && text.find('=') != std::string::npos) return container::DeviceMapping{text, "", ""};
    container::DeviceMapping out;
    const auto is_mode = [](const std::string& part) {
        return !part.empty() && part.find_first_not_of("rwm") == std::string::npos;
    };
    if (parts.size() > 3 || !parts[0].starts_with('/'))
        return Error(Kind::invalid, cat("--device '", text, "': expected HOST[:CONTAINER[:rwm]] with absolute paths"));
    out.path_on_host = out.path_in_container = parts[0];
    if (parts.size() == 2 && is_mode(parts[1]))
        out.cgroup_permissions = parts[1];
    else if (parts.size() >= 2)
        out.path_in_container = parts[1];
    if (parts.size() == 3) out.cgroup_permissions = parts[2];
    if (!is_mode(out.cgroup_permissions) || !out.path_in_container.starts_with('/'))
        return Error(Kind::invalid, cat("--device '", text, "': expected HOST[:CONTAINER[:rwm]] with absolute paths"));
    return out;
}

Result<std::vector<container::ThrottleDevice>> parse_throttles(std::string_view option, const Words& texts,
                                                               Result<std::int64_t> (*parse)(std::string_view)) {
    std::vector<container::ThrottleDevice> out;
    for (const std::string& text : texts) {
        const std::size_t colon = text.rfind(':');
        if (colon == std::string::npos || !text.starts_with("/dev/"))
            return Error(Kind::invalid, cat(option, " '", text, "': expected /dev/DEVICE:LIMIT"));
        out.push_back({text.substr(0, colon), TRY(parse(text.substr(colon + 1)), option, " '", text, "'")});
    }
    return out;
}

Result<void> set_resources(const ContainerOptions& o, HostConfig& h) {
    h.memory = o.memory.value_or(0);
    h.memory_reservation = o.memory_reservation.value_or(0);
    h.memory_swap = o.memory_swap.value_or(0);
    h.memory_swappiness = o.memory_swappiness;
    h.nano_cpus = o.nano_cpus.value_or(0);
    if (h.nano_cpus > 0 && (o.cpu_period || o.cpu_quota))
        return Error(Kind::invalid, "--cpus and --cpu-period or --cpu-quota say the same thing twice: use one of them");
    h.cpu_shares = o.cpu_shares.value_or(0);
    h.cpu_period = o.cpu_period.value_or(0);
    h.cpu_quota = o.cpu_quota.value_or(0);
    h.cpu_realtime_period = o.cpu_rt_period.value_or(0);
    h.cpu_realtime_runtime = o.cpu_rt_runtime.value_or(0);
    h.cpuset_cpus = o.cpuset_cpus;
    h.cpuset_mems = o.cpuset_mems;
    h.pids_limit = o.pids_limit;
    if (o.shm_size) h.shm_size = *o.shm_size;
    h.oom_score_adj = o.oom_score_adj.value_or(0);
    if (h.oom_score_adj < -1000 || h.oom_score_adj > 1000)
        return Error(Kind::invalid, cat("--oom-score-adj ", h.oom_score_adj, ": must be from -1000 to 1000"));
    h.oom_kill_disable = o.oom_kill_disable;
    h.cgroup_parent = o.cgroup_parent;
    h.blkio_weight = o.blkio_weight.value_or(0);
    for (const std::string& text : o.ulimits) h.ulimits.push_back(TRY(parse_ulimit(text)));
    std::ranges::stable_sort(h.ulimits, {}, &container::Ulimit::name);
    for (const auto& weight : TRY(parse_throttles("--blkio-weight-device", o.blkio_weight_device, parse_integer)))
        h.blkio_weight_device.push_back({weight.path, weight.rate});
    h.blkio_device_read_bps = TRY(parse_throttles("--device-read-bps", o.read_bps, parse_size));
    h.blkio_device_write_bps = TRY(parse_throttles("--device-write-bps", o.write_bps, parse_size));
    h.blkio_device_read_iops = TRY(parse_throttles("--device-read-iops", o.read_iops, parse_integer));
    h.blkio_device_write_iops = TRY(parse_throttles("--device-write-iops", o.write_iops, parse_integer));
    return {};
}

bool is_plain_mode(std::string_view network) {
    return network == "host" || network == "none" || network.starts_with("container:");
}

// --network NAME, or name=…,alias=…,ip=…
Result<network::EndpointRequest> parse_network(const std::string& text) {
    network::EndpointRequest out;
    if (text.find('=') == std::string::npos) return out.network = text, out;
    for (const std::string& field : TRY(parse_csv(text), "--network")) {
        const std::size_t equals = field.find('=');
        const std::string key = lower_case(field.substr(0, equals));
        const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
        if (key == "name")
            out.network = value;
        else if (key == "alias")
            out.aliases.push_back(value);
        else if (key == "ip")
            out.ip = value;
        else if (key == "ip6")
            out.ip6 = value;
        else if (key == "mac-address")
            out.mac = value;
        else if (key == "link-local-ip")
            out.link_local_ips.push_back(value);
        else if (key == "gw-priority")
            out.gateway_priority = TRY(parse_integer(value), "--network: gw-priority");
        else if (key == "driver-opt") {
            for (const auto& [name, option] : TRY(parse_map("--network: driver-opt", {value}))) out.driver_options[name] = option;
        } else {
            return Error(Kind::invalid, cat("--network '", text, "': unknown field '", key, "'"))
                .with_hint("fields are name, alias, ip, ip6, mac-address, link-local-ip, driver-opt, gw-priority");
        }
    }
    if (out.network.empty()) return Error(Kind::invalid, cat("--network '", text, "': the field 'name' is missing"));
    return out;
}

Result<void> set_networks(const ContainerOptions& o, CreateOptions& out) {
    for (const std::string& text : o.networks) out.networks.push_back(TRY(parse_network(text)));
    const bool has_wishes = !o.network_aliases.empty() || !o.ip.empty() || !o.ip6.empty() || !o.mac_address.empty() ||
                            !o.links.empty() || !o.link_local_ips.empty();
    if (out.networks.empty() && has_wishes) out.networks.push_back({"bridge", {}, {}, "", "", {}, "", {}, 0});
    if (out.networks.empty()) return {};

    network::EndpointRequest& first = out.networks.front();
    if (is_plain_mode(first.network)) {
        if (out.networks.size() > 1)
            return Error(Kind::invalid, cat("network '", first.network, "' cannot be combined with another"));
        if (has_wishes)
            return Error(Kind::invalid,
                         cat("network '", first.network, "' takes no alias, address or link: there is no link of its own"));
        out.host.network_mode = first.network;
        out.networks.clear();
        return {};
    }
    for (const network::EndpointRequest& request : out.networks)
        if (is_plain_mode(request.network))
            return Error(Kind::invalid, cat("network '", request.network, "' cannot be combined with another"));
    // docker: the separate flags concern the first network.
    first.aliases.insert(first.aliases.end(), o.network_aliases.begin(), o.network_aliases.end());
    if (!o.ip.empty()) first.ip = o.ip;
    if (!o.ip6.empty()) first.ip6 = o.ip6;
    if (!o.mac_address.empty()) first.mac = o.mac_address;
    first.link_local_ips.insert(first.link_local_ips.end(), o.link_local_ips.begin(), o.link_local_ips.end());
    for (const std::string& link : o.links) {
        first.links.push_back(link.find(':') == std::string::npos ? cat(link, ":", link) : link);
        out.host.links.push_back(first.links.back());
    }
    out.host.network_mode = o.networks.empty() ? "default" : first.network;
    return {};
}

Result<void> set_ports(const ContainerOptions& o, CreateOptions& out) {
    out.host.port_bindings = TRY(parse_published(o.publish, o.publish_address));
    for (const std::string& text : o.expose)
        for (const network::ContainerPort& port : TRY(network::parse_expose(text))) out.config.exposed_ports[port.str()] = {};
    out.host.publish_all_ports = o.publish_all;
    if (o.publish_all && !o.publish_address.empty())
        return Error(Kind::invalid, cat("-P opens ports on every address, against --publish-address ", o.publish_address)).with_hint("publish them by -p");
    out.host.extra_hosts = o.add_hosts;
    for (std::string& host : out.host.extra_hosts) {
        // NAME=ADDRESS is the newer form; an IPv6 address may stand in brackets.
        const std::size_t mark = host.find_first_of(":=");
        if (mark == std::string::npos || mark == 0 || mark + 1 == host.size())
            return Error(Kind::invalid, cat("--add-host '", host, "': expected NAME:ADDRESS"));
        std::string address = host.substr(mark + 1);
        if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
        host = cat(host.substr(0, mark), ":", address);
    }
    for (const std::string& text : o.dns) out.host.dns.push_back(TRY(network::IpAddress::parse(text), "--dns").str());
    out.host.dns_search = o.dns_search;
    out.host.dns_options = o.dns_options;
    return {};
}

Result<void> set_storage(const ContainerOptions& o, CreateOptions& out) {
    const container::MountPaths paths{current_folder(), home_folder()};
    for (const std::string& text : o.volumes) {
        container::Mount mount = TRY(container::parse_volume_flag(text, paths));
        if (mount.type == container::MountType::volume && mount.source.empty())
            out.volumes_of_image.push_back(mount.target);
        else
            out.host.mounts.push_back(std::move(mount));
    }
    for (const std::string& text : o.mounts) out.host.mounts.push_back(TRY(container::parse_mount_flag(text, paths)));
    for (const std::string& text : o.tmpfs) out.host.mounts.push_back(TRY(container::parse_tmpfs_flag(text)));
    out.host.volumes_from = o.volumes_from;
    out.host.volume_driver = o.volume_driver;
    out.host.readonly_rootfs = o.read_only;
    out.host.storage_opt = TRY(parse_map("--storage-opt", o.storage_opt));
    for (const std::string& text : o.devices) out.host.devices.push_back(TRY(parse_device(text)));
    out.host.device_cgroup_rules = o.device_rules;
    for (const std::string& text : o.gpus) {
        // Graphics processors are CDI devices; the vendor's description on the host says what they are made of.
        const std::string which = text.starts_with("device=") ? text.substr(7) : text;
        out.host.devices.push_back({cat("nvidia.com/gpu=", which), "", ""});
    }
    return {};
}

// docker: a seccomp profile is a file of the caller's, so its text goes into the record.
Result<std::string> read_security_option(const std::string& text) {
    const std::size_t mark = text.find_first_of("=:");
    const std::string key = text.substr(0, mark);
    const std::string value = mark == std::string::npos ? "" : text.substr(mark + 1);
    if (key != "seccomp") return mark == std::string::npos ? text : cat(key, "=", value);
    if (value == "unconfined" || value == "builtin") return cat("seccomp=", value);
    const std::string profile = TRY(read_file(value, 4u << 20), "--security-opt seccomp");
    return cat("seccomp=", json_text(TRY(parse_json(profile), "--security-opt seccomp: ", value)));
}

/// As docker keeps them: whole names, in order, once.
Result<Words> capability_names(const Words& words) {
    std::set<std::string> names;
    for (const std::string& word : words) {
        const bool means_all = word.size() == 3 && ::strcasecmp(word.c_str(), "all") == 0;
        names.insert(means_all ? "ALL" : runtime::capability_name(TRY(runtime::parse_capability(word))));
    }
    return Words(names.begin(), names.end());
}

Result<void> set_security(const ContainerOptions& o, HostConfig& h) {
    h.privileged = o.privileged;
    h.cap_add = TRY(capability_names(o.cap_add));
    h.cap_drop = TRY(capability_names(o.cap_drop));
    for (const std::string& text : o.security_opt) {
        if (text == "systempaths=unconfined" || text == "systempaths:unconfined") {
            h.masked_paths = h.readonly_paths = Words{};
            continue;
        }
        h.security_opt.push_back(TRY(read_security_option(text)));
    }
    h.sysctls = TRY(parse_map("--sysctl", o.sysctls));
    h.userns_mode = o.userns;
    h.pid_mode = o.pid;
    h.ipc_mode = o.ipc;
    h.uts_mode = o.uts;
    h.cgroupns_mode = o.cgroupns;
    if (!o.runtime.empty() && o.runtime != "runc" && o.runtime != "berth")
        return Error(Kind::unsupported, cat("--runtime '", o.runtime, "': berth is its own runtime"))
            .with_hint("leave --runtime out");
    h.runtime = o.runtime;
    return {};
}

Result<void> set_health(const ContainerOptions& o, CreateOptions& out) {
    HealthConfig health;
    if (o.health_cmd) health.test = o.health_cmd->empty() ? Words{} : Words{"CMD-SHELL", *o.health_cmd};
    health.interval = o.health_interval.value_or(Duration{});
    health.timeout = o.health_timeout.value_or(Duration{});
    health.start_period = o.health_start_period.value_or(Duration{});
    health.start_interval = o.health_start_interval.value_or(Duration{});
    health.retries = o.health_retries.value_or(0);
    for (const auto& [name, duration] : {std::pair("--health-interval", health.interval),
                                         {"--health-timeout", health.timeout},
                                         {"--health-start-period", health.start_period},
                                         {"--health-start-interval", health.start_interval}})
        if (duration.nanoseconds < 0) return Error(Kind::invalid, cat(name, ": cannot be negative"));
    if (health.retries < 0) return Error(Kind::invalid, "--health-retries: cannot be negative");
    if (o.no_healthcheck) {
        if (health != HealthConfig{}) return Error(Kind::invalid, "--no-healthcheck contradicts the --health options beside it");
        health.test = {"NONE"};
    }
    if (health != HealthConfig{}) out.config.healthcheck = health;
    out.host.health_on_failure = o.health_on_failure;
    return {};
}

// NAME=COMMAND[,restart=…][,user=…][,after=A]: commas that start no known key belong to the command.
Result<container::ProcessRequest> parse_process(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        return Error(Kind::invalid, cat("--proc '", text, "': expected NAME=COMMAND"));
    container::ProcessRequest out;
    out.name = text.substr(0, equals);
    std::string command;
    for (const std::string& part : split_text(text.substr(equals + 1), ',')) {
        if (part.starts_with("restart="))
            out.restart = TRY(container::parse_restart_policy(part.substr(8)), "--proc ", out.name);
        else if (part.starts_with("user="))
            out.user = part.substr(5);
        else if (part.starts_with("after="))
            out.after.push_back(part.substr(6));
        else
            command += cat(command.empty() ? "" : ",", part);
    }
    const bool needs_shell = command.find_first_of("\"'\\|&;<>()$`*?[#~%{}") != std::string::npos;
    if (needs_shell)
        out.command = {"/bin/sh", "-c", command};
    else
        for (std::string& word : split_text(command, ' '))
            if (!word.empty()) out.command.push_back(std::move(word));
    return out;
}

Result<void> set_life(const ContainerOptions& o, HostConfig& h) {
    h.auto_remove = o.remove;
    if (!o.restart.empty()) h.restart_policy = TRY(container::parse_restart_policy(o.restart));
    if (o.remove && h.restart_policy.name != "no")
        return Error(Kind::invalid, "--restart and --rm contradict each other: a container that is removed cannot be restarted");
    if (!o.log_driver.empty()) h.log_config.type = o.log_driver;
    h.log_config.options = TRY(parse_map("--log-opt", o.log_opt));
    h.init = o.init;
    h.requires_ = o.requires_;
    for (const std::string& text : o.processes) h.processes.push_back(TRY(parse_process(text)));
    h.end_when = o.end_when;
    h.timezone = o.timezone;
    h.umask = o.umask;
    h.container_id_file = o.cidfile;
    h.annotations = TRY(parse_map("--annotation", o.annotations));
    h.group_add = o.group_add;
    return {};
}

Result<void> set_process(const ContainerOptions& o, const Words& words, CreateOptions& out) {
    container::Config& c = out.config;
    const std::size_t command_at = o.rootfs.empty() ? 1 : 0;
    if (command_at == 1) c.image = words[0];
    if (words.size() > command_at) c.cmd = Words(words.begin() + static_cast<long>(command_at), words.end());
    if (o.entrypoint) c.entrypoint = o.entrypoint->empty() ? Words{} : Words{*o.entrypoint};
    c.hostname = o.hostname;
    c.domainname = o.domainname;
    c.user = o.user;
    c.working_dir = o.working_dir;
    if (!c.working_dir.empty() && !c.working_dir.starts_with('/'))
        return Error(Kind::invalid, cat("the working folder '", c.working_dir, "' is invalid, it needs to be an absolute path"));
    c.tty = o.tty;
    c.open_stdin = o.interactive;
    c.env = TRY(read_environment(o.env_files, o.env));
    c.labels = TRY(read_labels(o.label_files, o.labels));
    if (!o.stop_signal.empty()) {
        TRY(Signal::parse(o.stop_signal), "--stop-signal");
        c.stop_signal = o.stop_signal;
    }
    c.stop_timeout = o.stop_timeout;
    c.mac_address = o.mac_address;
    for (const std::string& stream : o.attach) {
        const std::string name = lower_case(stream);
        if (name == "stdin")
            c.attach_stdin = true;
        else if (name == "stdout")
            c.attach_stdout = true;
        else if (name == "stderr")
            c.attach_stderr = true;
        else
            return Error(Kind::invalid, cat("--attach '", stream, "': valid streams are stdin, stdout and stderr"));
    }
    return {};
}

}  // namespace

std::string current_folder() {
    char path[4096];
    return ::getcwd(path, sizeof path) != nullptr ? path : "/";
}

std::string home_folder() {
    const char* home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? home : "/root";
}

Result<std::vector<network::PortMapping>> parse_published(const Words& texts, const std::string& address) {
    std::vector<network::PortMapping> out;
    std::string host;
    if (!address.empty()) host = TRY(network::IpAddress::parse(address), "--publish-address").str();
    for (const std::string& text : texts) {
        network::PortMapping& mapping = out.emplace_back(TRY(network::PortMapping::parse(text)));
        if (mapping.host_ip.empty()) mapping.host_ip = host;
    }
    return out;
}

Result<CreateOptions> make_create_options(const ContainerOptions& options, const Words& words) {
    CreateOptions out;
    out.name = options.name;
    out.rootfs = options.rootfs;
    out.platform = options.platform;
    out.cidfile = options.cidfile;
    out.pidfile = options.pidfile;
    out.replace = options.replace;
    TRY(set_process(options, words, out));
    TRY(set_resources(options, out.host));
    TRY(set_networks(options, out));
    TRY(set_ports(options, out));
    TRY(set_storage(options, out));
    TRY(set_security(options, out.host));
    TRY(set_health(options, out));
    TRY(set_life(options, out.host));
    return out;
}

}  // namespace berth::cli
