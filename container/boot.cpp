// start --boot and stop --shutdown, and the order that --requires asks for.

#include <algorithm>
#include <map>
#include <set>

#include "container/end_run.h"
#include "container/engine.h"
#include "container/monitor_client.h"
#include "container/registry.h"
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

/// The ids of those that each of `records` requires.
std::map<std::string, std::set<std::string>> find_required(const Registry& registry, const std::vector<Record>& records) {
    std::map<std::string, std::set<std::string>> out;
    for (const Record& record : records)
        for (const std::string& text : record.definition.host.requires_) {
            const auto requirement = parse_requirement(text);
            if (!requirement.ok()) continue;
            auto id = registry.resolve(requirement.value().container);
            if (id.ok()) out[record.id()].insert(std::move(id).value());
        }
    return out;
}

struct Asked {
    std::string name;
    std::string id;
    Fd socket;
};

Result<Asked> ask_to_end(Engine& engine, const Record& record) {
    Request request = stop_request(record.definition);
    request.for_boot = true;
    Asked asked{record.name(), record.id(), TRY(connect_monitor(engine, record))};
    TRY(send_request(asked.socket, request));
    return asked;
}

void stop_together(Engine& engine, const Registry& registry, const std::vector<Record>& records, BootResult& result) {
    std::vector<Asked> asked;
    // Whoever ended by itself meanwhile needs no asking.
    const auto note_failure = [&](const std::string& name, Error error) {
        if (error.kind() != Kind::wrong_state) result.failed.emplace_back(name, std::move(error));
    };
    for (const Record& record : records) {
        auto one = ask_to_end(engine, record);
        if (one.ok()) asked.push_back(std::move(one).value());
        else note_failure(record.name(), std::move(one).error());
    }
    for (const Asked& one : asked) {
        auto ended = receive_answer(one.socket);
        auto gone = ended.ok() ? await_end(registry, one.id) : Result<void>(std::move(ended).error());
        if (gone.ok()) result.done.push_back(one.name);
        else note_failure(one.name, std::move(gone).error());
    }
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
        if (started.ok()) result.done.push_back(record.name());
        else result.failed.emplace_back(record.name(), std::move(started).error());
    }
    return result;
}

Result<BootResult> stop_for_boot(Engine& engine) {
    BootResult result;
    const Registry* registry = TRY(engine.containers());
    std::vector<Record> running = TRY(list(engine));
    std::erase_if(running, [](const Record& record) { return !record.run.state.running(); });
    const auto required = find_required(*registry, running);
    while (!running.empty()) {
        const auto is_required = [&](const Record& record) {
            return std::any_of(running.begin(), running.end(), [&](const Record& other) {
                const auto found = required.find(other.id());
                return found != required.end() && found->second.contains(record.id());
            });
        };
        auto later = std::stable_partition(running.begin(), running.end(), [&](const Record& record) { return !is_required(record); });
        // A circle, which start refuses but a rename can make: then all at once.
        if (later == running.begin()) later = running.end();
        const std::vector<Record> leaving(std::make_move_iterator(running.begin()), std::make_move_iterator(later));
        running.erase(running.begin(), later);
        stop_together(engine, *registry, leaving, result);
    }
    return result;
}

}  // namespace berth::container
