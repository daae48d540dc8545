// `events`: a JSON line for each interval and each OOM, in the form of runc's types.Stats.

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/oci/commands.h"
#include "cli/oci/output.h"
#include "cli/oci/state.h"

namespace berth::cli {

namespace {

Json number(std::uint64_t value) { return to_json(value); }

Json usage(std::uint64_t used, std::uint64_t most, std::uint64_t limit, std::uint64_t failures) {
    Json out;
    out.set("limit", number(limit));
    out.set("usage", number(used));
    out.set("max", number(most));
    out.set("failcnt", number(failures));
    return out;
}

Json cpu_stats(const runtime::CgroupStats& stats) {
    Json used;
    used.set("total", number(stats.cpu_usage_ns));
    if (!stats.per_cpu_ns.empty()) used.set("percpu", to_json(stats.per_cpu_ns));
    used.set("kernel", number(stats.cpu_system_ns));
    used.set("user", number(stats.cpu_user_ns));
    Json throttling;
    throttling.set("periods", number(stats.periods));
    throttling.set("throttledPeriods", number(stats.throttled_periods));
    throttling.set("throttledTime", number(stats.throttled_ns));
    Json out;
    out.set("usage", std::move(used));
    out.set("throttling", std::move(throttling));
    return out;
}

Json memory_stats(const runtime::CgroupStats& stats) {
    const auto cache = stats.memory_stat.find(stats.memory_stat.contains("cache") ? "cache" : "file");
    Json out;
    out.set("cache", number(cache == stats.memory_stat.end() ? 0 : cache->second));
    out.set("usage", usage(stats.memory_usage, stats.memory_max_usage, stats.memory_limit, stats.memory_failures));
    out.set("swap", usage(stats.swap_usage, 0, stats.swap_limit, 0));
    out.set("raw", to_json(stats.memory_stat));
    return out;
}

Json io_stats(const runtime::CgroupStats& stats) {
    Json bytes{Json::Array{}}, operations{Json::Array{}};
    const auto add = [](Json& into, const runtime::CgroupStats::Io& io, const char* op, std::uint64_t value) {
        Json entry;
        entry.set("major", number(io.major));
        entry.set("minor", number(io.minor));
        entry.set("op", op);
        entry.set("value", number(value));
        into.push_back(std::move(entry));
    };
    for (const auto& io : stats.io) {
        add(bytes, io, "Read", io.read_bytes);
        add(bytes, io, "Write", io.write_bytes);
        add(operations, io, "Read", io.read_ops);
        add(operations, io, "Write", io.write_ops);
    }
    Json out;
    out.set("ioServiceBytesRecursive", std::move(bytes));
    out.set("ioServicedRecursive", std::move(operations));
    return out;
}

std::string event_line(const std::string& type, const std::string& id, Json data) {
    Json out;
    out.set("type", type);
    out.set("id", id);
    if (!data.is_null()) out.set("data", std::move(data));
    return json_text(out) + "\n";
}

Result<void> print_stats(const OciContainer& container, const runtime::Cgroup& group) {
    const runtime::CgroupStats stats = TRY(group.stats());
    Json data;
    data.set("cpu", cpu_stats(stats));
    data.set("memory", memory_stats(stats));
    Json pids;
    pids.set("current", number(stats.pids));
    if (stats.pids_limit != 0) pids.set("limit", number(stats.pids_limit));
    data.set("pids", std::move(pids));
    data.set("blkio", io_stats(stats));
    data.set("hugetlb", Json(Json::Object{}));
    data.set("intel_rdt", Json(Json::Object{}));
    write_output(event_line("stats", container.id(), std::move(data)));
    return {};
}

/// Until the container ends: a line when the time has come, another when the kernel says that it ran out of memory.
Result<void> watch(const OciContainer& container, const runtime::Cgroup& group, Duration interval) {
    const auto process = TRY(container.open_process());
    if (!process) return {};
    auto oom = group.watch_oom();
    std::uint64_t kills = TRY(group.stats()).oom_kills;
    for (Tick next = tick_now() + interval;;) {
        pollfd wait[] = {{process->raw(), POLLIN, 0}, {oom.ok() ? oom.value().raw() : -1, POLLIN, 0}};
        const std::int64_t left = (next - tick_now()).milliseconds();
        const int ready = ::poll(wait, 2, static_cast<int>(left > 0 ? left : 0));
        if (ready < 0 && errno != EINTR) return Error::of_errno(errno, "poll");
        if (wait[1].revents != 0) {
            char buffer[4096];
            [[maybe_unused]] const ssize_t drained = ::read(wait[1].fd, buffer, sizeof buffer);
        }
        if (ready > 0) {
            const std::uint64_t now_kills = group.stats().ok() ? group.stats().value().oom_kills : kills;
            if (now_kills > kills) write_output(event_line("oom", container.id(), Json()));
            kills = now_kills;
        }
        if (wait[0].revents != 0) return {};
        if (tick_now() < next) continue;
        TRY(print_stats(container, group));
        next = next + interval;
    }
}

}  // namespace

Result<int> oci_events(const OciCall& call) {
    Parser parser;
    Duration interval = Duration::of_seconds(5);
    bool stats = false;
    parser.about(oci_about("events"));
    parser.usage("CONTAINER-ID", 1, 1);
    parser.parsed<Duration>("--interval", interval, parse_duration, "DURATION", "Time between two reports of usage");
    parser.flag("--stats", stats, "Print usage once");
    const auto words = TRY(read_words(parser, call, "events"));
    if (!words) return 0;
    if (interval <= Duration{}) return Error(Kind::invalid, "duration interval must be greater than 0");
    const OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    if (!is_alive(TRY(container.status()))) return Error(Kind::wrong_state, cat("container with id ", container.id(), " is not running"));
    const auto group = container.cgroup();
    if (!group) return Error(Kind::unsupported, "the container has no cgroup");
    if (stats) {
        TRY(print_stats(container, *group));
        return 0;
    }
    TRY(watch(container, *group, interval));
    return 0;
}

}  // namespace berth::cli
