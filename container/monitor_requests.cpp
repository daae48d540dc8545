// What commands ask of a monitor (control.h). Each request is either answered at once or becomes a waiter, which the end of
// the container (or a change of its health) answers.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/sys.h"
#include "container/etc_files.h"
#include "container/health_runner.h"
#include "container/history.h"
#include "container/monitor.h"
#include "container/registry.h"
#include "container/tiny_init.h"
#include "container/update.h"
#include "network/networks.h"

namespace berth::container {

int stop_signal_of(const Definition& definition) {
    const auto parsed = Signal::parse(definition.config.stop_signal);
    return parsed.ok() ? parsed.value().number() : SIGTERM;
}

std::int64_t stop_timeout_of(const Definition& definition) { return definition.config.stop_timeout.value_or(10); }

Error Monitor::not_running() const {
    if (record_.run.state.status == Status::restarting)
        return Error(Kind::wrong_state, cat("container ", record_.name(), " is restarting, wait until it is running"));
    return Error(Kind::wrong_state, cat("container ", record_.name(), " is not running"));
}

void Monitor::accept_client() {
    const int raw = ::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC);
    if (raw < 0) return;
    auto& [socket, watch] = newcomers_.emplace_back(Fd(raw), 0);
    const auto place = std::prev(newcomers_.end());
    watch = loop_.watch(raw, EPOLLIN, [this, place](std::uint32_t) {
        loop_.unwatch(place->second);
        Fd client = std::move(place->first);
        newcomers_.erase(place);
        auto packet = receive_packet(client, control_packet_bytes);
        if (packet.ok() && !packet.value().bytes.empty()) on_request(std::move(client), std::move(packet).value());
    });
}

/// Whoever connected before the end is answered too: it saw a running container and asked in time. From here on there is
/// no socket to connect to.
void Monitor::take_last_requests() {
    const auto folder = sys::open(registry_.run_folder_path(record_.id()), O_PATH | O_DIRECTORY);
    if (folder.ok()) ignore(sys::unlinkat(folder.value(), "control.sock"), "with --rm it is gone already");
    while (listener_.valid()) {
        pollfd waiting{listener_.raw(), POLLIN, 0};
        if (::poll(&waiting, 1, 0) != 1) break;
        accept_client();
    }
    for (auto& [socket, watch] : newcomers_) {
        loop_.unwatch(watch);
        // Connected a moment ago and about to send.
        pollfd request{socket.raw(), POLLIN, 0};
        if (::poll(&request, 1, 100) != 1) continue;
        auto packet = receive_packet(socket, control_packet_bytes);
        if (packet.ok() && !packet.value().bytes.empty()) on_request(std::move(socket), std::move(packet).value());
    }
    newcomers_.clear();
}

void Monitor::reply(const Fd& socket, const Result<Answer>& answer) {
    Answer failed;
    if (!answer.ok()) failed = answer_of(answer.error()), failed.code = exit_code_of_failure(answer.error());
    ignore(send_answer(socket, answer.ok() ? answer.value() : failed), "the client may be gone");
}

void Monitor::on_request(Fd socket, Packet packet) {
    slim_soon();
    auto request = parse_request(packet.bytes);
    if (!request.ok()) return reply(socket, std::move(request).error());
    dispatch(std::move(socket), std::move(request).value(), std::move(packet.descriptors));
}

void Monitor::dispatch(Fd socket, Request request, std::vector<Fd> descriptors) {
    switch (request.op) {
        case Op::attach: return start_attach(std::move(socket), request);
        case Op::stop: return start_stop(std::move(socket), std::move(request));
        case Op::kill: return start_kill(std::move(socket), std::move(request));
        case Op::wait: return start_wait(std::move(socket), std::move(request));
        case Op::exec: return start_exec(std::move(socket), std::move(request), std::move(descriptors));
        case Op::health:
            if (!health_) return reply(socket, Error(Kind::wrong_state, cat("container ", record_.name(), " has no health check")));
            health_->run_now();
            return add_waiter(std::move(socket), std::move(request));
        default: return reply(socket, answer_for(request));
    }
}

