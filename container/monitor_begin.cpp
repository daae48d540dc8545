// How a run begins: launched for the command that starts the container or by the restart policy, or taken over from a
// monitor that was killed (monitor.h).

#include <sys/epoll.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/log.h"
#include "container/health_runner.h"
#include "container/history.h"
#include "container/links.h"
#include "container/monitor.h"
#include "container/pages.h"
#include "container/registry.h"
#include "image/store.h"
#include "network/networks.h"

namespace berth::container {

namespace {

// docker: State.ExitCode when a start failed for another reason than the command.
constexpr int start_failed = 128;

// What a run left on disk may hold a pid, such as an X server's lock, and whoever reads it asks whether that process lives.
// Were pids given out alike in every run, such a lock would be taken for ever: a later run counts from elsewhere.
std::int64_t choose_last_pid(const State& before) {
    constexpr const char* file = "/proc/sys/kernel/ns_last_pid";  // Only with CONFIG_CHECKPOINT_RESTORE.
    if (!before.has_been_started || ::access(file, W_OK) != 0) return 0;
    return 20 + tick_now().nanoseconds / 1000 % 200;
}

}  // namespace

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

/// The process and the group that the record tells of. False: the process is gone.
bool Monitor::find_left_run() {
    const State& state = record_.run.state;
    run_.emplace();
    run_->is_own_child = false;
    run_->began = tick_now();
    if (auto cgroup = from_json<runtime::CgroupRecord>(state.cgroup); cgroup.ok())
        if (auto opened = runtime::Cgroup::open(std::move(cgroup).value()); opened.ok()) run_->cgroup.emplace(std::move(opened).value());
    std::optional<Fd> pidfd;
    if (state.init)
        if (auto opened = state.init->open(); opened.ok()) pidfd = std::move(opened).value();
    if (!pidfd) return false;
    run_->pid = state.init->pid;
    run_->pidfd = std::move(*pidfd);
    run_->end = ForeignEnd::watch(run_->pid, run_->pidfd);
    return true;
}

Result<void> Monitor::take_over_run() {
    const Fd folder = TRY(registry_.folder(record_.id()));
    const Fd run_folder = TRY(sys::open(registry_.run_folder_path(record_.id()), O_PATH | O_DIRECTORY));
    open_streams(TRY(LogWriter::open(folder, record_.definition)));
    TRY(streams_->adopt(run_folder, record_.definition));
    run_->netns = TRY(sys::open(cat("/proc/", run_->pid, "/ns/net"), O_RDONLY));
    for (const Link& link : find_links(engine_, record_.definition).value_or({})) add_links_to(run_->link_environment, link.environment);
    if (!has_networks(record_.definition)) return {};
    network::Networks* networks = TRY(engine_.networks());
    const network::AttachRequest request = TRY(make_attach_request(record_.definition));
    run_->attachment.emplace(TRY(network::adopt(*networks, run_->netns, request)));
    return {};
}

/// What was killed with the container: only the rest of its end is left to do.
void Monitor::end_left_run(const Fd& init) {
    if (record_.run.state.status == Status::restarting) {
        run_.reset();
        return schedule_restart(Duration{});
    }
    const auto status = init.valid() ? late_status(init) : std::nullopt;
    on_ended(status ? status->shell_code() : status_unknown);
}

bool Monitor::adopt(Fd starter, const Request& wish, Fd init) {
    restart_ = RestartMachine(record_.definition.host.restart_policy, record_.run.state.restart_count);
    const bool is_alive = find_left_run();
    // First of all: a container that is just ending lets the rest fail, and must be reachable between two runs all the same.
    if (auto listening = listen(); !listening.ok()) log::debug("adopt ", record_.name(), ": ", listening.error().text());
    if (!is_alive) {
        end_left_run(init);
    } else if (auto taken = take_over_run(); !taken.ok()) {
        log::debug("adopt ", record_.name(), ": ", taken.error().text());
    }
    const int told = is_alive && run_ ? run_->pidfd.raw() : -1;
    ignore(send_answer(starter, Answer{}, {&told, told >= 0 ? 1u : 0u}), "the starter may be gone");
    if (is_alive && streams_ && wish.op == Op::attach) streams_->add_client(std::move(starter), {wish.input, wish.output, wish.error_output});
    else starter.reset();
    if (is_alive) watch_run();
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
    open_streams(TRY(LogWriter::open(folder, record_.definition)));
    TRY(streams_->make(run_folder, record_.definition), "streams");
    launch.stdio = streams_->ends();
    launch.extra = streams_->extra_ends();
    if (record_.definition.host.init.value_or(false) || !record_.definition.host.processes.empty())
        launch.facts.init_program = helper_path("berth-monitor");
    launch.facts.descriptor_limit = inherited_limit_;
    launch.facts.last_pid = choose_last_pid(record_.run.state);
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
    // Before the answer: whoever waited for the start finds it in the history.
    std::vector<Event> events = start_events(engine_, record_);
    if (starter != nullptr && wish.op == Op::attach) events.insert(events.begin(), container_event(record_, "attach"));
    note(engine_.paths().root, std::move(events));
    if (starter != nullptr) {
        Answer answer;
        answer.pid = run_->pid;
        const int init = run_->pidfd.raw();
        ignore(send_answer(*starter, answer, {&init, 1}), "the starter may be gone; the container runs all the same");
        if (wish.op == Op::attach)
            streams_->add_client(std::move(*starter), {wish.input, wish.output, wish.error_output});
        else starter->reset();
    }
    watch_run();
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
    watch_oom();
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

void Monitor::open_streams(LogWriter log) {
    lost_before_ = record_.run.state.log_lines_dropped;
    streams_.emplace(loop_, std::move(log));
    streams_->on_resize = [this](unsigned short rows, unsigned short columns) { note_resize(rows, columns); };
    streams_->on_loss([this] {
        if (loss_alarm_ == 0) loss_alarm_ = loop_.set_alarm(tick_now() + Duration::of_seconds(1), [this] { loss_alarm_ = 0, tell_losses(); });
    });
}

/// While it runs, once a second at most. Not in the record: the disk may be what the lines were lost to.
void Monitor::tell_losses() {
    if (!streams_) return;
    record_.run.state.log_lines_dropped = lost_before_ + streams_->log().dropped();
    ignore(registry_.note_log_losses(record_.id(), record_.run.state.log_lines_dropped), "the record tells in the end");
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

}  // namespace berth::container
