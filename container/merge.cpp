#include "container/merge.h"

#include <algorithm>

#include "healthcheck/probe.h"
#include "runtime/defaults.h"

namespace berth::container {

namespace {

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

auto find_entry(Words& env, std::string_view name) {
    return std::find_if(env.begin(), env.end(), [&](const std::string& entry) { return name_of(entry) == name; });
}

/// docker: "if the user gave no entrypoint …": the one place where ENTRYPOINT and CMD depend on each other.
void merge_command(Config& user, const Config& image) {
    const bool has_arguments = user.cmd && !user.cmd->empty();
    if (user.entrypoint) {
        if (user.entrypoint->size() == 1 && user.entrypoint->front().empty()) user.entrypoint->clear();
        return;
    }
    if (!has_arguments) user.cmd = image.cmd;
    user.entrypoint = image.entrypoint;
}

void merge_health(Config& user, const Config& image) {
    if (!image.healthcheck) return;
    user.healthcheck = user.healthcheck ? healthcheck::merge_config(*image.healthcheck, *user.healthcheck) : *image.healthcheck;
}

}  // namespace

Config merge_config(Config user, const Config& image) {
    if (user.user.empty()) user.user = image.user;
    if (user.working_dir.empty()) user.working_dir = image.working_dir;
    if (user.stop_signal.empty()) user.stop_signal = image.stop_signal;
    if (!user.stop_timeout) user.stop_timeout = image.stop_timeout;
    if (user.shell.empty()) user.shell = image.shell;
    if (user.on_build.empty()) user.on_build = image.on_build;
    for (const auto& port : image.exposed_ports) user.exposed_ports.insert(port);
    for (const auto& volume : image.volumes) user.volumes.insert(volume);
    for (const auto& label : image.labels) user.labels.insert(label);
    for (const std::string& entry : image.env)
        if (find_entry(user.env, name_of(entry)) == user.env.end()) user.env.push_back(entry);
    merge_command(user, image);
    merge_health(user, image);
    return user;
}

Result<Words> command_of(const Config& config) {
    Words words = config.entrypoint.value_or(Words());
    if (config.cmd) words.insert(words.end(), config.cmd->begin(), config.cmd->end());
    if (words.empty())
        return Error(Kind::invalid, "no command specified")
            .with_hint(cat("image '", config.image, "' has neither CMD nor ENTRYPOINT: give a command after its name, such as 'sh'"));
    if (words.front().empty()) return Error(Kind::invalid, "the command's first word is empty");
    return words;
}

Words make_environment(const Config& config, const std::string& home) {
    Words env{runtime::default_path_env(), cat("HOSTNAME=", config.hostname)};
    if (config.tty) env.emplace_back("TERM=xterm");
    for (const std::string& entry : config.env) set_env(env, entry);
    if (!find_env(env, "HOME")) env.push_back(cat("HOME=", home));
    return env;
}

std::optional<std::string> find_env(const Words& env, std::string_view name) {
    for (const std::string& entry : env)
        if (name_of(entry) == name && entry.size() > name.size()) return entry.substr(name.size() + 1);
    return std::nullopt;
}

void set_env(Words& env, std::string entry) {
    const auto found = find_entry(env, name_of(entry));
    const bool sets = entry.find('=') != std::string::npos;
    if (found == env.end()) {
        if (sets) env.push_back(std::move(entry));
    } else if (sets) {
        *found = std::move(entry);
    } else {
        env.erase(found);
    }
}

}  // namespace berth::container
