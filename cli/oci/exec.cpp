#include "runtime/exec.h"

#include <charconv>

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "cli/oci/capabilities.h"
#include "cli/oci/commands.h"
#include "cli/oci/console.h"
#include "cli/oci/exec_cgroup.h"
#include "cli/oci/launching.h"
#include "cli/oci/state.h"
#include "runtime/caps.h"
#include "runtime/hooks.h"
#include "runtime/listener.h"
#include "runtime/process_attributes.h"

namespace berth::cli {

namespace {

struct ExecOptions {
    std::string console_socket, pidfd_socket, cwd, user, process_file, pid_file, process_label, apparmor;
    Words env, additional_gids, caps, cgroups;
    bool tty = false, detach = false, ignore_paused = false;
    std::optional<bool> no_new_privs;
    int preserve_fds = 0;
};

Result<std::uint32_t> parse_id(const std::string& text, std::string_view what) {
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc() || end != text.data() + text.size() || value > 0x7fffffff)
        return Error(Kind::invalid, cat(what, " '", text, "' is not a number from 0 to 2147483647"));
    return value;
}

void describe(Parser& parser, ExecOptions& into) {
    parser.options_end_at_first_word();
    parser.text("--console-socket", into.console_socket, "SOCKET", "UNIX socket to which the terminal's descriptor is sent");
    parser.text("--pidfd-socket", into.pidfd_socket, "SOCKET", "UNIX socket to which a pidfd of the process is sent");
    parser.text("--cwd", into.cwd, "FOLDER", "Working folder, in the container");
    parser.list("-e,--env", into.env, "NAME=VALUE", "Environment variable, set or replaced");
    parser.flag("-t,--tty", into.tty, "Give the program a terminal");
    parser.text("-u,--user", into.user, "UID[:GID]", "User and group, by number");
    parser.list("-g,--additional-gids", into.additional_gids, "GID", "Further group, by number");
    parser.text("-p,--process", into.process_file, "FILE", "Process of the runtime specification to run, as JSON");
    parser.flag("-d,--detach", into.detach, "Return when the program runs");
    parser.text("--pid-file", into.pid_file, "FILE", "Write the process id there");
    parser.text("--process-label", into.process_label, "LABEL", "SELinux label of the process");
    parser.text("--apparmor", into.apparmor, "PROFILE", "AppArmor profile of the process");
    parser.flag("--no-new-privs", into.no_new_privs, "The process gains no privileges by what it executes");
    parser.list("-c,--cap", into.caps, "CAPABILITY", "Capability that the process has too");
    parser.parsed<int>("--preserve-fds", into.preserve_fds, parse_descriptor_count, "N", "Hand on N descriptors more, beside 0 to 2");
    parser.list("--cgroup", into.cgroups, "[CONTROLLER[,CONTROLLER]:]PATH", "Group below the container's to run in, which must be there");
    parser.flag("--ignore-paused", into.ignore_paused, "Start it in a frozen container too; it waits");
}

/// uid, uid:gid; numbers only, as runc (names are the engine's affair).
Result<void> set_user(runtime::User& user, const std::string& text) {
    const std::size_t colon = text.find(':');
    user.uid = TRY(parse_id(text.substr(0, colon), "user"));
    if (colon != std::string::npos) user.gid = TRY(parse_id(text.substr(colon + 1), "group"));
    return {};
}

Result<void> add_capabilities(runtime::ProcessSpec& process, const Words& names) {
    if (names.empty()) return {};
    if (!process.capabilities) process.capabilities.emplace();
    for (const std::string& name : names) {
        TRY(runtime::parse_capability(name));
        // Never inheritable (CVE-2022-29162), so ambient only where the spec itself has inheritable ones.
        for (auto* set : {&process.capabilities->bounding, &process.capabilities->effective, &process.capabilities->permitted})
            set->push_back(name);
        if (!process.capabilities->inheritable.empty()) process.capabilities->ambient.push_back(name);
    }
    return {};
}

Result<runtime::ProcessSpec> make_process(const ExecOptions& options, const runtime::Spec& spec, const Words& command) {
    if (!options.process_file.empty()) {
        const std::string text = TRY(read_file(options.process_file, 16u << 20));
        return runtime::parse_process(text);
    }
    runtime::ProcessSpec process = *spec.process;
    process.args = command;
    process.terminal = options.tty;
    process.console_size.reset();
    if (!options.cwd.empty()) process.cwd = options.cwd;
    if (!options.apparmor.empty()) process.apparmor_profile = options.apparmor;
    if (!options.process_label.empty()) process.selinux_label = options.process_label;
    if (options.no_new_privs) process.no_new_privileges = *options.no_new_privs;
    process.env.insert(process.env.end(), options.env.begin(), options.env.end());
    if (!options.user.empty()) TRY(set_user(process.user, options.user));
    for (const std::string& gid : options.additional_gids) process.user.additional_gids.push_back(TRY(parse_id(gid, "group")));
    TRY(add_capabilities(process, options.caps));
    return process;
}

Result<void> check_status(const OciContainer& container, const ExecOptions& options) {
    const OciStatus status = TRY(container.status());
    if (status == OciStatus::stopped) return Error(Kind::wrong_state, "cannot exec in a stopped container");
    if (status == OciStatus::paused && !options.ignore_paused)
        return Error(Kind::wrong_state, "cannot exec in a paused container (use --ignore-paused to override)");
    return {};
}

Result<void> check_terminal(const ExecOptions& options, const runtime::ProcessSpec& process) {
    const bool socket = !options.console_socket.empty();
    if (options.detach && process.terminal && !socket)
        return Error(Kind::invalid, "cannot allocate tty if runc will detach without setting console socket");
    if ((!options.detach || !process.terminal) && socket)
        return Error(Kind::invalid, "cannot use console socket if runc will not detach or allocate tty");
    return {};
}

struct Joining {
    OciContainer container;
    runtime::Spec spec;
    runtime::ProcessSpec process;
    std::optional<runtime::Cgroup> cgroup{};
    std::array<Fd, 3> stdio{};
    std::vector<Fd> extra;
    Fd console_socket{}, pidfd_socket{};
};

Result<runtime::ExecProcess> join(Joining& job, const Fd& pidfd) {
    runtime::ExecRequest request{.pidfd = pidfd, .pid = job.container.state().pid, .process = job.process};
    if (job.spec.linux && job.spec.linux->seccomp) request.seccomp = &*job.spec.linux->seccomp;
    if (job.spec.linux && job.spec.linux->personality) request.personality = &*job.spec.linux->personality;
    if (job.spec.linux && job.spec.linux->memory_policy) request.memory_policy = &*job.spec.linux->memory_policy;
    request.cgroup = job.cgroup ? &*job.cgroup : nullptr;
    for (std::size_t fd = 0; fd < 3; ++fd) {
        job.stdio[fd] = Fd(::fcntl(static_cast<int>(fd), F_DUPFD_CLOEXEC, 3));
        if (job.stdio[fd].valid()) request.stdio[fd] = &job.stdio[fd];
    }
    for (const Fd& fd : job.extra) request.extra.push_back(&fd);
    request.plain_newlines = !job.console_socket.valid();
    request.listener_state =
        runtime::state_document(job.spec, job.container.id(), job.container.state().bundle(), "running", job.container.state().pid);
    return runtime::start_process(request);
}

Result<Joining> prepare(const OciCall& call, const Words& words, const ExecOptions& options) {
    OciContainer container = TRY(OciContainer::open(call.globals.root, words[0]));
    TRY(check_status(container, options));
    runtime::Spec spec = TRY(container.load_spec());
    runtime::ProcessSpec process = TRY(make_process(options, spec, Words(words.begin() + 1, words.end())));
    TRY(check_terminal(options, process));
    auto extra = TRY(preserved_descriptors(options.preserve_fds));
    Joining job{.container = std::move(container), .spec = std::move(spec), .process = std::move(process), .extra = std::move(extra)};
    job.cgroup = TRY(exec_cgroup(job.container, options.cgroups));
    if (!options.console_socket.empty())
        job.console_socket = TRY(runtime::connect_to_socket(options.console_socket), "console socket");
    if (!options.pidfd_socket.empty()) job.pidfd_socket = TRY(runtime::connect_to_socket(options.pidfd_socket), "pidfd socket");
    return job;
}

void tell_affinity(const OciCall& call, const runtime::ProcessSpec& process) {
    if (!process.exec_cpu_affinity || process.exec_cpu_affinity->initial.empty()) return;
    const auto mask = runtime::parse_list_mask(process.exec_cpu_affinity->initial);
    if (!mask.ok() || mask.value().empty()) return;
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, mask.value()[0], 16).ptr;
    call.log.debug(cat("nsexec: affinity: 0x", std::string_view(digits, static_cast<std::size_t>(end - digits))));
}

