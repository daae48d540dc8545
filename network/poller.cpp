#include "network/poller.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace berth::network {

Result<Poller> Poller::create() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return Error::of_errno(errno, "epoll");
    return Poller(std::move(epoll));
}

Result<void> Poller::add(int fd, std::uint32_t events, Watched& watched) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watched;
    if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) != 0) return Error::of_errno(errno, "watch descriptor");
    return {};
}

void Poller::remove(const Fd& fd) const { ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd.raw(), nullptr); }

void Poller::dispatch() const {
    for (int rounds = 0; rounds < 64; ++rounds) {
        epoll_event event{};
        if (::epoll_wait(epoll_.raw(), &event, 1, 0) != 1) return;
        static_cast<Watched*>(event.data.ptr)->on_ready(event.events);
    }
}

Result<std::unique_ptr<Timer>> Timer::create(const Poller& poller, std::function<void()> call) {
    Fd fd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd.valid()) return Error::of_errno(errno, "timer");
    std::unique_ptr<Timer> timer(new Timer(std::move(fd), std::move(call)));
    TRY(poller.add(timer->fd_, EPOLLIN, *timer));
    return timer;
}

void Timer::arm(Duration after) const {
    itimerspec when{};
    const std::int64_t nanoseconds = after.nanoseconds > 0 ? after.nanoseconds : 1;  // 0 would disarm it.
    when.it_value.tv_sec = nanoseconds / 1'000'000'000;
    when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
    ::timerfd_settime(fd_.raw(), 0, &when, nullptr);
}

void Timer::on_ready(std::uint32_t) {
    std::uint64_t times = 0;
    if (::read(fd_.raw(), &times, sizeof times) == sizeof times) call_();
}

}  // namespace berth::network
