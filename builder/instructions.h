#pragma once
// Typed instructions: what one Node means, checked as far as the text alone allows. Values still hold their variables;
// they are expanded when a stage is walked (stage_state.h), because each sees what stood before it.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/health.h"
#include "builder/dockerfile.h"

namespace berth::builder {

/// ENV, LABEL, ARG: a name and, where one was written, its value.
struct KeyValue {
    std::string key;
    std::optional<std::string> value;
    bool is_legacy = false;  ///< `ENV key value`
    bool operator==(const KeyValue&) const = default;
};

/// RUN, CMD, ENTRYPOINT: words to execute, or a text for the shell (then `words` has that one element).
struct CommandLine {
    std::vector<std::string> words;
    bool is_shell = false;
    std::vector<Heredoc> heredocs;
    bool operator==(const CommandLine&) const = default;
};

struct From { std::string image, platform, stage_name; };
struct Run {
    CommandLine command;
    std::vector<std::string> mounts;  ///< the texts of --mount, read when their variables are known (mounts.h)
    std::string network, security;
    std::vector<std::string> devices;
};
/// COPY and ADD.
struct Copy {
    bool is_add = false;
    std::vector<std::string> sources;
    std::vector<Heredoc> documents;  ///< sources written in place
    std::string destination;
    std::string from, chown, chmod, checksum;
    std::vector<std::string> excludes;
    bool link = false, parents = false, keeps_git_folder = false;
    std::optional<bool> unpack;
};
struct Env { std::vector<KeyValue> pairs; };
struct Label { std::vector<KeyValue> pairs; };
struct Arg { std::vector<KeyValue> pairs; };
struct Cmd { CommandLine command; };
struct Entrypoint { CommandLine command; };
struct Expose { std::vector<std::string> ports; };
struct Healthcheck { HealthConfig config; };
struct Maintainer { std::string author; };
struct Onbuild { std::string text; Node node; };
struct Shell { std::vector<std::string> words; };
struct Stopsignal { std::string signal; };
struct User { std::string user; };
struct Volume { std::vector<std::string> paths; };
struct Workdir { std::string path; };

struct Instruction {
    std::variant<From, Run, Copy, Env, Label, Arg, Cmd, Entrypoint, Expose, Healthcheck, Maintainer, Onbuild, Shell,
                 Stopsignal, User, Volume, Workdir>
        what;
    std::string text;  ///< as written, joined: what progress and history show
    int first_line = 0;
    int last_line = 0;
};

/// One instruction. The error starts with "NAME:LINE: " and tells what was found, what was expected and the nearest word.
Result<Instruction> parse_instruction(const Node& node, const Dockerfile& file);


}  // namespace berth::builder
