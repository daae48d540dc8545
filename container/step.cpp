#include "container/step.h"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "container/changes.h"
#include "container/launch.h"
#include "network/networks.h"

namespace berth::container {

namespace {

Definition make_definition(const StepRequest& request, const ContainerId& id) {
    Definition out;
    out.id = id.str();
    out.name = cat("build-", id.short_id());
    Config& config = out.config;
    config.hostname = "buildkitsandbox";
    config.user = request.user;
    config.env = request.env;
    config.working_dir = request.working_dir;
    config.entrypoint = Words();
    config.cmd = request.argv;
    HostConfig& host = out.host;
    host.network_mode = request.network.empty() ? "default" : request.network;
    host.extra_hosts = request.extra_hosts;
    host.dns = request.dns;
    host.shm_size = request.shm_size;
    host.ulimits = request.ulimits;
    host.cgroup_parent = request.cgroup_parent;
    host.memory = request.memory;
    host.memory_swap = request.memory_swap;
    host.cpu_shares = request.cpu_shares;
    host.cpu_period = request.cpu_period;
    host.cpu_quota = request.cpu_quota;
    host.cpuset_cpus = request.cpuset_cpus;
    host.cpuset_mems = request.cpuset_mems;
    host.privileged = request.privileged;
    host.security_opt = request.security_opt;
    const bool has_links = host.network_mode != "none" && host.network_mode != "host";
    if (has_links) out.networks.emplace_back().network = host.network_mode == "default" ? "bridge" : host.network_mode;
    return out;
}

ExtraMount make_extra(StepMount& mount, const std::string& working_dir) {
    ExtraMount out;
    out.mount.destination = join_path(working_dir, mount.target);
    if (mount.type == StepMount::Type::tmpfs) {
        out.mount.type = "tmpfs";
        out.mount.source = "tmpfs";
        if (mount.tmpfs_size > 0) out.mount.options.push_back(cat("size=", mount.tmpfs_size));
        return out;
    }
    out.mount.type = "bind";
    out.mount.source = cat("/proc/self/fd/", mount.source.raw());
    out.mount.options = {"rbind", "rprivate"};
    if (mount.read_only) out.mount.options.emplace_back("rro");
    out.source = std::move(mount.source);
    return out;
}

/// Takes an empty file or folder out of the layer that was only made to mount something on. What the step itself wrote
/// there cannot be meant: it saw the mount, not this. No link is followed: it is the step's by now, and may lead to the host
/// (CVE-2024-23652).
void remove_target(const Root& upper, const std::string& name, int flags) {
    const std::size_t slash = name.rfind('/');
    const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
    const auto above = upper.open_beneath(slash == std::string::npos ? "." : name.substr(0, slash), O_PATH | O_DIRECTORY);
    if (!above.ok()) return;
    const auto status = sys::fstatat(above.value(), last);
    if (!status.ok()) return;
    const bool is_empty_file = S_ISREG(status.value().st_mode) && status.value().st_size == 0;
    if (flags == AT_REMOVEDIR ? S_ISDIR(status.value().st_mode) : is_empty_file) ::unlinkat(above.value().raw(), last.c_str(), flags);
}

/// The places below `/` that exist only because the start mounted something there, for one layer.
class MadeTargets {
public:
    /// Notes which of them the image below lacks: those alone may go afterwards.
    static MadeTargets look(const StepRequest& request, const std::vector<ExtraMount>& extras) {
        MadeTargets out;
        std::vector<Root> image;
        if (auto upper = Root::open(request.upper); upper.ok()) image.push_back(std::move(upper).value());
        for (const std::string& layer : request.layers)
            if (auto root = Root::open(layer); root.ok()) image.push_back(std::move(root).value());
        for (const MountTarget& target : usual_mount_targets)
            out.add(image, std::string(target.path.substr(1)), target.is_folder ? AT_REMOVEDIR : 0);
        for (const ExtraMount& extra : extras) {
            const std::string name = extra.mount.destination.substr(1);
            struct stat status{};
            const bool is_file = extra.source.valid() && ::fstat(extra.source.raw(), &status) == 0 && !S_ISDIR(status.st_mode);
            out.add(image, name, is_file ? 0 : AT_REMOVEDIR);
        }
        return out;
    }
    void remove(const std::string& upper) const {
        const auto folder = Root::open(upper);
        if (!folder.ok()) return;
        for (const auto& [name, flags] : missing_) {
            remove_target(folder.value(), name, flags);
            // Folders that were made on the way to it, deepest first, while they are empty.
            for (std::size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0; slash = name.rfind('/', slash - 1)) {
                const std::string above = name.substr(0, slash);
                if (missing_folders_.contains(above)) remove_target(folder.value(), above, AT_REMOVEDIR);
            }
        }
    }

private:
    static bool is_in_image(const std::vector<Root>& image, const std::string& name) {
        return std::any_of(image.begin(), image.end(), [&](const Root& layer) { return layer.open_at(name, O_PATH | O_NOFOLLOW).ok(); });
    }
    void add(const std::vector<Root>& image, const std::string& name, int flags) {
        if (!is_in_image(image, name)) missing_.emplace_back(name, flags);
        for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
            if (!is_in_image(image, name.substr(0, slash))) missing_folders_.insert(name.substr(0, slash));
    }
    std::vector<std::pair<std::string, int>> missing_;
    std::set<std::string> missing_folders_;
};

/// <run>/steps/<id>: hosts, hostname and resolv.conf while the step runs. Its lock says that the builder lives.
struct StepFolder {
    std::string path;
    DirLock lock;
};

Result<StepFolder> make_step_folder(const std::string& steps, const ContainerId& id) {
    std::string path = cat(steps, '/', id.str());
    for (;;) {
        TRY(make_host_folders(path, 0700));
        auto folder = sys::open(path, O_RDONLY | O_DIRECTORY);
        if (!folder.ok() && folder.error().code() == ENOENT) continue;
        Fd opened = TRY(std::move(folder));
        DirLock lock = TRY(DirLock::wait(std::move(opened), LockMode::exclusive));
        // Between its making and its lock a folder looks as if its builder were dead, and another step may have swept it.
        const struct stat status = TRY(sys::fstat(lock.fd()));
        if (status.st_nlink != 0) return StepFolder{std::move(path), std::move(lock)};
    }
}

/// Takes away what a step left whose builder was killed: its process died with it, its cgroup, link and files are here.
Result<void> remove_step(Engine& engine, const Fd& steps, const std::string& name) {
    const ContainerId id = TRY(ContainerId::parse(name));
    runtime::CgroupRequest request;
    request.path = cat("/berth/", name);
    runtime::Cgroup cgroup = TRY(runtime::Cgroup::create(request));
    TRY(cgroup.kill_all());
    TRY(cgroup.remove());
    network::Networks* networks = TRY(engine.networks());
    TRY(network::detach(*networks, id));
    return remove_tree(steps, name);
}

Result<void> sweep_steps(Engine& engine, const std::string& path) {
    TRY(make_host_folders(path, 0700));
    const Fd steps = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    const std::vector<std::string> names = TRY(list_folder(steps));
    for (const std::string& name : names) {
        auto folder = sys::openat(steps, name, O_RDONLY | O_DIRECTORY);
        if (!folder.ok()) continue;
        const auto lock = DirLock::try_now(std::move(folder).value(), LockMode::exclusive);
        if (lock.ok()) ignore(remove_step(engine, steps, name), "the next build tries again");
    }
    return {};
}

Result<ExitStatus> run_launched(Launch& launch) {
    TRY(launch.init->release());
    Child child = std::move(*launch.init).into_child();
    launch.init.reset();
    return child.wait();
}

}  // namespace

Result<ExitStatus> run_step(Engine& engine, StepRequest request) {
    const ContainerId id = ContainerId::make_random();
    const Definition definition = make_definition(request, id);
    TRY(check_host_config(definition.host));
    const std::string steps = engine.paths().run_root + "/steps";
    TRY(sweep_steps(engine, steps));
    const StepFolder files = TRY(make_step_folder(steps, id));

    Launch launch(engine, definition);
    launch.overlay.lowers = request.layers;
    launch.overlay.upper = request.upper;
    launch.overlay.work = request.work;
    launch.overlay.is_volatile = true;
    launch.files_folder = files.path;
    launch.die_with_caller = true;
    launch.stdio = {nullptr, &request.output, request.error_output.valid() ? &request.error_output : &request.output};
    for (StepMount& mount : request.mounts) launch.extra_mounts.push_back(make_extra(mount, request.working_dir));
    const MadeTargets targets = MadeTargets::look(request, launch.extra_mounts);

    auto prepared = prepare_launch(launch);
    Result<ExitStatus> status = prepared.ok() ? run_launched(launch) : Result<ExitStatus>(std::move(prepared).error());
    ignore(undo_launch(launch), "what stays is swept by the next step");
    targets.remove(request.upper);
    ignore(remove_tree(sys::here(), files.path), "the run root goes with the boot");
    return status;
}

}  // namespace berth::container
