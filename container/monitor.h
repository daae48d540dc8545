#pragma once
// The monitor of one container: the parent of its first process, and all that goes on while it runs. One thread, one loop.
//
//   start ──launch──▶ running ──ends──▶ (policy says so) restarting ──delay──▶ running …
//                        │                     │ stop                            
//                        └──ends───────────────┴──▶ exited, files removed with --rm; the monitor ends
//
// It holds the container's run lock (inherited from the command that started it) until it ends: whoever finds the lock
// free knows that state.json is final, or that the monitor was killed and another must adopt what it left.

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "container/control.h"
#include "container/engine.h"
#include "container/events.h"
#include "container/foreign_end.h"
#include "container/join.h"
#include "container/launch.h"
#include "container/loop.h"
#include "container/restart.h"
#include "container/streams.h"

namespace berth::container {

enum class MonitorMode { start, adopt };
constexpr std::string_view monitor_mode_word(MonitorMode mode) { return mode == MonitorMode::start ? "start" : "adopt"; }

/// What berth-monitor does with its arguments: ROOT RUN_ROOT ID start|adopt, the run lock as descriptor 3 and the starting
/// command's socket as 4. Returns when the container needs no monitor any more.
int run_monitor(int count, char** arguments);

class HealthRunner;

/// The signal that asks it to end: STOPSIGNAL, else TERM.
int stop_signal_of(const Definition& definition);
/// In seconds; -1: no limit.
std::int64_t stop_timeout_of(const Definition& definition);

class Monitor {
public:
    Monitor(Engine& engine, Registry& registry, Loop& loop, Record record);
    ~Monitor();

    /// The first run; answers the starter, who attaches or not as `wish` says. False: nothing runs and nothing will.
    bool start(Fd starter, const Request& wish);
    Result<void> watch_signals();
    /// Takes over from a monitor that was killed; the starter attaches as in start(). `init`: the pidfd of the first process,
    /// where somebody kept one, which knows the status of a process that is gone.
    bool adopt(Fd starter, const Request& wish, Fd init);

private:
    struct Run {
        pid_t pid = 0;
        Fd pidfd;
        bool is_own_child = true;
        ForeignEnd end;  ///< of one that is not
        std::optional<runtime::Cgroup> cgroup;
        std::optional<network::Attachment> attachment;
        Fd netns;
        Words link_environment;
        Tick began;
        Loop::Id end_watch = 0;
        Loop::Id network_watch = 0;
        Loop::Id reap_alarm = 0;
        std::uint64_t oom_kills_before = 0;
        Fd oom;  ///< readable when the kernel may have chosen a process for the memory limit
        Loop::Id oom_watch = 0;
        Loop::Id oom_alarm = 0;
        std::uint64_t oom_kills_noted = 0;
    };
    /// A client that waits for something that is still to come.
    struct Waiter {
        Fd socket;
        Request request;
        Loop::Id watch = 0;
    };
    struct Stopping {
        int signal = 0;
        bool killed = false;
        bool ignored = false;
        Loop::Id alarm = 0;
    };
    struct ExecSession {
        Child child;
        Fd socket;
        std::string id;  ///< of its events
        Loop::Id watch = 0;
    };

    // How a run begins (monitor_begin.cpp).
    Result<void> listen();
    Result<void> begin_run(Fd* starter, const Request& wish);
    Result<void> launch_run(Launch& launch, Fd* starter, const Request& wish);
    Result<void> record_running(Launch& launch);
    void record_failed_start(const Error& error);
    void watch_run();
    void watch_network();
    void watch_oom();
    bool take_oom();
    std::uint64_t oom_kills() const;
    void slim_soon();
    bool find_left_run();
    Result<void> take_over_run();
    void end_left_run(const Fd& init);
    void open_streams(LogWriter log);
    void tell_losses();

    // What an end means (monitor.cpp).
    void on_process_end();
    void on_ended(int exit_code);
    void tear_down_run();
    void schedule_restart(Duration delay);
    void restart_now();
    void finish();
    void end_for_boot();
    void remove_container();
    void store(Durability durability);
    void note_event(std::string action, TextMap attributes = {});
    void note_last_events();
    void note_endpoint(const std::string& network, std::string action);
    void note_resize(unsigned short rows, unsigned short columns);
    void note_exec_end(const ExecSession& session, int exit_code);
    void on_health(bool changed);
    Target target() const { return {record_.definition, run_->pid, run_->pidfd, *run_->cgroup, run_->link_environment, inherited_limit_}; }

    // Requests (monitor_requests.cpp).
    void accept_client();
    void on_request(Fd socket, Packet packet);
    void take_last_requests();
    void dispatch(Fd socket, Request request, std::vector<Fd> descriptors);
    void start_attach(Fd socket, const Request& request);
    void start_stop(Fd socket, Request request);
    void begin_stop(int signal, std::int64_t timeout_seconds);
    void start_kill(Fd socket, Request request);
    Result<Answer> order_process(const Request& request);
    void start_wait(Fd socket, Request request);
    void add_waiter(Fd socket, Request request);
    void answer_waiters();
    void answer_health_waiters();
    Result<void> pause();
    Result<void> unpause();
    Result<Answer> update(const Request& request);
    Result<void> apply_to_run(const Definition& before);
    Result<void> change_ports(const std::vector<network::PortMapping>& leaving, const std::vector<network::PortMapping>& coming);
    Result<void> reload();
    Result<void> connect(const network::EndpointRequest& endpoint);
    Result<void> disconnect(const network::EndpointRequest& endpoint);
    void record_attachment();
    Result<Answer> answer_for(const Request& request);
    void reply(const Fd& socket, const Result<Answer>& answer);
    Error not_running() const;

    // Further processes (monitor_exec.cpp).
    void start_exec(Fd socket, Request request, std::vector<Fd> descriptors);
    void on_exec_end(ExecSession& session);
    void end_execs();

    Engine& engine_;
    Registry& registry_;
    Loop& loop_;
    /// Of the command that started it, and so the container's. Its own is higher: each relayed connection takes descriptors.
    const DescriptorLimit inherited_limit_;
    Record record_;
    Fd listener_;
    std::optional<Streams> streams_;
    std::optional<Run> run_;
    RestartMachine restart_;
    std::optional<Stopping> stopping_;
    Loop::Id restart_alarm_ = 0;
    Loop::Id slimming_ = 0;
    Loop::Id loss_alarm_ = 0;
    std::uint64_t lost_before_ = 0;  ///< log lines, in earlier runs
    Fd signals_;
    bool keeps_files_ = false;  ///< stopped in order to be started again: --rm does not apply
    std::vector<Event> last_events_;  ///< of a run that ended, until its state is stored
    bool is_over_ = false;  ///< Its state is final: requests are answered from it.
    std::list<Waiter> waiters_;
    std::list<std::pair<Fd, Loop::Id>> newcomers_;
    std::list<ExecSession> execs_;
    std::unique_ptr<HealthRunner> health_;
};

}  // namespace berth::container
