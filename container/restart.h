#pragma once
// Restart policies as a pure state machine (moby restartmanager): no clock and no process of its own. The monitor asks
// at each end of the container; it keeps the machine as long as the monitor lives.
//
// Differences from docker, on purpose: only `stop`, and a signal that is the stop signal or KILL, count as the user's wish
// to end it. docker lets any signal do that when the image has no STOPSIGNAL, so that `kill -s HUP` switches the policy off.

#include <optional>

#include "base/clock.h"
#include "base/process.h"
#include "container/record.h"

namespace berth::container {

class RestartMachine {
public:
    RestartMachine(RestartPolicy policy, std::int64_t restart_count) : policy_(std::move(policy)), count_(restart_count) {}

    /// Live `update --restart`.
    void set_policy(RestartPolicy policy) { policy_ = std::move(policy); }
    /// The user stopped it: no restart until the next start.
    void cancel() { cancelled_ = true; }
    /// One restart whatever the policy says (--health-on-failure restart).
    void demand() { demanded_ = true; }
    bool is_cancelled() const { return cancelled_; }

    /// It ended after running for `lasted`: how long to wait before the next run, or nothing when there is none.
    /// 100 ms, doubling up to 60 s; a run of 10 s or more begins anew.
    std::optional<Duration> next_delay(int exit_code, Duration lasted);
    /// RestartCount: goes up with every automatic restart, never down during a monitor's life.
    std::int64_t count() const { return count_; }

private:
    bool wants_restart(int exit_code) const;
    RestartPolicy policy_;
    std::int64_t count_;
    Duration delay_{};
    bool cancelled_ = false;
    bool demanded_ = false;
};

/// After a boot: `always` comes back, `unless-stopped` unless the user stopped it, `on-failure` judged by its last exit.
bool wants_start_at_boot(const Record& record);

/// True when sending `signal` tells berth that the container is meant to end.
bool is_wish_to_end(int signal, int stop_signal);

}  // namespace berth::container
