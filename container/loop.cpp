#include "container/loop.h"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace berth::container {

namespace {

// The timer's own watch.
constexpr Loop::Id timer_id = 0;

}  // namespace

Result<Loop> Loop::open() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return Error::of_errno(errno, "epoll_create1");
    Fd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.valid()) return Error::of_errno(errno, "timerfd_create");
    epoll_event event{EPOLLIN, {.u64 = timer_id}};
    if (::epoll_ctl(epoll.raw(), EPOLL_CTL_ADD, timer.raw(), &event) != 0) return Error::of_errno(errno, "epoll_ctl");
    return Loop(std::move(epoll), std::move(timer));
}

Loop::Id Loop::watch(int fd, std::uint32_t events, OnReady on_ready) {
    const Id id = next_++;
    epoll_event event{events, {.u64 = id}};
    if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) != 0) bug("epoll_ctl: cannot watch a descriptor");
    watches_.emplace(id, Watch{fd, std::move(on_ready)});
    return id;
}

void Loop::change(Id id, std::uint32_t events) {
    epoll_event event{events, {.u64 = id}};
    if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_MOD, watches_.find(id)->second.fd, &event) != 0) bug("epoll_ctl: cannot change a watch");
}

void Loop::unwatch(Id& id) {
    const auto found = watches_.find(std::exchange(id, 0));
    if (found == watches_.end()) return;
    ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, found->second.fd, nullptr);
    // A callback may remove its own watch: the function object lives until the batch is through.
    found->second.gone = true;
}

Loop::Id Loop::set_alarm(Tick when, std::function<void()> on_time) {
    const Id id = next_++;
    alarms_.emplace(id, Alarm{when, std::move(on_time)});
    arm_timer();
    return id;
}

void Loop::cancel_alarm(Id& id) {
    if (alarms_.erase(std::exchange(id, 0)) != 0) arm_timer();
}

void Loop::arm_timer() {
    std::optional<Tick> first;
    for (const auto& [id, alarm] : alarms_)
        if (!first || alarm.when < *first) first = alarm.when;
    itimerspec spec{};
    if (first) {
        // A value of zero would disarm it; a moment in the past fires at once.
        const std::int64_t at = std::max<std::int64_t>(first->nanoseconds, 1);
        spec.it_value = {at / 1'000'000'000, at % 1'000'000'000};
    }
    if (::timerfd_settime(timer_.raw(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0) bug("timerfd_settime");
}

void Loop::run_alarms() {
    std::uint64_t expirations;
    [[maybe_unused]] const auto got = ::read(timer_.raw(), &expirations, sizeof expirations);
    const Tick now = tick_now();
    for (bool found = true; found;) {
        found = false;
        for (auto at = alarms_.begin(); at != alarms_.end(); ++at) {
            if (at->second.when > now) continue;
            const auto due = std::move(at->second.on_time);
            alarms_.erase(at);
            due();
            found = true;
            break;
        }
    }
    arm_timer();
}

void Loop::run() {
    while (!stopped_) {
        epoll_event events[16];
        const int count = ::epoll_wait(epoll_.raw(), events, 16, -1);
        if (count < 0 && errno != EINTR) bug("epoll_wait");
        for (int i = 0; i < count && !stopped_; ++i) {
            const Id id = events[i].data.u64;
            if (id == timer_id) {
                run_alarms();
                continue;
            }
            const auto found = watches_.find(id);
            if (found != watches_.end() && !found->second.gone) found->second.on_ready(events[i].events);
        }
        std::erase_if(watches_, [](const auto& entry) { return entry.second.gone; });
    }
}

}  // namespace berth::container