Result<Answer> Monitor::answer_for(const Request& request) {
    switch (request.op) {
        case Op::pause: TRY(pause()); break;
        case Op::unpause: TRY(unpause()); break;
        case Op::update: return update(request);
        case Op::reload: TRY(reload()); break;
        case Op::connect: TRY(connect(request.endpoint.value_or(network::EndpointRequest{}))); break;
        case Op::disconnect: TRY(disconnect(request.endpoint.value_or(network::EndpointRequest{}))); break;
        case Op::resize:
            if (!streams_) return not_running();
            TRY(streams_->resize(request.rows, request.columns));
            note_resize(request.rows, request.columns);
            break;
        default: break;
    }
    Answer answer;
    answer.pid = run_ ? run_->pid : 0;
    return answer;
}

void Monitor::start_attach(Fd socket, const Request& request) {
    if (!run_ || !streams_) return reply(socket, not_running());
    if (record_.run.state.status == Status::paused)
        return reply(socket, Error(Kind::wrong_state, cat("container ", record_.name(), " is paused, unpause it before attach")));
    const int init = run_->pidfd.raw();
    ignore(send_answer(socket, Answer{}, {&init, 1}), "the client may be gone");
    if (request.rows != 0 && streams_->resize(request.rows, request.columns).ok()) note_resize(request.rows, request.columns);
    streams_->add_client(std::move(socket), {request.input, request.output, request.error_output});
    note_event("attach");
}

void Monitor::note_resize(unsigned short rows, unsigned short columns) {
    note_event("resize", {{"height", cat(rows)}, {"width", cat(columns)}});
}

void Monitor::start_stop(Fd socket, Request request) {
    if (!request.for_restart && !request.for_boot && !is_over_) {
        record_.run.state.manually_stopped = true;
        store(Durability::disk);
    }
    restart_.cancel();
    keeps_files_ = keeps_files_ || request.for_restart;
    const int signal = request.signal != 0 ? request.signal : stop_signal_of(record_.definition);
    const std::int64_t timeout = request.timeout_seconds;
    add_waiter(std::move(socket), std::move(request));
    if (run_) return begin_stop(signal, timeout);
    if (is_over_) return;
    // Between two runs there is nothing to signal: it just does not come back.
    loop_.cancel_alarm(restart_alarm_);
    finish();
}

void Monitor::begin_stop(int signal, std::int64_t timeout_seconds) {
    if (!stopping_) stopping_.emplace();
    loop_.cancel_alarm(stopping_->alarm);
    stopping_->signal = signal;
    stopping_->ignored = ignores_signal(run_->pid, signal);
    ignore(send_signal(run_->pidfd, Signal::of(signal)), "it may have ended");
    note_event("kill", {{"signal", cat(signal)}});
    if (record_.run.state.status == Status::paused) ignore(unpause(), "a frozen container cannot end");
    if (timeout_seconds < 0) return;
    stopping_->alarm = loop_.set_alarm(tick_now() + Duration::of_seconds(timeout_seconds), [this] {
        stopping_->alarm = 0;
        stopping_->killed = true;
        ignore(send_signal(run_->pidfd, Signal::of(SIGKILL)), "it may have ended");
        if (stopping_->signal != SIGKILL) note_event("kill", {{"signal", cat(SIGKILL)}});
    });
}

void Monitor::start_kill(Fd socket, Request request) {
    if (!run_) return reply(socket, not_running());
    if (!request.process.empty()) return reply(socket, order_process(request));
    if (is_wish_to_end(request.signal, stop_signal_of(record_.definition))) {
        restart_.cancel();
        record_.run.state.manually_stopped = true;
        store(Durability::boot);
    }
    auto sent = send_signal(run_->pidfd, Signal::of(request.signal));
    if (!sent.ok()) return reply(socket, std::move(sent).error());
    note_event("kill", {{"signal", cat(request.signal)}});
    if (record_.run.state.status == Status::paused && is_wish_to_end(request.signal, stop_signal_of(record_.definition)))
        ignore(unpause(), "a frozen container cannot end");
    if (request.signal == SIGKILL) return add_waiter(std::move(socket), std::move(request));
    reply(socket, Answer{});
}

