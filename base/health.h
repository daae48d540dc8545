#pragma once
// How a container's health is to be found out: what an image records, a container overrides and healthcheck/ acts on.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace berth {

/// docker: Healthcheck. Durations of 0 mean "inherit, or the default".
struct HealthConfig {
    /// {"NONE"}, {"CMD", arguments…} or {"CMD-SHELL", text}; empty: inherit.
    std::vector<std::string> test;
    Duration interval;
    Duration timeout;
    Duration start_period;
    Duration start_interval;
    std::int64_t retries = 0;
    bool operator==(const HealthConfig&) const = default;
};
template <class Io>
void fields(Io& io, HealthConfig& health) {
    io.optional("Test", health.test);
    io.optional("Interval", health.interval);
    io.optional("Timeout", health.timeout);
    io.optional("StartPeriod", health.start_period);
    io.optional("StartInterval", health.start_interval);
    io.optional("Retries", health.retries);
}

}  // namespace berth
