#pragma once
// The file as stages: instructions between two FROMs, what each needs of the others, and which the target needs. Pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/instructions.h"
#include "builder/variables.h"

namespace berth::builder {

struct Stage {
    std::size_t index = 0;
    std::string name;                ///< "" without AS
    std::string base;                ///< expanded: a stage's name, "scratch" or an image
    std::optional<std::size_t> parent;  ///< the stage that `base` names
    std::string platform;            ///< expanded, "" without --platform
    From from;
    std::string text;                ///< the FROM line
    int line = 0;
    std::vector<Instruction> instructions;
    std::vector<Node> nodes;         ///< of the instructions, for checks
    Node from_node;
};

/// What "--from=X" and "from=X" mean at a place in the file.
struct Plan {
    std::vector<Instruction> global_args;  ///< ARG before the first FROM
    Variables globals;                     ///< their values, and the platform's
    std::vector<Stage> stages;
    std::size_t target = 0;

    /// The stage that `reference` (name in any case, or index) means before stage `user`; nothing when it is an image.
    /// Kind::invalid when a stage of that name or number comes only later, or the index is none.
    Result<std::optional<std::size_t>> find_source(std::string_view reference, std::size_t user) const;
};

struct PlanRequest {
    std::string target;  ///< --target: a name or an index; "" is the last
    std::string from;    ///< --from: replaces the first FROM's image
    Platform platform;
    std::map<std::string, std::string> build_args;
};
/// Kind::invalid: no stage, an instruction before FROM, an unknown target (with the nearest), a bad variable.
Result<Plan> plan_stages(const Dockerfile& file, const PlanRequest& request);

/// Words of --from and --mount=from= in an instruction.
std::vector<std::string> sources_of(const Instruction& instruction);

/// The stages that `target` needs, itself included, each after those it needs. `extra` are instructions that ONBUILD adds
/// in front of a stage's own.
Result<std::vector<std::size_t>> needed_stages(const Plan& plan, const std::map<std::size_t, std::vector<Instruction>>& extra);

/// "[build 2/7] " for progress; nothing when the stage has no counted step.
std::string step_prefix(const Plan& plan, std::size_t stage, int step, int total);

}  // namespace berth::builder
