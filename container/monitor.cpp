#include "container/monitor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/log.h"
#include "container/events.h"
#include "container/health_runner.h"
#include "container/links.h"
#include "container/pages.h"
#include "container/prune.h"
#include "container/registry.h"
#include "image/store.h"
#include "network/networks.h"

namespace berth::container {

namespace {

// docker: State.ExitCode when a start failed for another reason than the command.
constexpr int start_failed = 128;
// docker: the exit status was lost.
constexpr int status_unknown = 255;

Result<Request> receive_request(const Fd& socket) {
    const Packet packet = TRY(receive_packet(socket, control_packet_bytes));
    return parse_request(packet.bytes);
}

std::uint64_t oom_kills(const std::optional<runtime::Cgroup>& cgroup, const HostConfig& host) {
    // Reading costs some files; without a limit of its own the container cannot be what the kernel chose for a limit.
    if (!cgroup || host.memory == 0) return 0;
    const auto stats = cgroup->stats();
    return stats.ok() ? stats.value().oom_kills : 0;
}

}  // namespace

Monitor::Monitor(Engine& engine, Registry& registry, Loop& loop, Record record)
    : engine_(engine), registry_(registry), loop_(loop), record_(std::move(record)),
      restart_(record_.definition.host.restart_policy, 0) {}

Monitor::~Monitor() = default;

Result<void> Monitor::listen() {
    listener_ = TRY(listen_control(registry_.run_folder_path(record_.id())));
    loop_.watch(listener_.raw(), EPOLLIN, [this](std::uint32_t) { accept_client(); });
    return {};
}

bool Monitor::start(Fd starter, const Request& wish) {
    record_.run.state.restart_count = 0;
    record_.run.state.manually_stopped = false;
    auto begun = begin_run(&starter, wish);
    if (begun.ok()) return true;
    record_failed_start(begun.error());
    Answer answer = answer_of(begun.error());
    answer.code = exit_code_of_failure(begun.error());
    ignore(send_answer(starter, answer), "the starter may be gone");
    return false;
}

bool Monitor::adopt(Fd starter) {
    restart_ = RestartMachine(record_.definition.host.restart_policy, record_.run.state.restart_count);
    const auto answer_starter = [&] { ignore(send_answer(starter, Answer{}), "the starter may be gone"), starter.reset(); };
    State& state = record_.run.state;
    run_.emplace();
    run_->is_own_child = false;
    run_->began = tick_now();
    if (auto cgroup = from_json<runtime::CgroupRecord>(state.cgroup); cgroup.ok())
        if (auto opened = runtime::Cgroup::open(std::move(cgroup).value()); opened.ok())
            run_->cgroup.emplace(std::move(opened).value());
    std::optional<Fd> pidfd;
    if (state.init)
        if (auto opened = state.init->open(); opened.ok()) pidfd = std::move(opened).value();
    if (!pidfd) {
        if (auto listening = listen(); !listening.ok()) log::debug("adopt ", record_.name(), ": ", listening.error().text());
        if (state.status != Status::restarting) on_ended(status_unknown);
        else run_.reset(), schedule_restart(Duration{});
        answer_starter();
        return true;
    }
    run_->pid = state.init->pid;
    run_->pidfd = std::move(*pidfd);
    const auto prepared = [&]() -> Result<void> {
        const Fd folder = TRY(registry_.folder(record_.id()));
        const Fd run_folder = TRY(sys::open(registry_.run_folder_path(record_.id()), O_PATH | O_DIRECTORY));
        streams_.emplace(loop_, TRY(LogWriter::open(folder, record_.definition)));
        TRY(streams_->adopt(run_folder, record_.definition));
        run_->netns = TRY(sys::open(cat("/proc/", run_->pid, "/ns/net"), O_RDONLY));
        for (const Link& link : find_links(engine_, record_.definition).value_or({})) add_links_to(run_->link_environment, link.environment);
        TRY(listen());
        if (!has_networks(record_.definition)) return {};
        network::Networks* networks = TRY(engine_.networks());
        const network::AttachRequest request = TRY(make_attach_request(record_.definition));
        run_->attachment.emplace(TRY(network::adopt(*networks, run_->netns, request)));
        return {};
    }();
    if (!prepared.ok()) log::debug("adopt ", record_.name(), ": ", prepared.error().text());
    answer_starter();
    watch_run();
    return true;
}

Result<void> Monitor::begin_run(Fd* starter, const Request& wish) {
    Launch launch(engine_, record_.definition);
    const std::string folder_path = registry_.folder_path(record_.id());
    const Fd folder = TRY(registry_.folder(record_.id()));
    const Fd run_folder = TRY(sys::open(registry_.run_folder_path(record_.id()), O_PATH | O_DIRECTORY));
    launch.files_folder = folder_path;
    if (record_.definition.rootfs.empty()) {
        image::Store* store = TRY(engine_.images());
        launch.overlay.lowers = TRY(store->layer_folders(record_.definition.layers), "image");
        launch.overlay.upper = folder_path + "/fs/upper";
        launch.overlay.work = folder_path + "/fs/work";
    }
    streams_.emplace(loop_, TRY(LogWriter::open(folder, record_.definition)));
    TRY(streams_->make(run_folder, record_.definition), "streams");
    launch.stdio = streams_->ends();
    launch.extra = streams_->extra_ends();
    if (record_.definition.host.init.value_or(false) || !record_.definition.host.processes.empty())
        launch.facts.init_program = helper_path("berth-monitor");
    launch.on_user = [this](const runtime::ResolvedUser& user) { return streams_->give_ends_to(user); };

    launch.on_attached = [&]() -> Result<void> {
        streams_->close_ends();
        if (!listener_.valid()) TRY(listen());
        return record_running(launch);
    };

    const State before = record_.run.state;
    auto prepared = prepare_launch(launch);
    auto launched = prepared.ok() ? launch_run(launch, starter, wish) : std::move(prepared);
    if (launched.ok()) return {};
    if (launch.init)
        if (auto undone = undo_launch(launch); !undone.ok()) log::debug(undone.error().text());
    run_.reset();
    record_.run.state = before;  // Whatever stood there for a moment: it never ran.
    return launched;
}

Result<void> Monitor::launch_run(Launch& launch, Fd* starter, const Request& wish) {
    if (std::optional<Fd> console = launch.init->take_console()) TRY(streams_->take_console(std::move(*console)));
    if (wish.rows != 0) ignore(streams_->resize(wish.rows, wish.columns), "only a terminal has a size");
    TRY(launch.init->release(), "start");

    run_.emplace();
    Child child = std::move(*launch.init).into_child();
    run_->pid = child.pid();
    run_->pidfd = std::move(child).release();
    run_->cgroup = std::move(launch.cgroup);
    run_->attachment = std::move(launch.attachment);
    run_->netns = std::move(launch.netns);
    run_->link_environment = std::move(launch.facts.link_environment);
    run_->began = tick_now();
    if (starter != nullptr) {
        Answer answer;
        answer.pid = run_->pid;
        ignore(send_answer(*starter, answer), "the starter may be gone; the container runs all the same");
        if (wish.op == Op::attach)
            streams_->add_client(std::move(*starter), {wish.input, wish.output, wish.error_output});
        else starter->reset();
    }
    watch_run();
    note_event("start");
    return {};
}

Result<void> Monitor::record_running(Launch& launch) {
    State& state = record_.run.state;
    record_.run.boot = boot_id();
    state.status = Status::running;
    state.init = TRY(ProcessKey::of(launch.init->pid()));
    state.started_at = now();
    state.exit_code = 0;
    state.error.clear();
    state.oom_killed = false;
    state.has_been_started = true;
    state.cgroup = to_json(launch.cgroup->record());
    if (launch.attachment) {
        record_.run.network.endpoints = launch.attachment->endpoints;
        record_.run.network.ports = launch.attachment->ports;
    }
    if (record_.definition.config.healthcheck) {
        const auto plan = healthcheck::make_plan(*record_.definition.config.healthcheck, record_.definition.config.shell);
        state.health.reset();
        if (plan) state.health.emplace().status = healthcheck::Status::starting;
    }
    return registry_.store_state(record_.id(), record_.run, Durability::boot);
}

void Monitor::record_failed_start(const Error& error) {
    State& state = record_.run.state;
    const int code = exit_code_of_failure(error);
    state.status = state.started_at.nanoseconds == 0 ? Status::created : Status::exited;
    state.exit_code = code == 125 ? start_failed : code;
    state.error = error.text();
    state.init.reset();
    state.cgroup = Json();
    record_.run.network = {};
    store(Durability::boot);
    streams_.reset();
}

void Monitor::watch_run() {
    run_->oom_kills_before = oom_kills(run_->cgroup, record_.definition.host);
    run_->end_watch = loop_.watch(run_->pidfd.raw(), EPOLLIN, [this](std::uint32_t) { on_process_end(); });
    watch_network();
    slim_soon();
    if (streams_) streams_->begin();
    const auto& healthcheck = record_.definition.config.healthcheck;
    const auto plan = healthcheck ? healthcheck::make_plan(*healthcheck, record_.definition.config.shell) : std::nullopt;
    if (!plan) return;
    // The host's network, or another container's: nobody had to open it until now.
    if (!run_->netns.valid())
        if (auto opened = sys::open(cat("/proc/", run_->pid, "/ns/net"), O_RDONLY); opened.ok()) run_->netns = std::move(opened).value();
    health_ = std::make_unique<HealthRunner>(
        loop_, *plan, record_.run.state.health.value_or(healthcheck::Health{}),
        HealthRunner::Host{[this] { return target(); }, [this]() -> const Fd& { return run_->netns; },
                           [this](bool changed) { on_health(changed); }});
    health_->begin();
    if (record_.run.state.status == Status::paused) health_->pause();
}

/// Gives back the memory that a start, an exec or another request needed. Not at once: short runs shall not wait for it.
void Monitor::slim_soon() {
    if (slimming_ == 0) slimming_ = loop_.set_alarm(tick_now() + Duration::of_seconds(1), [this] { slimming_ = 0, release_idle_memory(); });
}

void Monitor::watch_network() {
    loop_.unwatch(run_->network_watch);
    if (run_->attachment && run_->attachment->events() >= 0)
        run_->network_watch = loop_.watch(run_->attachment->events(), EPOLLIN, [this](std::uint32_t) { run_->attachment->on_events(); });
}

void Monitor::on_process_end() {
    if (run_->is_own_child) {
        Child child(run_->pid, Fd());
        const auto status = child.wait();
        return on_ended(status.ok() ? status.value().shell_code() : status_unknown);
    }
    const auto status = exit_status_of_stranger(run_->pidfd);
    if (status.ok() && status.value()) return on_ended(status.value()->shell_code());
    if (!status.ok()) return on_ended(status_unknown);
    // Ended, but its present parent has not reaped it, which is what makes the status known; EPOLLHUP tells of that.
    loop_.change(run_->end_watch, 0);
    if (run_->reap_alarm == 0)
        run_->reap_alarm = loop_.set_alarm(tick_now() + Duration::of_seconds(2), [this] { on_ended(status_unknown); });
}

void Monitor::on_ended(int exit_code) {
    State& state = record_.run.state;
    const Duration lasted = tick_now() - run_->began;
    state.oom_killed = oom_kills(run_->cgroup, record_.definition.host) > run_->oom_kills_before;
    if (streams_) {
        streams_->finish();
        state.log_lines_dropped += streams_->log().dropped();
    }
    if (health_) {
        health_->end();
        state.health = health_->health();
        health_.reset();
    }
    tear_down_run();
    state.exit_code = exit_code;
    state.finished_at = now();
    state.init.reset();
    state.cgroup = Json();
    record_.run.network = {};
    if (stopping_) loop_.cancel_alarm(stopping_->alarm);

    const std::optional<Duration> delay = restart_.next_delay(exit_code, lasted);
    state.restart_count = restart_.count();
    if (delay) return schedule_restart(*delay);
    finish();
}

/// Gives back what the run held on the host. A failure here leaves something behind for the next sweep, nothing worse.
void Monitor::tear_down_run() {
    loop_.unwatch(run_->end_watch);
    loop_.unwatch(run_->network_watch);
    loop_.cancel_alarm(run_->reap_alarm);
    end_execs();
    if (run_->attachment || has_networks(record_.definition)) {
        run_->attachment.reset();
        const auto detached = [&]() -> Result<void> {
            network::Networks* networks = TRY(engine_.networks());
            const ContainerId id = TRY(ContainerId::parse(record_.id()));
            return network::detach(*networks, id);
        }();
        if (!detached.ok()) log::debug("detach networks: ", detached.error().text());
    }
    if (run_->cgroup) {
        // With a pid namespace of its own nothing is left; without one, what it started is.
        auto removed = run_->cgroup->remove();
        if (!removed.ok() && removed.error().kind() == Kind::busy) {
            ignore(run_->cgroup->kill_all(), "remove tells");
            removed = run_->cgroup->remove();
        }
        if (!removed.ok()) log::debug("remove cgroup: ", removed.error().text());
    }
    run_.reset();
}

void Monitor::schedule_restart(Duration delay) {
    record_.run.state.status = Status::restarting;
    store(Durability::boot);
    note_event("die", {{"exitCode", cat(record_.run.state.exit_code)}});
    if (streams_) streams_->send_end(static_cast<int>(record_.run.state.exit_code));
    streams_.reset();
    answer_waiters();
    restart_alarm_ = loop_.set_alarm(tick_now() + delay, [this] { restart_now(); });
}

void Monitor::restart_now() {
    restart_alarm_ = 0;
    auto begun = begin_run(nullptr, {});
    if (begun.ok()) return;
    record_failed_start(begun.error());
    record_.run.state.status = Status::exited;
    finish();
}

void Monitor::finish() {
    State& state = record_.run.state;
    state.status = Status::exited;
    const int exit_code = static_cast<int>(state.exit_code);
    is_over_ = true;
    // `restart` needs it again in a moment.
    const bool goes = record_.definition.host.auto_remove && !keeps_files_;
    if (goes) remove_container();
    else store(Durability::disk);
    if (streams_) streams_->send_end(exit_code);
    streams_.reset();
    take_last_requests();
    answer_waiters();
    note_event("die", {{"exitCode", cat(exit_code)}});
    if (goes) note_event("destroy");
    loop_.stop();
}

void Monitor::remove_container() {
    auto removed = registry_.remove(record_.definition);
    if (!removed.ok()) log::debug("remove ", record_.name(), ": ", removed.error().text());
    const auto& mounts = record_.definition.mounts;
    if (std::any_of(mounts.begin(), mounts.end(), [](const MountPoint& point) { return point.anonymous; }))
        ignore(remove_anonymous_volumes(engine_, record_.definition), "prune finds them");
}

void Monitor::store(Durability durability) {
    auto stored = registry_.store_state(record_.id(), record_.run, durability);
    if (!stored.ok()) log::debug("state of ", record_.name(), ": ", stored.error().text());
}

void Monitor::note_event(std::string action, TextMap attributes) {
    const auto log = EventLog::open(engine_.paths().root);
    if (!log.ok()) return;
    for (const auto& label : record_.definition.config.labels) attributes.insert(label);
    attributes["image"] = record_.definition.config.image;
    attributes["name"] = record_.name();
    Event event{"container", std::move(action), {record_.id(), std::move(attributes)}, "local", {}};
    ignore(log.value().append(std::move(event)), "history is not worth a failure");
}

void Monitor::on_health(bool changed) {
    State& state = record_.run.state;
    state.health = health_->health();
    store(Durability::boot);
    if (!changed) return answer_health_waiters();
    note_event(cat("health_status: ", healthcheck::status_text(state.health->status)));
    answer_health_waiters();
    if (state.health->status != healthcheck::Status::unhealthy) return;
    // podman: --health-on-failure. With `restart` the policy brings it back, or a fresh run if there is none.
    const std::string& action = record_.definition.host.health_on_failure;
    if (action == "kill") ignore(send_signal(run_->pidfd, Signal::of(SIGKILL)), "it may have ended");
    if (action == "stop") restart_.cancel();
    if (action == "restart") restart_.demand();
    if (action == "stop" || action == "restart") begin_stop(stop_signal_of(record_.definition), stop_timeout_of(record_.definition));
}

/// TERM is what a host that goes down sends to all: the container is asked to end, and comes back with the next boot.
Result<void> Monitor::watch_signals() {
    sigset_t asked;
    sigemptyset(&asked);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&asked, signal);
    ::sigprocmask(SIG_BLOCK, &asked, nullptr);
    signals_ = Fd(::signalfd(-1, &asked, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) return Error::of_errno(errno, "signalfd");
    loop_.watch(signals_.raw(), EPOLLIN, [this](std::uint32_t) {
        signalfd_siginfo info;
        while (::read(signals_.raw(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            // The process that compresses a rotated log; all other children are watched by their pidfds.
            if (info.ssi_signo == SIGCHLD && streams_) streams_->log().driver().reap_background();
            if (info.ssi_signo != SIGTERM) continue;
            restart_.cancel();
            if (run_) begin_stop(stop_signal_of(record_.definition), stop_timeout_of(record_.definition));
            else if (restart_alarm_ != 0) loop_.cancel_alarm(restart_alarm_), finish();
        }
    });
    return {};
}

int run_monitor(int count, char** arguments) {
    if (count != 5) return 125;
    Fd lock(3);
    Fd starter(4);
    const std::string id = arguments[3];
    const MonitorMode mode = arguments[4] == monitor_mode_word(MonitorMode::start) ? MonitorMode::start : MonitorMode::adopt;
    // A program that begins in a folder keeps its file system busy.
    if (::chdir("/") != 0) return 125;
    ::signal(SIGPIPE, SIG_IGN);

    const auto ran = [&]() -> Result<void> {
        Engine engine = TRY(Engine::open({arguments[1], arguments[2]}));
        Registry* registry = TRY(engine.containers());
        Record record = TRY(registry->load(id));
        Loop loop = TRY(Loop::open());
        Monitor monitor(engine, *registry, loop, std::move(record));
        // Read in any case: a socket that is closed with something unread takes our answer with it.
        const Request wish = TRY(receive_request(starter));
        TRY(monitor.watch_signals());
        const bool goes_on = mode == MonitorMode::start ? monitor.start(std::move(starter), wish) : monitor.adopt(std::move(starter));
        if (goes_on) loop.run();
        return {};
    }();
    if (ran.ok()) return 0;
    if (starter.valid()) ignore(send_answer(starter, answer_of(ran.error())), "the starter may be gone");
    return 125;
}

}  // namespace berth::container
