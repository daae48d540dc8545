#include "cli/as_run.h"

#include "cli/texts.h"

namespace berth::cli {
namespace {

class CommandLine {
public:
    void word(std::string_view text) { out_ += cat(out_.empty() ? "" : " ", shell_quoted(text)); }
    void option(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        word(name);
        word(value);
    }
    void flag(std::string_view name, bool is_set) {
        if (is_set) word(name);
    }
    void number(std::string_view name, std::int64_t value) {
        if (value != 0) option(name, cat(value));
    }
    void all(std::string_view name, const std::vector<std::string>& values) {
        for (const std::string& value : values) option(name, value);
    }
    std::string take() && { return std::move(out_); }

private:
    std::string out_;
};

std::string mount_text(const container::Mount& mount) {
    if (mount.type == container::MountType::bind || mount.type == container::MountType::volume)
        return container::bind_text(mount);
    return cat("type=", container::mount_type_text(mount.type), mount.source.empty() ? "" : cat(",source=", mount.source),
               ",target=", mount.target, mount.read_only ? ",readonly" : "");
}

void add_storage(CommandLine& line, const container::HostConfig& h) {
    for (const container::Mount& mount : h.mounts) {
        if (mount.type == container::MountType::tmpfs)
            line.option("--tmpfs", mount.tmpfs_options.empty() ? mount.target : cat(mount.target, ":", mount.tmpfs_options));
        else
            line.option(mount.type == container::MountType::image ? "--mount" : "-v", mount_text(mount));
    }
    line.all("--volumes-from", h.volumes_from);
    line.flag("--read-only", h.readonly_rootfs);
    for (const auto& device : h.devices)
        line.option("--device", cat(device.path_on_host, ":", device.path_in_container, ":", device.cgroup_permissions));
}

void add_network(CommandLine& line, const container::Record& record) {
    const container::HostConfig& h = record.definition.host;
    if (record.definition.networks.empty() && h.network_mode != "default" && h.network_mode != "bridge")
        line.option("--network", h.network_mode);
    for (const network::EndpointRequest& request : record.definition.networks) {
        if (request.network == "bridge" || request.network == "default") continue;
        line.option("--network", request.network);
        line.all("--network-alias", request.aliases);
        line.option("--ip", request.ip);
        line.option("--ip6", request.ip6);
    }
    for (const network::PortMapping& mapping : h.port_bindings) line.option("-p", mapping.str());
    line.flag("-P", h.publish_all_ports);
    line.all("--add-host", h.extra_hosts);
    line.all("--dns", h.dns);
    line.all("--link", h.links);
}

void add_limits(CommandLine& line, const container::HostConfig& h) {
    line.number("-m", h.memory);
    line.number("--memory-reservation", h.memory_reservation);
    line.number("--memory-swap", h.memory_swap);
    if (h.nano_cpus != 0) {
        std::string fraction = cat(1'000'000'000 + h.nano_cpus % 1'000'000'000).substr(1);
        while (fraction.ends_with('0')) fraction.pop_back();
        line.option("--cpus", cat(h.nano_cpus / 1'000'000'000, fraction.empty() ? "" : ".", fraction));
    }
    line.number("--cpu-shares", h.cpu_shares);
    line.option("--cpuset-cpus", h.cpuset_cpus);
    if (h.pids_limit) line.number("--pids-limit", *h.pids_limit);
    for (const container::Ulimit& limit : h.ulimits) line.option("--ulimit", cat(limit.name, "=", limit.soft, ":", limit.hard));
    if (h.shm_size != 64ll << 20) line.number("--shm-size", h.shm_size);
}

void add_security(CommandLine& line, const container::HostConfig& h) {
    line.flag("--privileged", h.privileged);
    line.all("--cap-add", h.cap_add);
    line.all("--cap-drop", h.cap_drop);
    line.all("--security-opt", h.security_opt);
    for (const auto& [key, value] : h.sysctls) line.option("--sysctl", cat(key, "=", value));
    line.option("--pid", h.pid_mode);
    if (h.ipc_mode != "private") line.option("--ipc", h.ipc_mode);
    line.option("--uts", h.uts_mode);
    line.option("--userns", h.userns_mode);
    if (h.cgroupns_mode != "private") line.option("--cgroupns", h.cgroupns_mode);
}

std::string restart_text(const container::RestartPolicy& policy) {
    if (policy.name == "no") return "";
    return policy.maximum_retry_count > 0 ? cat(policy.name, ":", policy.maximum_retry_count) : policy.name;
}

}  // namespace

std::string shell_quoted(std::string_view word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

Result<std::string> run_command_of(const container::Record& record) {
    const container::Definition& d = record.definition;
    CommandLine line;
    for (const std::string_view word : {"berth", "run"}) line.word(word);
    line.flag("-d", !d.config.attach_stdout);
    line.flag("-i", d.config.open_stdin);
    line.flag("-t", d.config.tty);
    line.flag("--rm", d.host.auto_remove);
    line.option("--name", d.name);
    if (!record.id().starts_with(d.config.hostname)) line.option("--hostname", d.config.hostname);
    line.option("--user", d.config.user);
    line.option("--workdir", d.config.working_dir);
    line.option("--restart", restart_text(d.host.restart_policy));
    line.flag("--init", d.host.init.value_or(false));
    line.all("-e", d.config.env);
    for (const auto& [key, value] : d.config.labels) line.option("-l", cat(key, "=", value));
    add_network(line, record);
    add_storage(line, d.host);
    add_limits(line, d.host);
    add_security(line, d.host);
    // The command as it ran: an entrypoint of one word and its arguments say the same as ENTRYPOINT and CMD together.
    const bool has_entrypoint = d.config.entrypoint && !d.config.entrypoint->empty();
    if (has_entrypoint) line.option("--entrypoint", d.path);
    line.option("--rootfs", d.rootfs);
    if (d.rootfs.empty()) line.word(d.config.image);
    if (!has_entrypoint) line.word(d.path);
    for (const std::string& argument : d.args) line.word(argument);
    return std::move(line).take();
}

}  // namespace berth::cli
