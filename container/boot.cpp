// start --boot, and the order that --requires asks for.

#include <algorithm>
#include <set>

#include "container/engine.h"
#include "container/monitor_client.h"
#include "container/restart.h"

namespace berth::container {

namespace {

struct Requirement {
    std::string container;
    bool healthy = false;
};

Result<Requirement> parse_requirement(const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return Requirement{text, false};
    const std::string_view condition = std::string_view(text).substr(colon + 1);
    if (condition != "healthy" && condition != "started")
        return Error(Kind::invalid, cat("--requires ", text, ": the condition must be started or healthy"));
    return Requirement{text.substr(0, colon), condition == "healthy"};
}

/// `path` holds the containers whose start led here: a circle would never end.
Result<void> meet(Engine& engine, const Record& record, std::set<std::string> path) {
    if (!path.insert(record.id()).second)
        return Error(Kind::invalid, cat("--requires: ", record.name(), " requires itself by way of others"));
    for (const std::string& text : record.definition.host.requires_) {
        const Requirement requirement = TRY(parse_requirement(text));
        auto found = find(engine, requirement.container);
        // Exit code 127 would say that the command is missing.
        if (!found.ok()) return std::move(found).error().with_kind(Kind::system).context("--requires ", text);
        Record other = std::move(found).value();
        TRY(meet(engine, other, path));
        if (!other.run.state.running()) {
            TRY(start(engine, other, {}), "--requires ", text);
            other = TRY(find(engine, requirement.container));
        }
        if (!requirement.healthy) continue;
        if (TRY(wait(engine, other, WaitFor::healthy), "--requires ", text) != 0)
            return Error(Kind::wrong_state, cat("--requires ", text, ": ", other.name(), " did not become healthy"));
    }
    return {};
}

}  // namespace

Result<void> meet_requirements(Engine& engine, const Record& record) {
    if (record.definition.host.requires_.empty()) return {};
    return meet(engine, record, {});
}

Result<BootResult> start_boot(Engine& engine) {
    BootResult result;
    std::vector<Record> records = TRY(list(engine));
    // Oldest first: who requires another was made after it, as a rule, and meet_requirements sees to the rest.
    std::reverse(records.begin(), records.end());
    for (Record& record : records) {
        if (record.run.state.running() || !wants_start_at_boot(record)) continue;
        auto started = start(engine, record, {});
        if (started.ok()) result.started.push_back(record.name());
        else result.failed.emplace_back(record.name(), std::move(started).error());
    }
    return result;
}

}  // namespace berth::container
