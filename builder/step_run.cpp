// RUN: what the process gets (arguments, environment, mounts), what of that is part of the key, and its run through the
// engine's start table. Secrets, ssh, proxies and the content of cache mounts are inputs that no key knows.

#include <algorithm>

#include "builder/heredoc.h"
#include "builder/keys.h"
#include "builder/options.h"
#include "builder/run_mounts.h"
#include "builder/step.h"
#include "builder/text.h"
#include "container/step.h"

namespace berth::builder {
namespace {

struct RunWork {
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::vector<std::string> proxies;  ///< reach the process, never the key
    std::string user, working_dir, network;
    bool is_privileged = false;
    std::vector<image::LayerRef> layers;
    std::vector<RunMount> mounts;
    std::string script_name, script;   ///< a heredoc that starts with "#!"
};

/// The words to execute, with what heredocs mean for them. BuildKit: one heredoc alone is a script for SHELL, or a program
/// when it starts with "#!"; anything else goes to the shell as it was written.
Result<void> set_command(RunWork& work, const StageState& state, const Run& run) {
    CommandLine command = run.command;
    if (!command.heredocs.empty() && command.is_shell && !command.words.empty()) {
        const Heredoc& first = command.heredocs.front();
        const auto alone = TRY(parse_heredoc(trim(command.words.front())));
        std::string body = first.strips_tabs ? strip_leading_tabs(first.content) : first.content;
        if (alone && body.starts_with("#!")) {
            work.script_name = first.name;
            work.script = std::move(body);
            command = {{cat("/dev/pipes/", first.name)}, false, {}};
        } else if (alone) {
            command.words = {std::move(body)};
        } else {
            for (const Heredoc& document : command.heredocs) command.words.front() += cat('\n', document.content, document.name);
        }
    }
    work.argv = with_shell(state, command);
    if (work.argv.empty()) return Error(Kind::invalid, "RUN requires at least one argument: expected RUN COMMAND");
    return {};
}

Result<void> check_choice(std::string_view flag, const std::string& value, const std::vector<std::string>& choices) {
    if (value.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
    return Error(Kind::invalid, cat("unsupported ", flag, " '", value, "'", suggestion(value, choices))).with_hint(cat("it is one of ", join(choices, ", ")));
}

Error not_allowed(std::string_view entitlement) {
    return Error(Kind::denied, cat("granting entitlement ", entitlement, " is not allowed by the build")).with_hint(cat("allow it with --allow ", entitlement));
}

Result<void> set_isolation(RunWork& work, const Session& session, const Run& run) {
    TRY(check_choice("--network", run.network, {"default", "none", "host"}));
    TRY(check_choice("--security", run.security, {"sandbox", "insecure"}));
    if (!run.devices.empty()) return Error(Kind::unsupported, "RUN --device is not supported");
    if (run.network == "host" && session.allowed.count("network.host") == 0) return not_allowed("network.host");
    if (run.security == "insecure" && session.allowed.count("security.insecure") == 0) return not_allowed("security.insecure");
    work.network = run.network.empty() || run.network == "default" ? session.options.network : run.network;
    if (work.network.empty()) work.network = "default";
    work.is_privileged = run.security == "insecure";
    return {};
}

void set_environment(RunWork& work, const Session& session, const StageState& state) {
    work.env = state.variables.texts();
    for (const auto& [name, value] : session.build_args)
        if (is_proxy_variable(name) && !state.variables.find(name)) work.proxies.push_back(cat(name, '=', value));
}

std::string mount_text(const RunMount& mount) {
    return cat(static_cast<int>(mount.type), ' ', mount.from, ' ', mount.source, ' ', mount.target, ' ', mount.id, ' ', static_cast<int>(mount.sharing), ' ',
               mount.read_only ? "ro" : "rw", ' ', mount.size, ' ', mount.env.value_or(""), ' ', mount.mode.value_or(0), ' ', mount.uid.value_or(0), ' ', mount.gid.value_or(0));
}

Result<std::optional<Digest>> make_key(const RunWork& work, const StepContext& context) {
    const BuildOptions& options = context.session.options;
    KeyText key("run");
    key.add("layers", layers_key(work.layers)).add("argv", work.argv).add("env", work.env).add("user", work.user).add("cwd", work.working_dir);
    key.add("network", work.network).add("privileged", work.is_privileged ? "yes" : "").add("script", work.script);
    std::vector<std::string> hosts;
    for (const std::string& host : options.add_hosts) hosts.emplace_back(host.substr(0, host.find_first_of(":=")));
    key.add("hosts", hosts).add("ulimits", options.ulimits).add("cgroup", options.cgroup_parent).add("volumes", options.volumes);
    if (context.session.epoch) key.add("epoch", moment_text(*context.session.epoch));
    for (const RunMount& mount : work.mounts) {
        if (mount.type == RunMount::Type::ssh) continue;
        key.add("mount", mount_text(mount));
        if (mount.type != RunMount::Type::bind) continue;
        const auto content = TRY(bind_key(context, mount), "--mount");
        if (!content) return std::optional<Digest>();
        key.add("content", *content);
    }
    return std::optional(key.digest());
}

/// `"/bin/sh -c false"`, as the message of a failure shows it.
std::string command_text(const std::vector<std::string>& argv) { return join(argv, " "); }

Result<void> set_limits(container::StepRequest& request, const BuildOptions& options) {
    request.extra_hosts = options.add_hosts;
    request.cgroup_parent = options.cgroup_parent;
    if (!options.shm_size.empty()) request.shm_size = TRY(parse_bytes(options.shm_size), "--shm-size");
    if (!options.memory.empty()) request.memory = TRY(parse_bytes(options.memory), "--memory");
    for (const std::string& text : options.ulimits) {
        container::Ulimit limit = TRY(parse_ulimit(text), "--ulimit '", text, "'");
        request.ulimits.push_back(std::move(limit));
    }
    return {};
}

Result<void> execute(const RunWork& work, const StepContext& context, image::Staging& staging, int& exit_code) {
    container::StepRequest request;
    request.layers = TRY(context.session.store.layer_folders(keys_of(work.layers)));
    request.upper = staging.fs_path();
    request.work = staging.work_path();
    request.argv = work.argv;
    request.env = work.env;
    request.env.insert(request.env.end(), work.proxies.begin(), work.proxies.end());
    request.user = work.user;
    request.working_dir = work.working_dir.empty() ? "/" : work.working_dir;
    request.network = work.network;
    request.privileged = work.is_privileged;
    request.output = TRY(context.output->duplicate());
    request.error_output = TRY(context.error_output->duplicate());
    TRY(set_limits(request, context.session.options));
    MountsOfRun mounts = TRY(open_mounts(context, work.mounts, request.working_dir));
    TRY(mounts.add_volumes(context.session.volumes));
    if (!work.script.empty()) TRY(mounts.add_script(work.script_name, work.script));
    request.mounts = std::move(mounts.mounts);
    request.env.insert(request.env.end(), mounts.env.begin(), mounts.env.end());

    auto status = container::run_step(context.session.engine, std::move(request));
    TRY(mounts.finish());
    if (!status.ok()) {
        exit_code = container::exit_code_of_failure(status.error());
        return std::move(status).error().context("process \"", command_text(work.argv), "\" could not be started");
    }
    exit_code = status.value().shell_code();
    if (exit_code == 0) return {};
    return Error(Kind::system, cat("process \"", command_text(work.argv), "\" did not complete successfully: exit code: ", exit_code));
}

}  // namespace

Result<std::optional<LayerStep>> plan_run(const StepContext& context, const Run& run) {
    auto work = std::make_shared<RunWork>();
    TRY(set_command(*work, context.state, run));
    TRY(set_isolation(*work, context.session, run));
    set_environment(*work, context.session, context.state);
    work->user = context.state.image.config.user;
    work->working_dir = context.state.image.config.working_dir;
    work->layers = context.state.layers;
    for (const std::string& text : run.mounts) {
        RunMount mount = TRY(parse_run_mount(text));
        work->mounts.push_back(std::move(mount));
    }
    auto key = TRY(make_key(*work, context));
    if (!key) return std::optional<LayerStep>();
    LayerStep step{std::move(*key), run_history(context.state, work->argv), {}};
    step.volumes = cache_volumes(context.session, work->mounts, work->working_dir);
    step.make = [work, context, exit_code = step.exit_code](image::Staging& staging, int) { return execute(*work, context, staging, *exit_code); };
    return std::optional(std::move(step));
}

}  // namespace berth::builder
