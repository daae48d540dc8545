#include "runtime/defaults.h"

#include <cerrno>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "runtime/caps.h"
#include "runtime/seccomp.h"

namespace berth::runtime {

namespace {

Device char_device(const char* path, std::int64_t major, std::int64_t minor) {
    return {path, "c", major, minor, 0666, 0, 0};
}

DeviceRule allow_rule(const char* type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor, const char* access) {
    return {true, type, major, minor, access};
}

/// A node of the host's as a device of the container's; nothing for what is no device.
std::optional<HostDevice> read_device(const std::string& host_path, const std::string& container_path, const std::string& access) {
    struct stat status{};
    if (::stat(host_path.c_str(), &status) != 0) return std::nullopt;
    const bool is_char = S_ISCHR(status.st_mode);
    if (!is_char && !S_ISBLK(status.st_mode)) return std::nullopt;
    HostDevice out;
    out.device = {container_path, is_char ? "c" : "b", static_cast<std::int64_t>(major(status.st_rdev)),
                  static_cast<std::int64_t>(minor(status.st_rdev)), status.st_mode & 07777, status.st_uid, status.st_gid};
    out.rule = {true, out.device.type, out.device.major, out.device.minor, access};
    return out;
}

/// Terminals and what the runtime mounts itself are not the host's to give.
bool is_own_folder(const std::string& name) {
    return name == "pts" || name == "shm" || name == "fd" || name == "mqueue" || name == "console" || name == "ptmx" ||
           name == "core" || name == ".udev" || name == ".lxc" || name == ".lxd-mounts";
}

void collect_devices(const std::string& host, const std::string& inside, const std::string& access, std::vector<HostDevice>& out) {
    auto folder = sys::open(host, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder.ok()) return;
    for (const std::string& name : list_folder(folder.value()).value_or({})) {
        if (is_own_folder(name)) continue;
        const auto status = sys::fstatat(folder.value(), name);
        if (!status.ok()) continue;
        const std::string path = cat(host, "/", name), target = cat(inside, "/", name);
        if (S_ISDIR(status.value().st_mode)) collect_devices(path, target, access, out);
        else if (!S_ISLNK(status.value().st_mode))
            if (auto device = read_device(path, target, access)) out.push_back(std::move(*device));
    }
}

Mount make_mount(const char* target, const char* type, const char* source, Strings options) {
    return {target, type, source, std::move(options), {}, {}};
}

}  // namespace

const std::vector<std::string>& default_capabilities() {
    static const auto& names = *new std::vector<std::string>{
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP"};
    return names;
}

const std::vector<std::string>& default_masked_paths() {
    static const auto& paths = *new std::vector<std::string>{
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"};
    return paths;
}

const std::vector<std::string>& default_readonly_paths() {
    static const auto& paths = *new std::vector<std::string>{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                             "/proc/sysrq-trigger"};
    return paths;
}

const std::vector<Device>& default_devices() {
    static const auto& devices = *new std::vector<Device>{
        char_device("/dev/null", 1, 3), char_device("/dev/zero", 1, 5),    char_device("/dev/full", 1, 7),
        char_device("/dev/random", 1, 8), char_device("/dev/urandom", 1, 9), char_device("/dev/tty", 5, 0)};
    return devices;
}

std::vector<Mount> default_mounts(std::uint64_t shm_bytes) {
    return {
        make_mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
        make_mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        make_mount("/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
        make_mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        make_mount("/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}),
        make_mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        make_mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", cat("size=", shm_bytes)}),
    };
}

std::vector<DeviceRule> default_device_rules() {
    return {{false, "a", {}, {}, "rwm"},
            allow_rule("c", 5, 1, "rwm"),  // The console; the others are always allowed (device_rules.h).
            allow_rule("c", 10, 200, "m")};
}

const std::string& default_path_env() {
    static const auto& text = *new std::string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    return text;
}

Spec default_spec() {
    Spec spec;
    spec.root = RootSpec{};
    spec.mounts = default_mounts();
    ProcessSpec& process = spec.process.emplace();
    Capabilities& caps = process.capabilities.emplace();
    caps.bounding = caps.effective = caps.permitted = default_capabilities();
    process.oom_score_adj = 0;
    LinuxSpec& part = spec.linux.emplace();
    for (const char* type : {"mount", "network", "uts", "pid", "ipc", "cgroup"}) part.namespaces.push_back({type, ""});
    part.masked_paths = default_masked_paths();
    part.readonly_paths = default_readonly_paths();
    part.resources.emplace().devices = default_device_rules();
    part.seccomp = default_seccomp(default_capabilities());
    return spec;
}

Result<void> make_privileged(Spec& spec) {
    Capabilities& caps = spec.process->capabilities.emplace();
    caps.bounding = caps.effective = caps.permitted = all_capabilities();
    LinuxSpec& part = *spec.linux;
    part.masked_paths.clear();
    part.readonly_paths.clear();
    part.seccomp.reset();
    part.resources->devices = {{true, "a", {}, {}, "rwm"}};
    for (Mount& mount : spec.mounts)
        if (mount.type == "sysfs" || mount.type == "cgroup") std::erase(mount.options, "ro");
    for (HostDevice& device : TRY(host_devices("/dev", "/dev", "rwm"))) part.devices.push_back(std::move(device.device));
    return {};
}

Result<std::vector<HostDevice>> host_devices(const std::string& host_path, const std::string& container_path,
                                             const std::string& permissions) {
    std::vector<HostDevice> out;
    struct stat status{};
    if (::stat(host_path.c_str(), &status) != 0) return Error::of_errno(errno, cat("device ", host_path));
    if (S_ISDIR(status.st_mode)) {
        collect_devices(clean_path(host_path), clean_path(container_path), permissions, out);
        return out;
    }
    auto device = read_device(host_path, clean_path(container_path), permissions);
    if (!device) return Error(Kind::invalid, cat("device ", host_path, ": not a device node"));
    out.push_back(std::move(*device));
    return out;
}

}  // namespace berth::runtime
