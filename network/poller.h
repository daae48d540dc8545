#pragma once
// An epoll descriptor with objects behind it. One event is taken at a time, so that what one handler destroys can never
// be the next one's.

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/fd.h"

namespace berth::network {

class Watched {
public:
    virtual ~Watched() = default;
    virtual void on_ready(std::uint32_t events) = 0;
};

class Poller {
public:
    static Result<Poller> create();
    /// `watched` outlives the registration; closing the descriptor ends it too (epoll(7)).
    Result<void> add(const Fd& fd, std::uint32_t events, Watched& watched) const { return add(fd.raw(), events, watched); }
    Result<void> add(int fd, std::uint32_t events, Watched& watched) const;
    void remove(const Fd& fd) const;
    int raw() const { return epoll_.raw(); }
    /// Handles what is ready, but not for ever: the caller has other descriptors.
    void dispatch() const;

private:
    explicit Poller(Fd epoll) : epoll_(std::move(epoll)) {}
    Fd epoll_;
};

/// Calls back once, after the time it was armed with.
class Timer : public Watched {
public:
    static Result<std::unique_ptr<Timer>> create(const Poller& poller, std::function<void()> call);
    void arm(Duration after) const;
    void on_ready(std::uint32_t events) override;

private:
    Timer(Fd fd, std::function<void()> call) : fd_(std::move(fd)), call_(std::move(call)) {}
    Fd fd_;
    std::function<void()> call_;
};

}  // namespace berth::network
