// restore: CRIU makes the processes of a checkpoint again, in a container that is prepared as for `run`.
//
// CRIU wants the root file system as a mount of its own. It gets one in a mount namespace that this command makes for
// itself and CRIU, so that the host sees no mount of ours (and createRuntime hooks, which run here, see the host's).

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "cli/oci/commands.h"
#include "cli/oci/console.h"
#include "cli/oci/criu_options.h"
#include "cli/oci/launch_job.h"
#include "runtime/hooks.h"

namespace berth::cli {

namespace {

using runtime::CriuAnswer;
using runtime::CriuMessage;

constexpr const char* log_name = "restore.log";
constexpr const char* root_name = "criu-root";

struct Restoring {
    Launching& job;
    const CriuOptions& options;
    CriuFolders folders;
    std::vector<Fd> namespaces{};
    std::optional<Fd> console{};
};

Result<std::string> mount_root(const Launching& job) {
    if (::unshare(CLONE_NEWNS) != 0) return Error::of_errno(errno, "make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) return Error::of_errno(errno, "make the mounts ours");
    std::string path = cat(job.container.path(), "/", root_name);
    if (::mkdir(path.c_str(), 0700) != 0) return Error::of_errno(errno, path);
    const std::string& rootfs = job.container.state().config.rootfs;
    if (::mount(rootfs.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return Error::of_errno(errno, cat("bind ", rootfs));
    return path;
}

Result<void> make_place(const std::string& root_path, const std::string& place, bool is_folder) {
    const Root root = TRY(Root::open(root_path));
    if (root.open_at(place, O_PATH).ok()) return {};
    if (is_folder) {
        TRY(root.make_folders(place, 0755));
        return {};
    }
    const std::size_t slash = place.rfind('/');
    const Fd above = TRY(root.make_folders(slash == 0 || slash == std::string::npos ? "/" : place.substr(0, slash), 0755));
    const std::string below = cat("/proc/self/fd/", above.raw());
    const Fd readable = TRY(sys::open(below, O_RDONLY | O_DIRECTORY));
    TRY(sys::openat(readable, place.substr(slash + 1), O_CREAT | O_RDONLY | O_NOFOLLOW, 0644));
    return {};
}

/// Mount points, which `run` would make: on the root, or inside what is bound there. What lies on a tmpfs CRIU brings back.
Result<void> make_mount_points(const Launching& job, const std::string& root, const std::string& bundle) {
    const auto& mounts = job.spec.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i].type == "cgroup" || mounts[i].type == "cgroup2") continue;
        std::string on = root, place = clean_path(mounts[i].destination);
        bool on_tmpfs = false;
        std::size_t longest = 0;
        for (std::size_t j = 0; j < i; ++j) {
            const std::string above = clean_path(mounts[j].destination);
            if (above.size() < longest || !clean_path(mounts[i].destination).starts_with(cat(above, "/"))) continue;
            longest = above.size();
            on_tmpfs = mounts[j].type != "bind";
            on = on_tmpfs ? root : join_path(bundle, mounts[j].source);
            place = clean_path(mounts[i].destination).substr(above.size());
        }
        if (on_tmpfs) continue;
        struct stat status{};
        const bool is_file = !mounts[i].source.empty() && ::stat(join_path(bundle, mounts[i].source).c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
        TRY(make_place(on, place, !is_file), "mount point ", mounts[i].destination);
    }
    return {};
}

/// Namespaces that config.json names: CRIU takes two of them by descriptor, the others by path.
Result<void> add_namespaces(CriuMessage& out, Restoring& restoring) {
    for (const runtime::Namespace& space : restoring.job.spec.linux->namespaces) {
        if (space.path.empty()) continue;
        const bool by_descriptor = space.type == "network" || space.type == "pid";
        if (!by_descriptor) {
            if (space.type == "cgroup") return Error(Kind::unsupported, "criu cannot join a cgroup namespace");
            out.message(39, key_and_value(space.type == "mount" ? "mnt" : space.type, space.path));
            continue;
        }
        restoring.namespaces.push_back(TRY(sys::open(space.path, O_RDONLY), space.type, " namespace"));
        CriuMessage inherited;
        // Behind 0, 1, 2 and the socket.
        inherited.text(1, space.type == "pid" ? "extRootPidNS" : "extRootNetNS").number(2, 3 + restoring.namespaces.size());
        out.message(27, inherited);
    }
    return {};
}

/// Pipes that the first process had as 0, 1, 2 are ours now.
Result<void> add_pipes(CriuMessage& out, const CriuFolders& folders) {
    const std::string text = TRY(read_file(folders.images, descriptors_file), "--image-path");
    const Json parsed = TRY(parse_json(text), descriptors_file);
    const auto descriptors = TRY(from_json<std::vector<std::string>>(parsed), descriptors_file);
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
        if (!descriptors[i].starts_with("pipe:")) continue;
        CriuMessage inherited;
        inherited.text(1, descriptors[i]).number(2, i);
        out.message(27, inherited);
    }
    return {};
}

/// CRIU enters the container's groups, so that what it makes is born there, and learns their names.
Result<void> enter_groups(CriuMessage& out, const Launching& job, pid_t criu) {
    for (const auto& [controller, folder] : job.cgroup->record().paths) {
        const Fd procs = TRY(sys::open(cat(folder, "/cgroup.procs"), O_WRONLY));
        TRY(sys::write(procs, cat(criu)), "enter cgroup ", folder);
    }
    const std::string lines = TRY(read_file(cat("/proc/", criu, "/cgroup")));
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        const std::string line = lines.substr(at, end - at);
        at = end + 1;
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        std::string controllers = line.substr(first + 1, second - first - 1);
        for (std::size_t comma = 0; comma != std::string::npos; controllers.erase(0, comma + 1)) {
            comma = controllers.find(',');
            out.message(25, key_and_value(controllers.substr(0, comma), line.substr(second + 1)));
            if (comma == std::string::npos) break;
        }
    }
    return {};
}

Result<CriuMessage> restore_options(Restoring& restoring, const std::string& bundle) {
    const Launching& job = restoring.job;
    CriuMessage out = TRY(common_criu_options(restoring.options, restoring.folders, job.spec, log_name));
    const std::string root = TRY(mount_root(job));
    TRY(make_mount_points(job, root, bundle));
    out.text(13, root).flag(26, true);
    if (!restoring.options.lsm_profile.empty()) out.text(53, restoring.options.lsm_profile);
    if (!restoring.options.lsm_mount_context.empty()) out.text(63, restoring.options.lsm_mount_context);
    for (const ExternalMount& mount : external_mounts(job.spec, bundle, job.cgroup->record()))
        out.message(23, key_and_value(mount.name, mount.source));
    if (!job.spec.linux->masked_paths.empty()) out.message(23, key_and_value("/dev/null", "/dev/null"));
    TRY(add_namespaces(out, restoring));
    TRY(add_pipes(out, restoring.folders));
    return out;
}

Result<void> hear(Restoring& restoring, const CriuAnswer& said, std::optional<Fd> descriptor) {
    Launching& job = restoring.job;
    job.call.log.debug(cat("criu: ", said.notice));
    if (said.notice == "setup-namespaces" && job.spec.hooks) {
        const std::string state = runtime::state_document(job.spec, job.container.id(), job.container.state().bundle(), "creating", said.pid);
        TRY(runtime::run_hooks(job.spec.hooks->prestart, "prestart", state));
        return runtime::run_hooks(job.spec.hooks->create_runtime, "createRuntime", state);
    }
    if (said.notice == "post-restore") return record_process(job, said.pid);
    if (said.notice != "orphan-pts-master" || !descriptor) return {};
    if (job.console_socket.valid()) return send_console(job.console_socket, *descriptor);
    restoring.console = std::move(descriptor);
    return {};
}

Result<Child> bring_back(Restoring& restoring, const std::string& bundle) {
    Launching& job = restoring.job;
    runtime::Criu criu = TRY(runtime::Criu::find());
    TRY(job.container.save_spec(job.spec_text));
    TRY(make_cgroup(job));
    CriuMessage wanted = TRY(restore_options(restoring, bundle));
    std::vector<int> namespaces;
    for (const Fd& space : restoring.namespaces) namespaces.push_back(space.raw());
    TRY(criu.begin({0, 1, 2}, namespaces));
    TRY(enter_groups(wanted, job, criu.pid()));
    auto restored = criu.run(runtime::CriuTask::restore, wanted, [&](const CriuAnswer& said, std::optional<Fd> descriptor) {
        return hear(restoring, said, std::move(descriptor));
    });
    if (!restored.ok()) return criu_failure(std::move(restored).error(), restoring.folders, log_name);
    const pid_t pid = job.container.state().pid;
    if (pid == 0) return Error(Kind::system, "criu did not say which process it restored");
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd.valid()) return Error::of_errno(errno, "the restored process");
    if (!job.options.pid_file.empty()) TRY(write_pid_file(job.options.pid_file, pid));
    return Child(pid, std::move(pidfd));
}

