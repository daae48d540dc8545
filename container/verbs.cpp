// The verbs on containers that exist (engine.h): most of them are a question to the container's monitor.

#include <algorithm>
#include <csignal>
#include <iterator>
#include <tuple>

#include "container/end_run.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/monitor.h"
#include "container/monitor_client.h"
#include "container/processes.h"
#include "container/registry.h"
#include "container/update.h"

namespace berth::container {

namespace {

Error not_running(const Record& record) {
    return Error(Kind::wrong_state, cat("container ", record.name(), " is not running"));
}

Result<Answer> ask_running(Engine& engine, const Record& record, Request request) {
    if (!record.run.state.running()) return not_running(record);
    return ask_monitor(engine, record, request);
}

Result<void> reload_monitor(Engine& engine, const Record& record, Op op) {
    Request request;
    request.op = op;
    auto answer = ask_monitor(engine, record, request);
    if (answer.ok() || answer.error().kind() == Kind::wrong_state) return {};
    return std::move(answer).error();
}

void note_verb(Engine& engine, const Record& record, std::string action, TextMap attributes = {}) {
    note(engine.paths().root, {container_event(record, std::move(action), std::move(attributes))});
}

}  // namespace

int exit_code_of_failure(const Error& error) {
    if (error.kind() == Kind::not_found) return 127;
    if (error.kind() == Kind::denied) return 126;
    return 125;
}

Result<Started> start(Engine& engine, Record& record, const StartOptions& options) {
    Started started;
    std::optional<DirLock> lock = TRY(lock_stopped(engine, record));
    if (!lock) {
        started.was_running = true;
        if (options.attach) started.attachment = TRY(attach(engine, record, *options.attach));
        return started;
    }
    TRY(meet_requirements(engine, record));
    Request wish;
    if (options.attach) wish = attach_request(*options.attach);
    if (options.console_size) std::tie(wish.rows, wish.columns) = *options.console_size;
    MonitorStart begun = TRY(start_by_monitor(engine, record, std::move(*lock), wish));
    started.warnings = std::move(begun.answer.warnings);
    std::ranges::move(publish_warnings(record.definition), std::back_inserter(started.warnings));
    if (options.attach) started.attachment.emplace(std::move(begun.socket), std::move(begun.init));
    if (!options.pidfile.empty())
        TRY(replace_file(sys::here(), options.pidfile, cat(begun.answer.pid), 0644, Durability::boot), "pidfile");
    return started;
}

Result<Attachment> attach(Engine& engine, const Record& record, const AttachOptions& options) {
    if (!record.run.state.running())
        return Error(Kind::wrong_state, cat("cannot attach to container ", record.name(), ": it is not running"));
    Exchange answered = TRY(exchange(engine, record, attach_request(options)));
    MonitorStart attached = TRY(read_start(std::move(answered)));
    return Attachment(std::move(attached.socket), std::move(attached.init));
}

Result<StopResult> stop(Engine& engine, Record& record, const StopOptions& options) {
    const StopResult result = TRY(end_run(engine, record, options));
    if (result.was_running) note_verb(engine, record, "stop");
    return result;
}

Result<StopResult> restart(Engine& engine, Record& record, const StopOptions& options) {
    StopOptions for_restart = options;
    for_restart.for_restart = true;
    StopResult result = TRY(stop(engine, record, for_restart));
    Registry* registry = TRY(engine.containers());
    record = TRY(registry->load(record.id()));
    TRY(start(engine, record, {}));
    note_verb(engine, record, "restart");
    return result;
}

Result<void> kill(Engine& engine, Record& record, Signal signal, const std::string& process) {
    Request request;
    request.op = Op::kill;
    request.signal = signal.number();
    request.process = process;
    TRY(ask_running(engine, record, std::move(request)));
    return {};
}

Result<void> restart_process(Engine& engine, const Record& record, const std::string& process) {
    Request request;
    request.op = Op::kill;
    request.signal = SIGTERM;
    request.process = process;
    request.for_restart = true;
    TRY(ask_running(engine, record, std::move(request)));
    return {};
}

Result<void> pause(Engine& engine, const Record& record) {
    Request request;
    request.op = Op::pause;
    TRY(ask_running(engine, record, std::move(request)));
    return {};
}

Result<void> unpause(Engine& engine, const Record& record) {
    Request request;
    request.op = Op::unpause;
    TRY(ask_running(engine, record, std::move(request)));
    return {};
}

Result<void> rename(Engine& engine, const Record& record, const std::string& name) {
    const ObjectName parsed = TRY(ObjectName::parse(name));
    Registry* registry = TRY(engine.containers());
    const DirLock lock = TRY(registry->lock_definition(record.id()));
    Definition definition = TRY(registry->load(record.id())).definition;
    const std::string old_name = definition.name;
    if (parsed.str() == old_name)
        return Error(Kind::invalid, cat("container ", old_name, " has that name already"));
    TRY(registry->reserve_name(parsed.str(), record.id()));
    definition.name = parsed.str();
    if (auto stored = registry->store_definition(definition, Durability::disk); !stored.ok()) {
        ignore(registry->release_name(parsed.str(), record.id()), "the error below is the one to tell");
        return stored;
    }
    TRY(registry->release_name(old_name, record.id()));
    Record renamed = record;
    renamed.definition = std::move(definition);
    note_verb(engine, renamed, "rename", {{"oldName", cat('/', old_name)}});
    return reload_monitor(engine, record, Op::reload);
}

Result<int> wait(Engine& engine, const Record& record, WaitFor condition) {
    if (condition == WaitFor::healthy && !record.run.state.running()) return not_running(record);
    if (condition != WaitFor::not_running && !record.run.state.running()) return wait_for_files(engine, record, condition);
    Request request;
    request.op = Op::wait;
    request.condition = condition == WaitFor::healthy ? "healthy" : condition == WaitFor::removed ? "removed" : condition == WaitFor::next_exit ? "next-exit" : "not-running";
    Record current = record;
    while (current.run.state.running()) {
        auto answer = ask_monitor(engine, current, request);
        if (answer.ok() && condition != WaitFor::removed) return answer.value().exit;
        if (answer.ok()) return wait_for_files(engine, current, condition);
        if (answer.error().kind() != Kind::wrong_state) return std::move(answer).error();
        // Nobody there to ask: it just ended, or its monitor was killed, which find() sees to.
        auto again = find(engine, current.id());
        if (!again.ok() && again.error().kind() == Kind::not_found) break;
        current = TRY(std::move(again));
        if (condition == WaitFor::healthy && current.run.state.running()) return std::move(answer).error();
    }
    return static_cast<int>(current.run.state.exit_code);
}

Result<Exec> exec(Engine& engine, const Record& record, ExecOptions options) {
    if (!record.run.state.running()) return not_running(record);
    Request request;
    request.op = Op::exec;
    request.argv = std::move(options.argv);
    request.env = std::move(options.env);
    request.user = std::move(options.user);
    request.working_dir = std::move(options.working_dir);
    request.tty = options.tty;
    request.privileged = options.privileged;
    request.detach = options.detach;
    std::tie(request.rows, request.columns) = options.console_size;
    request.input = options.stdio[0].valid();
    request.output = options.stdio[1].valid();
    request.error_output = options.stdio[2].valid();
    std::vector<int> descriptors;
    for (const Fd& one : options.stdio)
        if (one.valid()) descriptors.push_back(one.raw());
    auto [socket, packet] = TRY(exchange(engine, record, request, descriptors));
    if (packet.bytes.empty()) return Error(Kind::system, "the container's monitor ended without an answer");
    const Answer answer = TRY(parse_answer(packet.bytes));
    if (auto error = error_of(answer)) return std::move(*error);
    if (packet.descriptors.empty()) bug("exec: no process");
    return Exec(std::move(socket), std::move(packet.descriptors.front()), packet.descriptors.size() > 1 ? std::move(packet.descriptors[1]) : Fd());
}

Result<int> Exec::wait() {
    const Packet packet = TRY(receive_packet(socket_, control_packet_bytes));
    if (!packet.bytes.empty()) return TRY(parse_answer(packet.bytes)).exit;
    // Its monitor was killed; the process went on.
    TRY(wait_for_end(process_, -1));
    const auto status = late_status(process_);
    return status ? status->shell_code() : status_unknown;
}

Result<healthcheck::Health> run_health_probe(Engine& engine, const Record& record) {
    Request request;
    request.op = Op::health;
    const Answer answer = TRY(ask_running(engine, record, std::move(request)));
    return answer.health.value_or(healthcheck::Health{});
}

}  // namespace berth::container
