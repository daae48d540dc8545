#include "runtime/validate.h"

#include <algorithm>

#include "base/root.h"
#include "runtime/plan_make.h"
#include "runtime/users.h"

namespace berth::runtime {

namespace {

Error invalid(std::string text) { return Error(Kind::invalid, std::move(text)); }

/// What lxcfs and others lay over single files of /proc; the rest of /proc stays the kernel's (CVE-2015-3630).
constexpr std::string_view allowed_below_proc[] = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
    "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"};

Result<void> check_proc_mount(const Mount& mount, const std::string& where) {
    const std::string path = clean_path(mount.destination);
    if (path == "/proc") {
        if (mount.type == "proc") return {};
        const bool bind = std::find(mount.options.begin(), mount.options.end(), "rbind") != mount.options.end() ||
                          std::find(mount.options.begin(), mount.options.end(), "bind") != mount.options.end();
        if (bind && clean_path(mount.source) == "/proc") return {};
        return invalid(cat(where, ": only proc may be mounted on /proc"));
    }
    if (!path.starts_with("/proc/")) return {};
    const bool allowed = std::find(std::begin(allowed_below_proc), std::end(allowed_below_proc), path) != std::end(allowed_below_proc);
    if (!allowed) return invalid(cat(where, ": '", path, "' cannot be mounted because it is inside /proc"));
    return {};
}

Result<void> check_mounts(const Spec& spec) {
    for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
        const Mount& mount = spec.mounts[i];
        const std::string where = cat("mounts[", i, "].destination");
        if (mount.destination.empty()) return invalid(cat(where, ": is empty"));
        // runc accepts relative ones with a warning; they mean "below /".
        TRY(check_proc_mount(mount, where));
        if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
            return invalid(cat("mounts[", i, "]: uidMappings and gidMappings come together"));
    }
    return {};
}

Result<void> check_namespaces(const Spec& spec) {
    const auto& spaces = spec.linux->namespaces;
    for (std::size_t i = 0; i < spaces.size(); ++i) {
        TRY(namespace_flag(spaces[i].type), "linux.namespaces[", i, "].type");
        for (std::size_t j = 0; j < i; ++j)
            if (spaces[j].type == spaces[i].type)
                return invalid(cat("linux.namespaces[", i, "]: duplicated namespace '", spaces[i].type, "'"));
    }
    return {};
}

Result<void> check_user_namespace(const Spec& spec) {
    const Namespace* user = spec.find_namespace("user");
    const LinuxSpec& part = *spec.linux;
    if (user == nullptr && (!part.uid_mappings.empty() || !part.gid_mappings.empty()))
        return invalid("linux.uidMappings: there is no user namespace to map for");
    if (user != nullptr && user->path.empty() && (part.uid_mappings.empty() || part.gid_mappings.empty()))
        return invalid("linux.namespaces: a new user namespace needs uidMappings and gidMappings");
    return {};
}

Result<void> check_names(const Spec& spec) {
    if (!spec.hostname.empty() && spec.find_namespace("uts") == nullptr)
        return invalid("hostname: unable to set hostname without a private UTS namespace");
    if (!spec.domainname.empty() && spec.find_namespace("uts") == nullptr)
        return invalid("domainname: unable to set domainname without a private UTS namespace");
    const auto sysctl = spec.linux->sysctl.find("kernel.domainname");
    if (!spec.domainname.empty() && sysctl != spec.linux->sysctl.end() && sysctl->second != spec.domainname)
        return invalid("linux.sysctl: kernel.domainname and domainname name two domains");
    if (!spec.linux->time_offsets.empty() && spec.find_namespace("time") == nullptr)
        return invalid("linux.timeOffsets: time namespace offsets are given without a time namespace");
    for (const auto& [clock, offset] : spec.linux->time_offsets)
        if (clock != "monotonic" && clock != "boottime") return invalid(cat("linux.timeOffsets: unknown clock '", clock, "'"));
    return {};
}

Result<void> check_user(const User& user) {
    if (user.uid > highest_id) return invalid(cat("process.user.uid: is out of range: 0 to ", highest_id));
    if (user.gid > highest_id) return invalid(cat("process.user.gid: is out of range: 0 to ", highest_id));
    for (const std::uint32_t gid : user.additional_gids)
        if (gid > highest_id) return invalid(cat("process.user.additionalGids: out of range: 0 to ", highest_id));
    return {};
}

Result<void> check_hooks(const std::vector<Hook>& hooks, std::string_view name) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        if (!hooks[i].path.starts_with('/')) return invalid(cat("hooks.", name, "[", i, "].path: is not absolute"));
    return {};
}

bool has_zero(const std::string& text) { return text.find('\0') != std::string::npos; }

}  // namespace

Result<void> validate_process(const ProcessSpec& process) {
    TRY(check_user(process.user));
    if (process.args.empty() || process.args[0].empty()) return invalid("process.args: must not be empty");
    // The kernel would cut it there, and run or show something else than was looked at.
    if (std::ranges::any_of(process.args, has_zero)) return invalid("process.args: a word has a zero byte in it");
    if (!process.cwd.starts_with('/')) return invalid("process.cwd: must be an absolute path");
    if (has_zero(process.cwd)) return invalid("process.cwd: has a zero byte in it");
    for (const std::string& entry : process.env) {
        if (has_zero(entry)) return invalid("process.env: an entry has a zero byte in it");
        if (entry.find('=') == std::string::npos || entry.starts_with('='))
            return invalid(cat("process.env: '", entry, "' is not NAME=VALUE"));
    }
    for (std::size_t i = 0; i < process.rlimits.size(); ++i) {
        const Rlimit& limit = process.rlimits[i];
        if (limit.soft > limit.hard) return invalid(cat("process.rlimits[", i, "]: soft limit is higher than hard"));
        for (std::size_t j = 0; j < i; ++j)
            if (process.rlimits[j].type == limit.type)
                return invalid(cat("process.rlimits[", i, "]: duplicated '", limit.type, "'"));
    }
    return {};
}

Result<void> validate_spec(const Spec& spec) {
    if (!spec.process) return invalid("process: is missing");
    if (!spec.linux) return invalid("linux: is missing");
    TRY(validate_process(*spec.process));
    TRY(check_namespaces(spec));
    TRY(check_user_namespace(spec));
    TRY(check_names(spec));
    TRY(check_mounts(spec));
    const Hooks hooks = spec.hooks.value_or(Hooks{});
    TRY(check_hooks(hooks.prestart, "prestart"));
    TRY(check_hooks(hooks.create_runtime, "createRuntime"));
    TRY(check_hooks(hooks.create_container, "createContainer"));
    TRY(check_hooks(hooks.start_container, "startContainer"));
    TRY(check_hooks(hooks.poststart, "poststart"));
    return check_hooks(hooks.poststop, "poststop");
}

}  // namespace berth::runtime
