// `spec`: a config.json to begin with, the one that runc writes.

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "cli/oci/commands.h"
#include "runtime/cgroup.h"
#include "runtime/defaults.h"
#include "runtime/spec.h"

namespace berth::cli {

namespace {

runtime::Mount mount(const char* target, const char* type, const char* source, runtime::Strings options) {
    return {target, type, source, std::move(options), {}, {}};
}

runtime::ProcessSpec example_process() {
    runtime::ProcessSpec process;
    process.terminal = true;
    process.args = {"sh"};
    process.env = {runtime::default_path_env(), "TERM=xterm"};
    process.cwd = "/";
    runtime::Capabilities& caps = process.capabilities.emplace();
    caps.bounding = caps.effective = caps.permitted = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    process.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
    process.no_new_privileges = true;
    return process;
}

runtime::Spec example_spec() {
    runtime::Spec spec;
    spec.oci_version = "1.3.0";
    spec.process = example_process();
    spec.root = runtime::RootSpec{"rootfs", true};
    spec.hostname = "runc";
    spec.mounts = {
        mount("/proc", "proc", "proc", {}),
        mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        mount("/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
        mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
        mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}),
    };
    runtime::LinuxSpec& part = spec.linux.emplace();
    part.resources.emplace().devices = {{false, "", {}, {}, "rwm"}};
    for (const char* type : {"pid", "network", "ipc", "uts", "mount"}) part.namespaces.push_back({type, ""});
    if (runtime::cgroup_layout() == runtime::CgroupLayout::v2) part.namespaces.push_back({"cgroup", ""});
    part.masked_paths = runtime::default_masked_paths();
    part.readonly_paths = runtime::default_readonly_paths();
    return spec;
}

/// runc's --rootless: a user namespace that maps only the caller, and nothing that would need more.
void make_rootless(runtime::Spec& spec) {
    runtime::LinuxSpec& part = *spec.linux;
    std::erase_if(part.namespaces, [](const runtime::Namespace& space) { return space.type == "network" || space.type == "user"; });
    part.namespaces.push_back({"user", ""});
    part.uid_mappings = {{0, ::geteuid(), 1}};
    part.gid_mappings = {{0, ::getegid(), 1}};
    part.resources.reset();
    for (runtime::Mount& one : spec.mounts) {
        std::erase_if(one.options, [](const std::string& option) { return option.starts_with("gid=") || option.starts_with("uid="); });
        if (one.destination == "/sys") one = mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"});
    }
}

}  // namespace

Result<int> oci_spec(const OciCall& call) {
    Parser parser;
    std::string bundle = ".";
    bool rootless = false;
    parser.about(oci_about("spec"));
    parser.usage("", 0, 0);
    parser.text("-b,--bundle", bundle, "FOLDER", "Folder with config.json");
    parser.flag("--rootless", rootless, "For a user who is not root");
    const auto words = TRY(read_words(parser, call, "spec"));
    if (!words) return 0;
    runtime::Spec spec = example_spec();
    if (rootless) make_rootless(spec);
    const Fd folder = TRY(sys::open(bundle, O_RDONLY | O_DIRECTORY));
    auto out = sys::openat(folder, "config.json", O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (!out.ok() && out.error().kind() == Kind::exists)
        return Error(Kind::exists, "file config.json exists. Remove it first");
    const Fd file = TRY(std::move(out));
    TRY(sys::write_all(file, json_text(runtime::spec_json(spec), JsonStyle::indented) + "\n"), "config.json");
    return 0;
}

}  // namespace berth::cli
