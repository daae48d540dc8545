#pragma once
// What a stage has become at some line: its configuration, layers, history and variables, and how each instruction that
// only concerns the configuration changes it. Pure; what needs files is in step_*.h.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/instructions.h"
#include "builder/variables.h"
#include "image/config.h"
#include "image/layer.h"

namespace berth::builder {

struct StageState {
    image::ImageConfig image;               ///< configuration, author and history so far; rootfs stays empty
    std::vector<image::LayerRef> layers;    ///< bottom first
    Variables variables;                    ///< ENV and ARG in the order of the file: what expansion and RUN see
    std::vector<KeyValue> arguments;        ///< ARGs declared so far, for RUN's history
    bool has_cmd = false;                   ///< CMD stood in this very stage
    std::vector<std::string> step_keys;     ///< of the steps that made the layers: what --cache-to leaves to others
    Moment time;                            ///< of the newest layer; lines without a layer take it
};

/// What expansion and ARG see of the whole build.
struct StateContext {
    char escape = '\\';
    const Variables* globals = nullptr;
    const std::map<std::string, std::string>* build_args = nullptr;
    std::optional<Moment> epoch;  ///< SOURCE_DATE_EPOCH: time of every new line of history
};

StageState start_from_scratch(const Platform& platform);
/// `config` is an image's; ONBUILD is taken out (the caller has read it).
StageState start_from_image(image::ImageConfig config, std::vector<image::LayerRef> layers);
StageState start_from_stage(const StageState& parent);

/// The instruction with its variables replaced. `unset` gathers names that had no value, for the check UndefinedVar.
Result<Instruction> expand_instruction(const Instruction& instruction, const StageState& state, const StateContext& context,
                                       std::set<std::string>* unset = nullptr);

/// Applies an expanded instruction that makes no layer (and WORKDIR's and RUN's part in the configuration is not here).
/// False when it is one that does: RUN, COPY, ADD, WORKDIR.
Result<bool> apply_metadata(StageState& state, const Instruction& instruction, const StateContext& context);

/// The new working folder: absolute and clean.
std::string next_working_dir(const StageState& state, const std::string& path);

/// argv of RUN, CMD and ENTRYPOINT: shell forms get SHELL in front.
std::vector<std::string> with_shell(const StageState& state, const CommandLine& command);
/// "RUN |1 A=b /bin/sh -c true # buildkit"
std::string run_history(const StageState& state, const std::vector<std::string>& argv);
/// "COPY --chown=1 a b /c/ # buildkit"
std::string copy_history(const Copy& copy);

void add_history(StageState& state, const StateContext& context, std::string created_by, bool has_layer);

}  // namespace berth::builder
