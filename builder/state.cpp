#include "builder/state.h"

#include <algorithm>

#include "base/ids.h"
#include "base/root.h"
#include "builder/expose.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr std::string_view default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view history_comment = "buildkit.dockerfile.v0";

/// Replaces in place, so that the order of an image's variables never changes.
void set_env(image::Strings& env, const std::string& key, const std::string& value) {
    const std::string mark = key + '=';
    const auto found = std::find_if(env.begin(), env.end(), [&](const std::string& text) { return text.starts_with(mark); });
    if (found != env.end()) *found = mark + value;
    else env.push_back(mark + value);
}

/// "[a b]", as Go prints a list.
std::string list_text(const std::vector<std::string>& words) { return cat('[', join(words, " "), ']'); }
/// `["a" "b"]`
std::string quoted_list_text(const std::vector<std::string>& words) {
    std::vector<std::string> quoted;
    for (const std::string& word : words) quoted.push_back(quote(word));
    return list_text(quoted);
}

std::string health_text(const HealthConfig& health) {
    return cat("{Test:", list_text(health.test), " Interval:", duration_text(health.interval), " Timeout:", duration_text(health.timeout),
               " StartPeriod:", duration_text(health.start_period), " StartInterval:", duration_text(health.start_interval),
               " Retries:", health.retries, '}');
}

class MetadataApplier {
public:
    MetadataApplier(StageState& state, const StateContext& context) : state_(state), context_(context) {}

    Result<bool> operator()(const Env& env) {
        std::string line = "ENV";
        for (const KeyValue& pair : env.pairs) {
            const std::string value = pair.value.value_or("");
            line += cat(' ', pair.key, '=', value);
            state_.variables.set(pair.key, value);
            set_env(config().env, pair.key, value);
        }
        return record(std::move(line));
    }
    Result<bool> operator()(const Label& label) {
        std::string line = "LABEL";
        for (const KeyValue& pair : label.pairs) {
            config().labels[pair.key] = pair.value.value_or("");
            line += cat(' ', pair.key, '=', pair.value.value_or(""));
        }
        return record(std::move(line));
    }
    Result<bool> operator()(const Arg& arg) {
        std::vector<std::string> texts;
        for (KeyValue pair : arg.pairs) {
            TRY(give_value(pair));
            // SBOM switches steer the builder and never reach a process.
            const bool is_variable = !pair.key.starts_with("BUILDKIT_SBOM_SCAN_");
            if (pair.value && is_variable) state_.variables.set(pair.key, *pair.value);
            texts.push_back(pair.value ? cat(pair.key, '=', *pair.value) : pair.key);
            state_.arguments.push_back(std::move(pair));
        }
        return record(cat("ARG ", join(texts, " ")));
    }
    Result<bool> operator()(const Cmd& cmd) {
        config().cmd = with_shell(state_, cmd.command);
        config().args_escaped = true;
        state_.has_cmd = true;
        return record(cat("CMD ", quoted_list_text(*config().cmd)));
    }
    Result<bool> operator()(const Entrypoint& entrypoint) {
        std::vector<std::string> words = with_shell(state_, entrypoint.command);
        // An inherited CMD was made for the inherited ENTRYPOINT; one from this stage stays.
        if (!state_.has_cmd) config().cmd.reset();
        std::string line = cat("ENTRYPOINT ", quoted_list_text(words));
        config().entrypoint.reset();
        if (!words.empty()) config().entrypoint = std::move(words);
        return record(std::move(line));
    }
    Result<bool> operator()(const Expose& expose) {
        std::vector<std::string> all;
        for (const std::string& word : expose.ports) {
            const ExposedPorts exposed = TRY(parse_exposed(word));
            for (const std::string& port : exposed.ports) config().exposed_ports[port];
            all.insert(all.end(), exposed.ports.begin(), exposed.ports.end());
        }
        return record(cat("EXPOSE ", list_text(all)));
    }
    Result<bool> operator()(const Healthcheck& health) {
        config().healthcheck = health.config;
        return record(cat("HEALTHCHECK ", health_text(health.config)));
    }
    Result<bool> operator()(const Maintainer& maintainer) {
        state_.image.author = maintainer.author;
        return record(cat("MAINTAINER ", maintainer.author));
    }
    Result<bool> operator()(const Onbuild& onbuild) {
        config().on_build.push_back(onbuild.text);
        return true;
    }
    Result<bool> operator()(const Shell& shell) {
        config().shell = shell.words;
        return record(cat("SHELL ", list_text(shell.words)));
    }
    Result<bool> operator()(const Stopsignal& stop) {
        TRY(Signal::parse(stop.signal), "STOPSIGNAL");
        config().stop_signal = stop.signal;
        return record(cat("STOPSIGNAL ", stop.signal));
    }
    Result<bool> operator()(const User& user) {
        config().user = user.user;
        return record(cat("USER ", user.user));
    }
    Result<bool> operator()(const Volume& volume) {
        for (const std::string& path : volume.paths) {
            if (path.empty()) return Error(Kind::invalid, "VOLUME specified can not be an empty string");
            config().volumes[path];
        }
        return record(cat("VOLUME ", list_text(volume.paths)));
    }
    template <class MakesLayer>
    Result<bool> operator()(const MakesLayer&) {
        return false;
    }

private:
    image::RunConfig& config() { return state_.image.config; }
    Result<bool> record(std::string line) {
        add_history(state_, context_, std::move(line), false);
        return true;
    }
    /// --build-arg, else the default, else the global ARG of that name, else none.
    Result<void> give_value(KeyValue& pair) {
        const auto given = context_.build_args->find(pair.key);
        if (given != context_.build_args->end()) {
            pair.value = given->second;
        } else if (pair.value) {
            Expanded done = TRY(expand(*pair.value, state_.variables.lookup(), {.escape = context_.escape}), "ARG ", pair.key);
            pair.value = std::move(done.text);
        } else {
            pair.value = context_.globals->find(pair.key);
        }
        return {};
    }

