#include "builder/stages.h"

#include <charconv>
#include <functional>

#include "builder/text.h"

namespace berth::builder {
namespace {

std::optional<std::size_t> parse_index(std::string_view text) {
    std::size_t index = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return index;
}

/// Global ARGs see those before them and the platform's, nothing else.
Result<void> evaluate_globals(Plan& plan, const PlanRequest& request, const Dockerfile& file) {
    for (const Instruction& instruction : plan.global_args) {
        for (const KeyValue& pair : std::get<Arg>(instruction.what).pairs) {
            const auto given = request.build_args.find(pair.key);
            if (given != request.build_args.end()) {
                plan.globals.set(pair.key, given->second);
            } else if (pair.value) {
                const Expanded value = TRY(expand(*pair.value, plan.globals.lookup(), {.escape = file.directives.escape}),
                                           file.name, ':', instruction.first_line);
                plan.globals.set(pair.key, value.text);
            }
        }
    }
    return {};
}

Result<std::string> expand_global(const Plan& plan, const std::string& word, const Dockerfile& file, int line) {
    const Expanded done = TRY(expand(word, plan.globals.lookup(), {.escape = file.directives.escape}), file.name, ':', line);
    return done.text;
}

Result<void> resolve_base(Plan& plan, Stage& stage, const Dockerfile& file) {
    stage.base = TRY(expand_global(plan, stage.from.image, file, stage.line));
    if (stage.base.empty())
        return Error(Kind::invalid, cat(file.name, ':', stage.line, ": base name (", stage.from.image, ") should not be blank"))
            .with_hint("a variable in FROM takes its value from an ARG before the first FROM, or from --build-arg");
    if (!stage.from.platform.empty()) {
        stage.platform = TRY(expand_global(plan, stage.from.platform, file, stage.line));
        TRY(parse_platform(stage.platform), file.name, ':', stage.line);
    }
    // The last stage of a name counts, and only those before this one can be meant.
    for (const Stage& earlier : plan.stages)
        if (earlier.index < stage.index && !earlier.name.empty() && earlier.name == stage.base) stage.parent = earlier.index;
    return {};
}

Result<void> collect(Plan& plan, const Dockerfile& file) {
    for (const Node& node : file.nodes) {
        Instruction instruction = TRY(parse_instruction(node, file));
        if (const From* from = std::get_if<From>(&instruction.what)) {
            Stage stage;
            stage.index = plan.stages.size();
            stage.name = from->stage_name;
            stage.from = *from;
            stage.text = instruction.text;
            stage.line = instruction.first_line;
            stage.from_node = node;
            plan.stages.push_back(std::move(stage));
        } else if (!plan.stages.empty()) {
            plan.stages.back().instructions.push_back(std::move(instruction));
            plan.stages.back().nodes.push_back(node);
        } else if (std::holds_alternative<Arg>(instruction.what)) {
            plan.global_args.push_back(std::move(instruction));
        } else {
            return Error(Kind::invalid, cat(file.name, ':', node.first_line, ": no build stage in current context: ",
                                            to_upper(node.keyword), " stands before the first FROM"))
                .with_hint("only ARG may come before FROM");
        }
    }
    if (plan.stages.empty()) return Error(Kind::invalid, cat(file.name, ": the file has no stage: FROM is missing"));
    return {};
}

Result<std::size_t> find_target(const Plan& plan, const std::string& target) {
    if (target.empty()) return plan.stages.size() - 1;
    const std::string lower = to_lower(target);
    std::vector<std::string> names;
    for (std::size_t i = plan.stages.size(); i-- > 0;) {
        if (plan.stages[i].name == lower) return i;
        if (!plan.stages[i].name.empty()) names.push_back(plan.stages[i].name);
    }
    if (const auto index = parse_index(target); index && *index < plan.stages.size()) return *index;
    Error error(Kind::invalid, cat("target stage '", target, "' could not be found", suggestion(target, names)));
    if (names.empty()) return std::move(error).with_hint("the file names no stages: FROM IMAGE AS NAME");
    return std::move(error).with_hint(cat("the stages are ", join({names.rbegin(), names.rend()}, ", ")));
}

}  // namespace

Result<std::optional<std::size_t>> Plan::find_source(std::string_view reference, std::size_t user) const {
    const std::string lower = to_lower(reference);
    if (const auto index = parse_index(reference)) {
        if (*index < user) return std::optional(*index);
        return Error(Kind::invalid, cat("invalid stage index ", reference, ": stage ", user, " can copy from the ", user, " before it"));
    }
    for (std::size_t i = user; i-- > 0;)
        if (stages[i].name == lower) return std::optional(i);
    for (std::size_t i = user; i < stages.size(); ++i)
        if (stages[i].name == lower)
            return Error(Kind::invalid, cat("cannot copy from stage '", reference, "', it needs to be defined before this one"));
    return std::optional<std::size_t>();
}

Result<Plan> plan_stages(const Dockerfile& file, const PlanRequest& request) {
    Plan plan;
    TRY(collect(plan, file));
    plan.target = TRY(find_target(plan, request.target));
    const std::string target_name = request.target.empty() ? plan.stages.back().name : request.target;
    plan.globals = platform_variables(request.platform, target_name, request.build_args);
    TRY(evaluate_globals(plan, request, file));
    if (!request.from.empty()) plan.stages.front().from.image = request.from;
    for (Stage& stage : plan.stages) TRY(resolve_base(plan, stage, file));
    return plan;
}

std::vector<std::string> sources_of(const Instruction& instruction) {
    if (const Copy* copy = std::get_if<Copy>(&instruction.what))
        return copy->from.empty() ? std::vector<std::string>() : std::vector<std::string>{copy->from};
    std::vector<std::string> sources;
    const Run* run = std::get_if<Run>(&instruction.what);
    if (run == nullptr) return sources;
    for (const std::string& mount : run->mounts)
        for (const std::string& field : split_csv(mount).value_or(std::vector<std::string>()))
            if (to_lower(field).starts_with("from=")) sources.push_back(field.substr(5));
    return sources;
}

Result<std::vector<std::size_t>> needed_stages(const Plan& plan, const std::map<std::size_t, std::vector<Instruction>>& extra) {
    std::vector<std::size_t> order;
    std::set<std::size_t> seen;
    // Sources always come earlier in the file, so this ends.
    std::function<Result<void>(std::size_t)> visit = [&](std::size_t index) -> Result<void> {
        if (!seen.insert(index).second) return {};
        const Stage& stage = plan.stages[index];
        if (stage.parent) TRY(visit(*stage.parent));
        std::vector<Instruction> all;
        if (const auto added = extra.find(index); added != extra.end()) all = added->second;
        all.insert(all.end(), stage.instructions.begin(), stage.instructions.end());
        for (const Instruction& instruction : all) {
            for (const std::string& source : sources_of(instruction)) {
                const auto needed = TRY(plan.find_source(source, index), "line ", instruction.first_line);
                if (needed) TRY(visit(*needed));
            }
        }
        order.push_back(index);
        return {};
    };
    TRY(visit(plan.target));
    return order;
}

std::string step_prefix(const Plan& plan, std::size_t stage, int step, int total) {
    if (total == 0) return "";
    std::string name = plan.stages[stage].name;
    if (name.empty() && plan.stages.size() > 1) name = cat("stage-", stage);
    std::string number = cat(step);
    const std::string width = cat(total);
    number.insert(0, width.size() - number.size(), ' ');
    return cat('[', name, name.empty() ? "" : " ", number, '/', total, "] ");
}

}  // namespace berth::builder