Result<int> run_exec(const OciCall& call, const Words& words, const ExecOptions& options) {
    Joining job = TRY(prepare(call, words, options));
    const auto pidfd = TRY(job.container.open_process());
    if (!pidfd) return Error(Kind::wrong_state, "cannot exec in a stopped container");
    if (!options.detach) hold_signals();
    call.log.debug("nsexec container setup");
    settle_capabilities(job.process, call.log);
    tell_affinity(call, job.process);
    call.log.debug("child process in init()");
    auto joined = join(job, *pidfd);
    if (!joined.ok()) return failed_start(std::move(joined).error(), "exec");
    runtime::ExecProcess process = std::move(joined).value();
    call.log.debug("setns_init: about to exec");
    if (process.console && job.console_socket.valid()) {
        TRY(send_console(job.console_socket, *process.console));
        process.console.reset();
    }
    if (job.pidfd_socket.valid()) TRY(runtime::send_descriptor(job.pidfd_socket, "pidfd", process.child.pidfd()), "pidfd socket");
    if (!options.pid_file.empty()) TRY(write_pid_file(options.pid_file, process.child.pid()));
    if (options.detach) return 0;
    const ExitStatus status = TRY(wait_in_foreground(process.child, process.console));
    return status.shell_code();
}

}  // namespace

Result<int> oci_exec(const OciCall& call) {
    Parser parser;
    ExecOptions options;
    parser.about(oci_about("exec"));
    parser.usage("CONTAINER-ID COMMAND [ARG...]", 1, -1);
    describe(parser, options);
    const auto words = TRY(read_words(parser, call, "exec"));
    if (!words) return 0;
    if (words->size() < 2 && options.process_file.empty())
        return Error(Kind::invalid, "process args cannot be empty").with_hint("name a command, or give --process");
    auto code = run_exec(call, *words, options);
    if (code.ok()) return code;
    // exec's own failure is 255, since everything below may be the program's (docker and runc).
    call.log.failure(code.error());
    return 255;
}

}  // namespace berth::cli
