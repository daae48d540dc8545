#pragma once
// `stats`: one reading of what a container uses (cgroup of v1 or v2, counters of its network devices), and the figures
// that docker derives from two readings.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

struct StatsReading {
    Moment read;
    Tick tick;
    std::uint64_t cpu_nanoseconds = 0;
    std::uint64_t memory_bytes = 0;  ///< usage without inactive file pages, as docker shows it
    std::uint64_t memory_limit = 0;  ///< the container's, or the host's memory
    std::uint64_t network_received = 0;
    std::uint64_t network_sent = 0;
    std::uint64_t block_read = 0;
    std::uint64_t block_written = 0;
    std::uint64_t processes = 0;
    unsigned processors = 1;
};

/// Nothing when the container does not run: docker shows "--" then.
Result<std::optional<StatsReading>> read_stats(Engine& engine, const Record& record);

/// 150.0 means one and a half processors; 0 without an earlier reading.
double cpu_percent(const StatsReading& before, const StatsReading& after);
double memory_percent(const StatsReading& reading);

}  // namespace berth::container
