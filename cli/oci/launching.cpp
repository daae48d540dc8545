#include "cli/oci/launching.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "cli/oci/capabilities.h"
#include "cli/oci/console.h"
#include "cli/oci/launch_job.h"
#include "cli/oci/notify.h"
#include "cli/oci/start.h"
#include "runtime/hooks.h"
#include "runtime/listener.h"
#include "runtime/plan.h"
#include "runtime/resctrl.h"
#include "runtime/seccomp.h"
#include "runtime/validate.h"

namespace berth::cli {

namespace {

/// A destination that names the root file system on the host means the place in it, as runc takes it.
void strip_root(runtime::Spec& spec, const std::string& bundle) {
    if (!spec.root) return;
    const std::string root = join_path(bundle, spec.root->path);
    if (root == "/") return;
    for (runtime::Mount& mount : spec.mounts) {
        const std::string path = clean_path(mount.destination);
        if (path == root) mount.destination = "/";
        if (path.starts_with(cat(root, "/"))) mount.destination = path.substr(root.size());
    }
}

/// config.json of the bundle or what stands in for it, with what the environment and the options add to it.
Result<void> load_spec(Launching& job, const std::string& bundle) {
    const std::string& config = job.options.config;
    job.spec_text = TRY(read_file(config.empty() ? cat(bundle, "/config.json") : config, 16u << 20));
    job.spec = TRY(runtime::parse_spec(job.spec_text));
    strip_root(job.spec, bundle);
    TRY(runtime::validate_spec(job.spec));
    settle_capabilities(*job.spec.process, job.call.log);
    const char* listen = std::getenv("LISTEN_FDS");
    if (listen != nullptr) {
        job.spec.process->env.push_back(cat("LISTEN_FDS=", listen));
        job.spec.process->env.push_back("LISTEN_PID=1");
        if (const char* names = std::getenv("LISTEN_FDNAMES")) job.spec.process->env.push_back(cat("LISTEN_FDNAMES=", names));
    }
    return {};
}

Result<void> check_terminal(const Launching& job, bool detaches) {
    const bool terminal = job.spec.process->terminal;
    const bool socket = !job.options.console_socket.empty();
    if (detaches && terminal && !socket)
        return Error(Kind::invalid, "cannot allocate tty if runc will detach without setting console socket")
            .with_hint("give --console-socket, or set process.terminal to false");
    if ((!detaches || !terminal) && socket)
        return Error(Kind::invalid, "cannot use console socket if runc will not detach or allocate tty");
    return {};
}

/// Sockets are connected before anything of the container exists: their paths are the caller's, not the container's.
Result<void> connect_sockets(Launching& job) {
    const LaunchOptions& options = job.options;
    if (!options.console_socket.empty())
        job.console_socket = TRY(runtime::connect_to_socket(options.console_socket), "console socket");
    if (!options.pidfd_socket.empty())
        job.pidfd_socket = TRY(runtime::connect_to_socket(options.pidfd_socket), "pidfd socket");
    return {};
}

void fill_state(Launching& job, const std::string& bundle) {
    OciState& state = job.container.state();
    state.config.version = job.spec.oci_version;
    state.config.rootfs = job.spec.root ? join_path(bundle, job.spec.root->path) : "";
    state.config.labels.push_back(cat("bundle=", bundle));
    for (const auto& [name, value] : job.spec.annotations) state.config.labels.push_back(cat(name, "=", value));
    state.config.no_new_keyring = job.options.no_new_keyring;
    for (const runtime::Namespace& space : job.spec.linux->namespaces) {
        std::string type = space.type == "mount" ? "NEWNS" : space.type == "network" ? "NEWNET" : cat("NEW", space.type);
        for (char& letter : type) letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
        state.config.namespaces.push_back({type, space.path});
    }
    state.own.owner = ::geteuid() == 0 ? "root" : cat(::geteuid());
}

std::string cgroup_path_of(const Launching& job) {
    const std::string& path = job.spec.linux->cgroups_path;
    if (!path.empty()) return path;
    return job.call.globals.systemd_cgroup ? cat("system.slice:runc:", job.container.id()) : job.container.id();
}

/// A group that somebody else lives in, or that is frozen, would make a container that cannot be told from theirs or that
/// never starts (runc #3132). Looked at before it is made ours, since undoing kills what is in it.
Result<runtime::CgroupRecord> find_place(const runtime::CgroupRequest& request) {
    const runtime::Cgroup group = TRY(runtime::Cgroup::locate(request));
    if (TRY(group.is_frozen())) return Error(Kind::wrong_state, "container's cgroup unexpectedly frozen");
    const auto pids = TRY(group.pids());
    if (!pids.empty())
        return Error(Kind::busy, cat("container's cgroup is not empty: ", pids.size(), " process(es) found"));
    return group.record();
}

void remember_cgroup(OciState& state, const runtime::CgroupRecord& record) {
    state.config.cgroups.path = record.path;
    state.cgroup_paths = record.paths;
    state.own.systemd_unit = record.systemd_unit;
}

uid_t container_root(const std::vector<runtime::IdMapping>& mappings) {
    for (const runtime::IdMapping& mapping : mappings)
        if (mapping.container_id == 0) return mapping.host_id;
    return 0;
}

Result<runtime::Init> clone_init(Launching& job, const std::string& bundle, Release release) {
    runtime::LaunchRequest request{.spec = job.spec, .id = job.container.id(), .bundle = bundle};
    if (release == Release::at_gate) {
        const runtime::LinuxSpec& part = *job.spec.linux;
        TRY(make_gate(job.container, container_root(part.uid_mappings), container_root(part.gid_mappings)));
        job.gate = TRY(sys::openat(job.container.folder(), "exec.fifo", O_PATH));
        request.start_fifo = &job.gate;
    }
    for (int fd = 0; fd < 3; ++fd) {
        job.stdio[static_cast<std::size_t>(fd)] = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (job.stdio[static_cast<std::size_t>(fd)].valid()) request.stdio[static_cast<std::size_t>(fd)] = &job.stdio[static_cast<std::size_t>(fd)];
    }
    for (const Fd& fd : job.extra) request.extra.push_back(&fd);
    request.cgroup = &*job.cgroup;
    request.keep_keyring = job.options.no_new_keyring;
    request.no_pivot = job.options.no_pivot;
    return runtime::Init::create(request);
}

/// Nothing has to come between the container's readiness and its program: nobody gets a console, a pidfd, a pid or notices.
bool can_go_ahead(const Launching& job, Release release) {
    return release == Release::by_caller && !job.spec.process->terminal && !job.pidfd_socket.valid() &&
           job.options.pid_file.empty() && !relays_notices();
}

Result<void> hand_over(Launching& job, runtime::Init& init, std::optional<Fd>& console) {
    console = init.take_console();
    if (console && job.console_socket.valid()) {
        TRY(send_console(job.console_socket, *console));
        console.reset();
    }
    if (console) leave_newlines(*console);
    if (job.pidfd_socket.valid()) TRY(runtime::send_descriptor(job.pidfd_socket, "pidfd", init.pidfd()), "pidfd socket");
    if (!job.options.pid_file.empty()) TRY(write_pid_file(job.options.pid_file, init.pid()));
    return {};
}

void tell_seccomp_flags(const Launching& job) {
    if (!job.call.globals.debug || !job.spec.linux->seccomp) return;
    constexpr std::uint32_t new_listener = 1u << 3;
    const auto program = runtime::compile_seccomp(*job.spec.linux->seccomp);
    if (program.ok()) job.call.log.debug(cat("seccomp filter flags: ", program.value().flags & ~new_listener));
}

Result<std::optional<runtime::Init>> bring_up(Launching& job, const std::string& bundle, Release release, std::optional<Fd>& console) {
    TRY(job.container.save_spec(job.spec_text));
    TRY(make_cgroup(job));
    job.call.log.debug("nsexec container setup");
    tell_seccomp_flags(job);
    runtime::Init init = TRY(clone_init(job, bundle, release));
    job.call.log.debug("child process in init()");
    TRY(record_process(job, init.pid()));
    if (can_go_ahead(job, release)) TRY(init.release_ahead());
    TRY(init.wait_ready());
    job.cgroup->tell_entered();
    job.call.log.debug("init: closing the pipe to signal completion");
    TRY(hand_over(job, init, console));
    return std::optional(std::move(init));
}

}  // namespace

std::string absolute_bundle(const LaunchOptions& options) {
    char here[4096];
    const std::string base = ::getcwd(here, sizeof here) != nullptr ? here : "/";
    return options.bundle.empty() ? base : join_path(base, options.bundle);
}

Result<void> prepare_launch(Launching& job, const std::string& bundle, bool detaches) {
    TRY(load_spec(job, bundle));
    TRY(check_terminal(job, detaches));
    TRY(connect_sockets(job));
    fill_state(job, bundle);
    return prepare_notify(job.container, job.spec);
}

Result<void> make_cgroup(Launching& job) {
    runtime::CgroupRequest request;
    const runtime::Resources none;
    request.path = cgroup_path_of(job);
    request.resources = job.spec.linux->resources ? &*job.spec.linux->resources : &none;
    request.systemd = job.call.globals.systemd_cgroup;
    request.annotations = job.spec.annotations;
    request.id = job.container.id();
    const runtime::Namespace* user = job.spec.find_namespace("user");
    if (user != nullptr && user->path.empty() && runtime::cgroup_layout() == runtime::CgroupLayout::v2)
        request.owner = {job.spec.linux->uid_mappings[0].host_id, job.spec.linux->gid_mappings[0].host_id};
    const runtime::CgroupRecord place = TRY(find_place(request));
    // Written before anything is made: whoever kills us now leaves what `delete --force` can clean up (runc #4534).
    remember_cgroup(job.container.state(), place);
    TRY(job.container.save());
    job.cgroup = TRY(runtime::Cgroup::create(request), "unable to apply cgroup configuration");
    remember_cgroup(job.container.state(), job.cgroup->record());
    return {};
}

Result<void> record_process(Launching& job, pid_t pid) {
    const ProcessKey key = TRY(ProcessKey::of(pid));
    OciState& state = job.container.state();
    state.pid = key.pid;
    state.start_time = key.start_time;
    state.own.boot = key.boot;
    for (const OciNamespace& space : state.config.namespaces) {
        std::string name = space.type == "NEWNS" ? "mnt" : space.type.substr(3);
        for (char& letter : name) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
        state.namespace_paths[space.type] = cat("/proc/", key.pid, "/ns/", name);
    }
    for (int fd = 0; fd < 3; ++fd) {
        const auto target = sys::readlinkat(sys::here(), cat("/proc/self/fd/", fd));
        state.external_descriptors.push_back(target.ok() ? target.value() : "/dev/null");
    }
    if (job.spec.linux->intel_rdt) {
        state.own.rdt_folder = TRY(runtime::apply_rdt(*job.spec.linux->intel_rdt, job.container.id(), key.pid));
        state.intel_rdt_path = state.own.rdt_folder;
    }
    TRY(job.container.save());
    job.container.tell_made();
    return {};
}

void undo_launch(Launching& job) {
    if (job.cgroup) {
        ignore(job.cgroup->kill_all(), "the first error is the one to tell");
        ignore(job.cgroup->remove(), "the first error is the one to tell");
    }
    ignore(runtime::remove_rdt_group(job.container.state().own.rdt_folder), "the first error is the one to tell");
    ignore(job.container.remove_folder(), "the first error is the one to tell");
}

void describe_launch_options(Parser& parser, LaunchOptions& into) {
    parser.text("-b,--bundle", into.bundle, "FOLDER", "Folder with config.json (default the working folder)");
    parser.text("-f,--config", into.config, "FILE", "The configuration, instead of the bundle's config.json");
    parser.text("--console-socket", into.console_socket, "SOCKET", "UNIX socket to which the terminal's descriptor is sent");
    parser.text("--pidfd-socket", into.pidfd_socket, "SOCKET", "UNIX socket to which a pidfd of the first process is sent");
    parser.text("--pid-file", into.pid_file, "FILE", "Write the process id there");
    parser.flag("--no-pivot", into.no_pivot, "Change the root by a mount over it, for systems on a ramdisk");
    parser.flag("--no-new-keyring", into.no_new_keyring, "Keep the caller's session keyring");
    parser.parsed<int>("--preserve-fds", into.preserve_fds, parse_descriptor_count, "N",
                       "Hand on N descriptors more, beside 0 to 2 and those of $LISTEN_FDS");
}

Error failed_start(Error error, const std::string& what) {
    constexpr std::string_view absent = ": not found";
    const std::size_t at = error.text().find(absent);
    if (error.kind() == Kind::not_found && at != std::string::npos && error.text().find(" PATH") != std::string::npos)
        error = Error(Kind::not_found, cat("exec: \"", error.text().substr(0, at), "\": executable file not found in $PATH"));
    return std::move(error).context(what, " failed: unable to start container process");
}

Result<void> write_pid_file(const std::string& path, pid_t pid) {
    const std::size_t slash = path.rfind('/');
    const Fd folder = TRY(sys::open(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY), "pid file");
    return replace_file(folder, path.substr(slash == std::string::npos ? 0 : slash + 1), cat(pid), 0644, Durability::boot);
}

Result<int> parse_descriptor_count(std::string_view text) {
    constexpr int most = static_cast<int>(runtime::most_descriptors) - 3;
    int value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
        return Error(Kind::invalid, cat("'", text, "' is not a number of descriptors, 0 to ", most));
    return value;
}

Result<std::vector<Fd>> preserved_descriptors(int count) {
    const char* listen = std::getenv("LISTEN_FDS");
    const int total = count + (listen != nullptr ? TRY(parse_descriptor_count(listen), "LISTEN_FDS") : 0);
    std::vector<Fd> out;
    for (int fd = 3; fd < 3 + total; ++fd) {
        Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3 + total));
        if (!copy.valid() && errno == EBADF)
            return Error(Kind::invalid, cat("please check that preserved-fds is right: file descriptor ", fd, " is not open"));
        if (!copy.valid()) return Error::of_errno(errno, cat("keep file descriptor ", fd));
        out.push_back(std::move(copy));
    }
    return out;
}

Result<Launched> launch_container(const OciCall& call, const std::string& id, const LaunchOptions& options, Release release) {
    auto extra = TRY(preserved_descriptors(options.preserve_fds));
    const std::string bundle = absolute_bundle(options);
    TRY(check_container_id(id));
    OciContainer container = TRY(OciContainer::create(call.globals.root, id));
    Launching job{.call = call, .options = options, .container = std::move(container), .extra = std::move(extra)};
    std::optional<Fd> console;
    auto prepared = prepare_launch(job, bundle, options.detach || release == Release::at_gate);
    if (!prepared.ok()) {
        undo_launch(job);
        return std::move(prepared).error();
    }
    auto init = bring_up(job, bundle, release, console);
    if (!init.ok()) {
        undo_launch(job);
        return std::move(init).error();
    }
    return Launched{std::move(job.container), std::move(*std::move(init).value()), std::move(console), std::nullopt};
}

}  // namespace berth::cli
