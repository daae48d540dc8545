#include "builder/triggers.h"

#include <algorithm>

#include "builder/text.h"

namespace berth::builder {
namespace {

Result<std::vector<std::string>> texts_for(Session& session, const Stage& stage) {
    if (stage.parent) {
        std::vector<std::string> texts;
        for (const Instruction& instruction : session.plan.stages[*stage.parent].instructions)
            if (const Onbuild* onbuild = std::get_if<Onbuild>(&instruction.what)) texts.push_back(onbuild->text);
        return texts;
    }
    if (stage.base == "scratch" || session.folders.count(to_lower(stage.base)) != 0) return std::vector<std::string>();
    const image::ImageId id = TRY(resolve_image(session, stage.base), session.file.name, ':', stage.line, ": FROM ", stage.base);
    const image::Image base = TRY(session.store.load(id));
    return base.config.config.on_build;
}

}  // namespace

Result<std::vector<Instruction>> parse_triggers(const std::vector<std::string>& texts, const Stage& stage, char escape) {
    std::vector<Instruction> instructions;
    for (const std::string& text : texts) {
        const std::string prefix = escape == '\\' ? "" : cat("# escape=", std::string_view(&escape, 1), "\n");
        Dockerfile file = TRY(parse_dockerfile(prefix + text, "ONBUILD"));
        if (file.nodes.size() != 1) return Error(Kind::invalid, cat("ONBUILD '", text, "': a trigger is one instruction"));
        Instruction instruction = TRY(parse_instruction(file.nodes.front(), file));
        instruction.text = cat("ONBUILD ", instruction.text);
        instruction.first_line = instruction.last_line = stage.line;
        instructions.push_back(std::move(instruction));
    }
    return instructions;
}

Result<std::vector<std::size_t>> resolve_stages(Session& session) {
    for (;;) {
        std::vector<std::size_t> order = TRY(needed_stages(session.plan, session.triggers));
        bool has_new = false;
        for (const std::size_t index : order) {
            if (session.triggers.count(index) != 0) continue;
            const Stage& stage = session.plan.stages[index];
            const std::vector<std::string> texts = TRY(texts_for(session, stage));
            std::vector<Instruction> triggers = TRY(parse_triggers(texts, stage, session.file.directives.escape), session.file.name, ':', stage.line);
            has_new = has_new || std::any_of(triggers.begin(), triggers.end(), [](const Instruction& one) { return !sources_of(one).empty(); });
            session.triggers.emplace(index, std::move(triggers));
        }
        if (!has_new) return order;
    }
}

}  // namespace berth::builder
