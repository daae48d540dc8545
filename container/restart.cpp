#include "container/restart.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace berth::container {

namespace {

constexpr Duration first_delay = Duration::of_milliseconds(100);
constexpr Duration longest_delay = Duration::of_seconds(60);
constexpr Duration long_run = Duration::of_seconds(10);

}  // namespace

bool RestartMachine::wants_restart(int exit_code) const {
    if (cancelled_) return false;
    if (policy_.name == "always" || policy_.name == "unless-stopped") return true;
    if (policy_.name != "on-failure" || exit_code == 0) return false;
    return policy_.maximum_retry_count == 0 || count_ < policy_.maximum_retry_count;
}

std::optional<Duration> RestartMachine::next_delay(int exit_code, Duration lasted) {
    // docker computes the delay before it decides, so a refused restart counts towards the next one too.
    if (lasted >= long_run || delay_.nanoseconds == 0) delay_ = first_delay;
    else delay_ = std::min(Duration{delay_.nanoseconds * 2}, longest_delay);
    const bool demanded = std::exchange(demanded_, false) && !cancelled_;
    if (!demanded && !wants_restart(exit_code)) return std::nullopt;
    ++count_;
    return delay_;
}

bool wants_start_at_boot(const Record& record) {
    const State& state = record.run.state;
    const RestartPolicy& policy = record.definition.host.restart_policy;
    if (!state.has_been_started) return false;
    if (policy.name == "always") return true;
    if (policy.name == "unless-stopped") return !state.manually_stopped;
    if (policy.name != "on-failure" || state.manually_stopped || state.exit_code == 0) return false;
    return policy.maximum_retry_count == 0 || state.restart_count < policy.maximum_retry_count;
}

bool is_wish_to_end(int signal, int stop_signal) { return signal == SIGKILL || signal == stop_signal; }

}  // namespace berth::container
