// What an end means: the account of a run, the restart after it, and the end of the monitor itself. How a run begins stands in
// monitor_begin.cpp, what commands ask in monitor_requests.cpp.

#include "container/monitor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/log.h"
#include "container/health_runner.h"
#include "container/history.h"
#include "container/pages.h"
#include "container/prune.h"
#include "container/registry.h"
#include "image/store.h"
#include "network/networks.h"

namespace berth::container {

namespace {

/// What the starting command sends: its wish, and for a container that goes on the pidfd of its first process, if it has one.
struct Wish {
    Request request;
    Fd init;
};
Result<Wish> receive_wish(const Fd& socket) {
    Packet packet = TRY(receive_packet(socket, control_packet_bytes));
    Wish wish{TRY(parse_request(packet.bytes)), {}};
    if (!packet.descriptors.empty()) wish.init = std::move(packet.descriptors[0]);
    return wish;
}

}  // namespace

Monitor::Monitor(Engine& engine, Registry& registry, Loop& loop, Record record)
    : engine_(engine), registry_(registry), loop_(loop), inherited_limit_(raise_descriptor_limit()), record_(std::move(record)),
      restart_(record_.definition.host.restart_policy, 0) {}

Monitor::~Monitor() = default;

/// Reading costs some files; without a limit of its own the container cannot be what the kernel chose for a limit.
std::uint64_t Monitor::oom_kills() const {
    if (!run_->cgroup || record_.definition.host.memory == 0) return 0;
    const auto stats = run_->cgroup->stats();
    return stats.ok() ? stats.value().oom_kills : 0;
}

/// Tells of processes that the kernel chose for the memory limit, while the container goes on too. A moment later: v1
/// wakes us before it chooses, and one wave is one event.
void Monitor::watch_oom() {
    run_->oom_kills_before = run_->oom_kills_noted = oom_kills();
    if (!run_->cgroup || record_.definition.host.memory == 0) return;
    auto counter = run_->cgroup->watch_oom();
    if (!counter.ok()) return log::debug("watch memory of ", record_.name(), ": ", counter.error().text());
    run_->oom = std::move(counter).value();
    run_->oom_watch = loop_.watch(run_->oom.raw(), EPOLLIN, [this](std::uint32_t) {
        char unread[4096];
        ignore(sys::read(run_->oom, unread), "only that something came");
        if (run_->oom_alarm != 0) return;
        run_->oom_alarm = loop_.set_alarm(tick_now() + Duration::of_milliseconds(50), [this] {
            run_->oom_alarm = 0;
            if (take_oom()) note_event("oom");
        });
    });
}

/// Whether there were more kills since it was asked last.
bool Monitor::take_oom() {
    const std::uint64_t kills = oom_kills();
    return kills > std::exchange(run_->oom_kills_noted, std::max(kills, run_->oom_kills_noted));
}

void Monitor::on_process_end() {
    if (run_->is_own_child) {
        Child child(run_->pid, Fd());
        const auto status = child.wait();
        return on_ended(status.ok() ? status.value().shell_code() : status_unknown);
    }
    const auto status = run_->end.status(run_->pidfd);
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
    const bool out_of_memory = take_oom();
    state.oom_killed = run_->oom_kills_noted > run_->oom_kills_before;
    if (streams_) {
        streams_->finish();
        loop_.cancel_alarm(loss_alarm_);
        state.log_lines_dropped = lost_before_ + streams_->log().dropped();
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
    last_events_ = end_events(engine_, record_, {{"exitCode", cat(exit_code)}, {"execDuration", cat(lasted.nanoseconds / 1'000'000'000)}});
    if (out_of_memory) last_events_.insert(last_events_.begin(), container_event(record_, "oom"));
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
    loop_.unwatch(run_->oom_watch);
    loop_.cancel_alarm(run_->oom_alarm);
    loop_.cancel_alarm(run_->reap_alarm);
    end_execs();
    if (run_->attachment || has_networks(record_.definition)) {
        run_->attachment.reset();
        const auto detached = [&]() -> Result<void> {
            network::Networks* networks = TRY(engine_.networks());
            const ContainerId id = TRY(ContainerId::parse(record_.id()));
            return network::detach(*networks, id, &run_->netns);
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
    note_last_events();
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
    if (!goes) store(Durability::disk);
    // Before anybody is told: who waited for the end finds it in the history.
    note_last_events();
    if (goes) {
        remove_container();
        note_event("destroy");
    }
    if (streams_) streams_->send_end(exit_code);
    streams_.reset();
    take_last_requests();
    answer_waiters();
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
    note(engine_.paths().root, {container_event(record_, std::move(action), std::move(attributes))});
}

/// The state is stored by now: who hears of the end can look at it.
void Monitor::note_last_events() {
    if (!last_events_.empty()) note(engine_.paths().root, std::exchange(last_events_, {}));
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

/// TERM is what a host that goes down sends to all: the container is asked to end, and comes back with the next boot. A stop
/// that is under way keeps its time, since such hosts send it more than once.
void Monitor::end_for_boot() {
    restart_.cancel();
    const bool is_stopping = stopping_ && stopping_->alarm != 0;
    if (run_ && !is_stopping) begin_stop(stop_signal_of(record_.definition), stop_timeout_of(record_.definition));
    if (!run_ && restart_alarm_ != 0) loop_.cancel_alarm(restart_alarm_), finish();
}

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
            end_for_boot();
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
        Wish wish = TRY(receive_wish(starter));
        TRY(monitor.watch_signals());
        const bool goes_on = mode == MonitorMode::start ? monitor.start(std::move(starter), wish.request)
                                                        : monitor.adopt(std::move(starter), wish.request, std::move(wish.init));
        if (goes_on) loop.run();
        return {};
    }();
    if (ran.ok()) return 0;
    if (starter.valid()) ignore(send_answer(starter, answer_of(ran.error())), "the starter may be gone");
    return 125;
}

}  // namespace berth::container
