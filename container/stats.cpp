#include "container/stats.h"

#include <charconv>

#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "container/engine.h"
#include "runtime/cgroup.h"

namespace berth::container {

namespace {

constexpr std::size_t table_limit = 1 << 20;

std::uint64_t number_in(std::string_view text) {
    std::uint64_t value = 0;
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return 0;
    std::from_chars(text.data() + begin, text.data() + text.size(), value);
    return value;
}

/// Calls `take` with each line of a file below /proc.
template <class Take>
Result<void> for_each_line(const std::string& path, Take take) {
    const std::string text = TRY(read_file(path, table_limit));
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        take(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return {};
}

/// proc(5), /proc/PID/net/dev: "eth0: received-bytes packets errs drop fifo frame compressed multicast sent-bytes …".
Result<void> read_network(pid_t pid, StatsReading& reading) {
    return for_each_line(cat("/proc/", pid, "/net/dev"), [&](std::string_view line) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return;
        const std::string_view name = line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
        if (name == "lo") return;
        std::string_view rest = line.substr(colon + 1);
        std::uint64_t columns[9] = {};
        for (std::uint64_t& column : columns) {
            column = number_in(rest);
            const std::size_t begin = rest.find_first_not_of(' ');
            const std::size_t end = begin == std::string_view::npos ? begin : rest.find(' ', begin);
            if (end == std::string_view::npos) break;
            rest.remove_prefix(end);
        }
        reading.network_received += columns[0];
        reading.network_sent += columns[8];
    });
}

Result<std::uint64_t> host_memory() {
    std::uint64_t kibibytes = 0;
    TRY(for_each_line("/proc/meminfo", [&](std::string_view line) {
        if (line.starts_with("MemTotal:")) kibibytes = number_in(line.substr(9));
    }));
    return kibibytes * 1024;
}

/// docker: usage without the page cache that can be dropped at once.
std::uint64_t used_memory(const runtime::CgroupStats& stats) {
    for (const char* name : {"total_inactive_file", "inactive_file"}) {
        const auto found = stats.memory_stat.find(name);
        if (found != stats.memory_stat.end()) return stats.memory_usage > found->second ? stats.memory_usage - found->second : 0;
    }
    return stats.memory_usage;
}

}  // namespace

Result<std::optional<StatsReading>> read_stats(Engine&, const Record& record) {
    const State& state = record.run.state;
    if (!state.init || state.cgroup.is_null()) return std::optional<StatsReading>();
    runtime::CgroupRecord where = TRY(from_json<runtime::CgroupRecord>(state.cgroup), "state.json: cgroup");
    const runtime::Cgroup cgroup = TRY(runtime::Cgroup::open(std::move(where)));
    auto stats = cgroup.stats();
    StatsReading reading;
    // It may end while it is looked at: that is no failure, there is just nothing to show.
    if (!stats.ok()) return std::optional<StatsReading>();
    // The host's counters are not the container's.
    const bool has_own_network = record.definition.host.network_mode != "host";
    if (has_own_network && !read_network(state.init->pid, reading).ok()) return std::optional<StatsReading>();

    reading.read = now();
    reading.tick = tick_now();
    reading.cpu_nanoseconds = stats.value().cpu_usage_ns;
    reading.memory_bytes = used_memory(stats.value());
    const std::uint64_t total = TRY(host_memory());
    const std::uint64_t limit = stats.value().memory_limit;
    reading.memory_limit = limit == 0 || limit > total ? total : limit;
    for (const runtime::CgroupStats::Io& device : stats.value().io) {
        reading.block_read += device.read_bytes;
        reading.block_written += device.write_bytes;
    }
    reading.processes = stats.value().pids;
    reading.processors = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
    return std::optional(reading);
}

double cpu_percent(const StatsReading& before, const StatsReading& after) {
    const std::int64_t passed = (after.tick - before.tick).nanoseconds;
    if (passed <= 0 || after.cpu_nanoseconds < before.cpu_nanoseconds) return 0;
    return 100.0 * static_cast<double>(after.cpu_nanoseconds - before.cpu_nanoseconds) / static_cast<double>(passed);
}

double memory_percent(const StatsReading& reading) {
    if (reading.memory_limit == 0) return 0;
    return 100.0 * static_cast<double>(reading.memory_bytes) / static_cast<double>(reading.memory_limit);
}

}  // namespace berth::container