/// kill and restart of a declared process: the container's own init does it.
Result<Answer> Monitor::order_process(const Request& request) {
    const auto& processes = record_.definition.host.processes;
    const bool is_known = std::any_of(processes.begin(), processes.end(), [&](const auto& process) { return process.name == request.process; });
    if (!is_known) return Error(Kind::not_found, cat("container ", record_.name(), " has no process '", request.process, "'"));
    TRY(streams_->order(order_text({request.for_restart, request.process, request.signal})));
    return Answer{};
}

void Monitor::start_wait(Fd socket, Request request) {
    const bool is_health = request.condition == "healthy";
    if (is_health && !health_ && !is_over_)
        return reply(socket, Error(Kind::wrong_state, cat("container ", record_.name(), " has no health check to wait for")));
    add_waiter(std::move(socket), std::move(request));
    if (is_health) answer_health_waiters();
}

void Monitor::add_waiter(Fd socket, Request request) {
    Waiter& waiter = waiters_.emplace_back();
    waiter.socket = std::move(socket);
    waiter.request = std::move(request);
    const auto place = std::prev(waiters_.end());
    // Only to see it go: it has nothing more to say.
    waiter.watch = loop_.watch(waiter.socket.raw(), EPOLLRDHUP, [this, place](std::uint32_t) {
        loop_.unwatch(place->watch);
        waiters_.erase(place);
    });
}

void Monitor::answer_waiters() {
    const bool is_over = record_.run.state.status != Status::restarting;
    for (auto at = waiters_.begin(); at != waiters_.end();) {
        Waiter& waiter = *at;
        const bool waits_on = waiter.request.op == Op::wait && waiter.request.condition != "next-exit" && !is_over;
        const bool stop_goes_on = waiter.request.op == Op::stop && !is_over;
        if (waits_on || stop_goes_on) {
            ++at;
            continue;
        }
        Answer answer;
        answer.exit = static_cast<int>(record_.run.state.exit_code);
        if (stopping_) answer.killed = stopping_->killed, answer.ignored_signal = stopping_->ignored;
        if (waiter.request.condition == "healthy") answer.exit = 1;
        reply(waiter.socket, answer);
        loop_.unwatch(waiter.watch);
        at = waiters_.erase(at);
    }
    stopping_.reset();
}

void Monitor::answer_health_waiters() {
    if (!health_) return;
    const healthcheck::Status status = health_->health().status;
    for (auto at = waiters_.begin(); at != waiters_.end();) {
        const bool is_probe = at->request.op == Op::health;
        const bool is_wait = at->request.op == Op::wait && at->request.condition == "healthy";
        if (!is_probe && !(is_wait && status != healthcheck::Status::starting)) {
            ++at;
            continue;
        }
        Answer answer;
        answer.health = health_->health();
        answer.exit = status == healthcheck::Status::healthy ? 0 : 1;
        reply(at->socket, answer);
        loop_.unwatch(at->watch);
        at = waiters_.erase(at);
    }
}

Result<void> Monitor::pause() {
    if (!run_) return not_running();
    if (record_.run.state.status == Status::paused)
        return Error(Kind::wrong_state, cat("container ", record_.name(), " is already paused"));
    // Its probe first: frozen in a v1 group it could neither be killed nor waited for.
    if (health_) health_->pause();
    auto frozen = run_->cgroup->freeze();
    if (!frozen.ok() && health_) health_->unpause();
    TRY(std::move(frozen));
    record_.run.state.status = Status::paused;
    store(Durability::boot);
    note_event("pause");
    return {};
}

Result<void> Monitor::unpause() {
    if (!run_ || record_.run.state.status != Status::paused)
        return Error(Kind::wrong_state, cat("container ", record_.name(), " is not paused"));
    TRY(run_->cgroup->thaw());
    record_.run.state.status = Status::running;
    if (health_) health_->unpause();
    store(Durability::boot);
    note_event("unpause");
    return {};
}

/// config.json was changed by the command that asks (rename, update --restart): take it from there.
Result<void> Monitor::reload() {
    const std::string old_name = record_.name();
    record_.definition = TRY(registry_.load(record_.id())).definition;
    restart_.set_policy(record_.definition.host.restart_policy);
    if (record_.name() == old_name || !run_ || !run_->attachment) return {};
    network::Networks* networks = TRY(engine_.networks());
    const ContainerId id = TRY(ContainerId::parse(record_.id()));
    TRY(network::rename(*networks, id, record_.name(), *run_->attachment));
    record_attachment();
    return {};
}

