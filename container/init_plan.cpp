// The pure half of the tiny init: what may be declared, and in which order it starts.

#include <algorithm>
#include <charconv>
#include <set>

#include "container/spec.h"
#include "container/tiny_init.h"

namespace berth::container {

namespace {

const ProcessRequest* find_process(const InitPlan& plan, std::string_view name) {
    const auto found = std::find_if(plan.processes.begin(), plan.processes.end(), [&](const auto& process) { return process.name == name; });
    return found == plan.processes.end() ? nullptr : &*found;
}

Error unknown_process(std::string_view where, std::string_view name) {
    return Error(Kind::invalid, cat(where, ": there is no process '", name, "'"));
}

}  // namespace

Result<void> check_init_plan(const InitPlan& plan, bool has_command) {
    std::set<std::string> names;
    for (const ProcessRequest& process : plan.processes) {
        if (!ObjectName::parse(process.name).ok()) return Error(Kind::invalid, cat("--proc: invalid name '", process.name, "'"));
        if (!names.insert(process.name).second) return Error(Kind::invalid, cat("--proc: the name '", process.name, "' is given twice"));
        if (process.command.empty()) return Error(Kind::invalid, cat("--proc ", process.name, ": the command is empty"));
        for (const std::string& other : process.after)
            if (find_process(plan, other) == nullptr) return unknown_process(cat("--proc ", process.name, ",after=", other), other);
    }
    const bool names_one = !plan.end_when.empty() && plan.end_when != "any";
    if (names_one && find_process(plan, plan.end_when) == nullptr) return unknown_process("--end-when", plan.end_when);
    if (plan.processes.empty() && !has_command) return Error(Kind::invalid, "no command specified");
    if (start_order(plan).size() != plan.processes.size()) return Error(Kind::invalid, "--proc: after= goes in a circle");
    return {};
}

std::vector<std::size_t> start_order(const InitPlan& plan) {
    std::vector<std::size_t> order;
    std::set<std::string> started;
    // Each round takes those whose predecessors are all there; a round that finds none is the end, or a circle.
    for (bool found = true; found;) {
        found = false;
        for (std::size_t i = 0; i < plan.processes.size(); ++i) {
            const ProcessRequest& process = plan.processes[i];
            const bool is_ready = std::all_of(process.after.begin(), process.after.end(), [&](const auto& name) { return started.contains(name); });
            if (started.contains(process.name) || !is_ready) continue;
            started.insert(process.name);
            order.push_back(i);
            found = true;
        }
    }
    return order;
}

std::string order_text(const InitOrder& order) {
    if (order.restart) return cat("restart ", order.process);
    return cat("kill ", order.process, ' ', order.signal);
}

Result<InitOrder> parse_order(std::string_view text) {
    const std::size_t space = text.find(' ');
    const std::size_t last = text.rfind(' ');
    InitOrder order;
    order.restart = text.starts_with("restart ");
    if (order.restart) {
        order.process = text.substr(space + 1);
        return order;
    }
    if (!text.starts_with("kill ") || last == space) return Error(Kind::invalid, cat("unknown order '", text, "'"));
    order.process = text.substr(space + 1, last - space - 1);
    std::from_chars(text.data() + last + 1, text.data() + text.size(), order.signal);
    return order;
}

bool is_tiny_init(std::string_view program) { return program == init_path; }

}  // namespace berth::container
