#pragma once
// The monitor's only waiting place: descriptors by epoll(7), moments by one timerfd on CLOCK_BOOTTIME, so that neither a
// clock that is set nor a suspend moves a decision. One thread; callbacks may add and remove watches and alarms freely.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"

namespace berth::container {

class Loop {
public:
    static Result<Loop> open();

    using OnReady = std::function<void(std::uint32_t events)>;
    /// Names a watch or an alarm; 0 is none.
    using Id = std::uint64_t;

    /// Calls `on_ready` whenever the descriptor has one of `events` (EPOLLIN, …). The caller keeps the descriptor open
    /// until it has called unwatch.
    Id watch(int fd, std::uint32_t events, OnReady on_ready);
    void change(Id id, std::uint32_t events);
    void unwatch(Id& id);

    Id set_alarm(Tick when, std::function<void()> on_time);
    void cancel_alarm(Id& id);

    /// Runs until stop(), after which nothing is called, whatever was ready with it.
    void run();
    void stop() { stopped_ = true; }

private:
    struct Watch {
        int fd;
        OnReady on_ready;
        bool gone = false;
    };
    struct Alarm {
        Tick when;
        std::function<void()> on_time;
    };
    Loop(Fd epoll, Fd timer) : epoll_(std::move(epoll)), timer_(std::move(timer)) {}
    void arm_timer();
    void run_alarms();

    Fd epoll_;
    Fd timer_;
    std::map<Id, Watch> watches_;
    std::map<Id, Alarm> alarms_;
    Id next_ = 1;
    bool stopped_ = false;
};

}  // namespace berth::container