void Monitor::record_attachment() {
    record_.run.network.endpoints = run_->attachment->endpoints;
    record_.run.network.ports = run_->attachment->ports;
    store(Durability::boot);
    // Which descriptor has the attachment's events may have changed with it.
    watch_network();
}

/// While it stands in the record.
void Monitor::note_endpoint(const std::string& network, std::string action) {
    for (const network::Endpoint& endpoint : record_.run.network.endpoints)
        if (endpoint.network == network) note(engine_.paths().root, {endpoint_event(engine_, record_, endpoint, action)});
}

Result<void> Monitor::connect(const network::EndpointRequest& endpoint) {
    if (!run_) return not_running();
    network::Networks* networks = TRY(engine_.networks());
    network::AttachRequest request = TRY(make_attach_request(record_.definition));
    if (run_->attachment) {
        TRY(network::connect(*networks, run_->netns, request, endpoint, *run_->attachment));
    } else {
        request.networks = {endpoint};
        run_->attachment.emplace(TRY(network::attach(*networks, run_->netns, request)));
    }
    const Definition before = record_.definition;
    record_.definition.networks.push_back(endpoint);
    record_attachment();
    note_endpoint(endpoint.network, "connect");
    TRY(follow_networks_in_resolv_conf(before, record_.definition, registry_.folder_path(record_.id())));
    return write_hosts_file(engine_, record_.definition, registry_.folder_path(record_.id()), run_->attachment->endpoints);
}

Result<void> Monitor::disconnect(const network::EndpointRequest& endpoint) {
    if (!run_ || !run_->attachment) return not_running();
    network::Networks* networks = TRY(engine_.networks());
    const ContainerId id = TRY(ContainerId::parse(record_.id()));
    TRY(network::disconnect(*networks, run_->netns, id, endpoint.network, *run_->attachment));
    note_endpoint(endpoint.network, "disconnect");
    const Definition before = record_.definition;
    std::erase_if(record_.definition.networks, [&](const auto& other) { return other.network == endpoint.network; });
    record_attachment();
    TRY(follow_networks_in_resolv_conf(before, record_.definition, registry_.folder_path(record_.id())));
    return write_hosts_file(engine_, record_.definition, registry_.folder_path(record_.id()), run_->attachment->endpoints);
}

/// config.json has what is wanted already; what cannot be done is not kept here either.
Result<Answer> Monitor::update(const Request&) {
    const Definition before = record_.definition;
    TRY(reload());
    auto applied = apply_to_run(before);
    if (!applied.ok()) {
        record_.definition = before;
        restart_.set_policy(before.host.restart_policy);
        return std::move(applied).error();
    }
    return Answer{};
}

Result<void> Monitor::apply_to_run(const Definition& before) {
    if (!run_) return {};
    if (run_->cgroup) {
        const runtime::Resources resources = TRY(make_resources(record_.definition.host, {}));
        TRY(run_->cgroup->update(resources));
    }
    const auto& had = before.host.port_bindings;
    const auto& wanted = record_.definition.host.port_bindings;
    auto moved = change_ports(ports_missing_in(had, wanted), ports_missing_in(wanted, had));
    if (!moved.ok() && run_->cgroup)
        if (const auto resources = make_resources(before.host, {}); resources.ok())
            ignore(run_->cgroup->update(resources.value()), "the port is what the user must know of");
    return moved;
}

Result<void> Monitor::change_ports(const std::vector<network::PortMapping>& leaving, const std::vector<network::PortMapping>& coming) {
    if ((leaving.empty() && coming.empty()) || !run_->attachment) return {};
    network::Networks* networks = TRY(engine_.networks());
    const network::AttachRequest request = TRY(make_attach_request(record_.definition));
    if (!leaving.empty()) TRY(network::unpublish(*networks, run_->netns, request, leaving, *run_->attachment));
    auto opened = coming.empty() ? Result<void>() : network::publish(*networks, run_->netns, request, coming, *run_->attachment);
    if (!opened.ok() && !leaving.empty())
        ignore(network::publish(*networks, run_->netns, request, leaving, *run_->attachment), "the first failure is the one to tell");
    record_attachment();
    return opened;
}

}  // namespace berth::container