Result<int> run_restore(const OciCall& call, const std::string& id, const CriuOptions& options, const LaunchOptions& launch) {
    TRY(check_container_id(id));
    auto folders = TRY(open_criu_folders(options, log_name));
    OciContainer container = TRY(OciContainer::create(call.globals.root, id));
    Launching job{.call = call, .options = launch, .container = std::move(container), .extra = {}};
    const std::string bundle = absolute_bundle(launch);
    Restoring restoring{.job = job, .options = options, .folders = std::move(folders)};
    auto prepared = prepare_launch(job, bundle, launch.detach);
    auto child = prepared.ok() ? bring_back(restoring, bundle) : Result<Child>(std::move(prepared).error());
    ::umount2(cat(job.container.path(), "/", root_name).c_str(), MNT_DETACH);
    ::rmdir(cat(job.container.path(), "/", root_name).c_str());
    if (!child.ok()) {
        undo_launch(job);
        return std::move(child).error();
    }
    if (launch.detach) return 0;
    const ExitStatus status = TRY(wait_in_foreground(child.value(), restoring.console));
    TRY(destroy_container(job.container, call.log));
    return status.shell_code();
}

}  // namespace

Result<int> oci_restore(const OciCall& call) {
    Parser parser;
    CriuOptions options;
    LaunchOptions launch;
    parser.about(oci_about("restore"));
    parser.usage("CONTAINER-ID", 1, 1);
    describe_criu_options(parser, options);
    parser.text("--console-socket", launch.console_socket, "SOCKET", "UNIX socket to which the terminal's descriptor is sent");
    parser.text("-b,--bundle", launch.bundle, "FOLDER", "Folder with config.json");
    parser.flag("-d,--detach", launch.detach, "Return when the program runs");
    parser.text("--pid-file", launch.pid_file, "FILE", "Write the process id there");
    parser.flag("--no-subreaper", launch.no_subreaper, "Do not wait for orphans of the container");
    parser.flag("--no-pivot", launch.no_pivot, "Accepted; criu changes the root its own way");
    parser.text("--lsm-profile", options.lsm_profile, "TYPE:NAME", "Security profile in place of the one that was written");
    parser.text("--lsm-mount-context", options.lsm_mount_context, "CONTEXT", "SELinux mount context in place of the one that was written");
    const auto words = TRY(read_words(parser, call, "restore"));
    if (!words) return 0;
    if (!launch.detach) {
        hold_signals();
        if (!launch.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    return run_restore(call, (*words)[0], options, launch);
}

}  // namespace berth::cli