    StageState& state_;
    const StateContext& context_;
};

void ensure_path(image::Strings& env) {
    const bool has_path = std::any_of(env.begin(), env.end(), [](const std::string& text) { return text.starts_with("PATH="); });
    if (!has_path) env.emplace_back(default_path);
}

}  // namespace

StageState start_from_scratch(const Platform& platform) {
    StageState state;
    state.image.os = platform.os;
    state.image.architecture = platform.architecture;
    state.image.variant = platform.variant;
    state.image.config.working_dir = "/";
    ensure_path(state.image.config.env);
    state.variables = Variables(state.image.config.env);
    return state;
}

StageState start_from_image(image::ImageConfig config, std::vector<image::LayerRef> layers) {
    StageState state;
    state.layers = std::move(layers);
    state.time = config.created.value_or(Moment{});
    image::RunConfig kept;
    image::RunConfig& old = config.config;
    // What a container of the base once had (host name, terminal, …) is no part of an image that is built on it.
    kept.user = std::move(old.user);
    kept.exposed_ports = std::move(old.exposed_ports);
    kept.env = std::move(old.env);
    kept.cmd = std::move(old.cmd);
    kept.healthcheck = std::move(old.healthcheck);
    kept.args_escaped = old.args_escaped;
    kept.volumes = std::move(old.volumes);
    kept.working_dir = std::move(old.working_dir);
    kept.entrypoint = std::move(old.entrypoint);
    kept.labels = std::move(old.labels);
    kept.stop_signal = std::move(old.stop_signal);
    kept.stop_timeout = old.stop_timeout;
    kept.shell = std::move(old.shell);
    if (!kept.working_dir.empty()) kept.working_dir = join_path("/", kept.working_dir);
    ensure_path(kept.env);
    state.variables = Variables(kept.env);
    state.image = std::move(config);
    state.image.config = std::move(kept);
    state.image.container.clear();
    state.image.docker_version.clear();
    state.image.comment.clear();
    state.image.rootfs.diff_ids.clear();
    return state;
}

StageState start_from_stage(const StageState& parent) {
    StageState state = parent;
    state.image.config.on_build.clear();
    state.has_cmd = false;
    return state;
}

Result<bool> apply_metadata(StageState& state, const Instruction& instruction, const StateContext& context) {
    return std::visit(MetadataApplier(state, context), instruction.what);
}

std::string next_working_dir(const StageState& state, const std::string& path) {
    const std::string& current = state.image.config.working_dir;
    return join_path(current.empty() ? "/" : current, path);
}

std::vector<std::string> with_shell(const StageState& state, const CommandLine& command) {
    if (!command.is_shell) return command.words;
    std::vector<std::string> words = state.image.config.shell;
    if (words.empty()) words = {"/bin/sh", "-c"};
    // A shell form without text still is a list: `CMD` alone gives the shell nothing to do.
    words.push_back(join(command.words, " "));
    return words;
}

std::string run_history(const StageState& state, const std::vector<std::string>& argv) {
    Variables shown;
    for (const KeyValue& argument : state.arguments)
        shown.set(argument.key, state.variables.find(argument.key).value_or(argument.value.value_or("")));
    std::vector<std::string> words = {"RUN"};
    if (!shown.texts().empty()) {
        words.push_back(cat('|', shown.texts().size()));
        words.insert(words.end(), shown.texts().begin(), shown.texts().end());
    }
    words.insert(words.end(), argv.begin(), argv.end());
    words.emplace_back("# buildkit");
    return join(words, " ");
}

std::string copy_history(const Copy& copy) {
    std::string line = copy.is_add ? "ADD" : "COPY";
    if (copy.parents) line += " --parents";
    if (!copy.chown.empty()) line += cat(" --chown=", copy.chown);
    if (!copy.chmod.empty()) line += cat(" --chmod=", copy.chmod);
    for (const std::string& source : copy.sources) line += cat(' ', source);
    for (const Heredoc& document : copy.documents) line += cat(" <<", document.name);
    return cat(line, ' ', copy.destination, " # buildkit");
}

void add_history(StageState& state, const StateContext& context, std::string created_by, bool has_layer) {
    image::HistoryEntry entry;
    entry.created = context.epoch.value_or(state.time);
    entry.created_by = std::move(created_by);
    entry.comment = history_comment;
    entry.empty_layer = !has_layer;
    state.image.history.push_back(std::move(entry));
}

}  // namespace berth::builder
