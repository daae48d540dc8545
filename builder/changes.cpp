// `--change` of commit and import: instructions that only concern the configuration, applied without running anything.

#include <algorithm>

#include "builder/build.h"
#include "builder/state.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

const std::vector<std::string> allowed = {"CMD",   "ENTRYPOINT", "ENV",        "EXPOSE", "HEALTHCHECK", "LABEL",
                                          "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"};

Result<void> check_allowed(const Node& node) {
    const std::string keyword = to_upper(node.keyword);
    if (std::find(allowed.begin(), allowed.end(), keyword) != allowed.end()) return {};
    return Error(Kind::invalid, cat("--change: ", keyword, " is not a valid change command", suggestion(keyword, allowed)))
        .with_hint(cat("allowed are ", join(allowed, " ")));
}

}  // namespace

Result<void> apply_changes(image::RunConfig& config, const std::vector<std::string>& changes) {
    if (changes.empty()) return {};
    const Dockerfile file = TRY(parse_dockerfile(join(changes, "\n"), "--change"));
    StageState state;
    state.image.config = config;
    state.variables = Variables(config.env);
    const Variables no_globals;
    const std::map<std::string, std::string> no_arguments;
    const StateContext context{file.directives.escape, &no_globals, &no_arguments, {}};
    for (const Node& node : file.nodes) {
        TRY(check_allowed(node));
        const Instruction written = TRY(parse_instruction(node, file));
        const Instruction instruction = TRY(expand_instruction(written, state, context), "--change");
        if (const Workdir* workdir = std::get_if<Workdir>(&instruction.what))
            state.image.config.working_dir = next_working_dir(state, workdir->path);
        else TRY(apply_metadata(state, instruction, context), "--change");
        // BuildKit's mark on a CMD; docker's daemon, which applies these, sets it for Windows only.
        if (std::holds_alternative<Cmd>(instruction.what)) state.image.config.args_escaped = false;
    }
    config = std::move(state.image.config);
    return {};
}

}  // namespace berth::builder
