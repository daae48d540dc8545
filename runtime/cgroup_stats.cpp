#include "runtime/cgroup.h"

#include <unistd.h>

#include "runtime/cgroup_files.h"

namespace berth::runtime {

namespace {

/// v1 writes "no limit" as the highest multiple of the page size.
std::uint64_t limit_of(std::uint64_t value) { return value >= (1ull << 62) ? UINT64_MAX : value; }

void read_v1_cpu(CgroupStats& out, const CgroupRecord& record) {
    const std::string acct = folder_of(record, "cpuacct");
    out.cpu_usage_ns = group_number(acct, "cpuacct.usage");
    const std::string per_cpu = read_group_file(acct, "cpuacct.usage_percpu").value_or("");
    for (const std::string_view field : split_fields(per_cpu, " \n")) out.per_cpu_ns.push_back(parse_number(field));
    auto ticks = group_table(acct, "cpuacct.stat");
    const std::uint64_t tick_ns = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    out.cpu_user_ns = ticks["user"] * tick_ns;
    out.cpu_system_ns = ticks["system"] * tick_ns;
    auto stat = group_table(folder_of(record, "cpu"), "cpu.stat");
    out.periods = stat["nr_periods"];
    out.throttled_periods = stat["nr_throttled"];
    out.throttled_ns = stat["throttled_time"];
}

void read_v1_memory(CgroupStats& out, const CgroupRecord& record) {
    const std::string folder = folder_of(record, "memory");
    out.memory_usage = group_number(folder, "memory.usage_in_bytes");
    out.memory_max_usage = group_number(folder, "memory.max_usage_in_bytes");
    out.memory_limit = limit_of(group_number(folder, "memory.limit_in_bytes"));
    out.memory_failures = group_number(folder, "memory.failcnt");
    out.memory_stat = group_table(folder, "memory.stat");
    out.swap_usage = group_number(folder, "memory.memsw.usage_in_bytes");
    out.swap_limit = limit_of(group_number(folder, "memory.memsw.limit_in_bytes"));
    out.oom_kills = group_table(folder, "memory.oom_control")["oom_kill"];
}

CgroupStats::Io& io_of(CgroupStats& out, std::string_view device) {
    const auto numbers = split_fields(device, ":");
    const std::uint64_t major = numbers.empty() ? 0 : parse_number(numbers[0]);
    const std::uint64_t minor = numbers.size() < 2 ? 0 : parse_number(numbers[1]);
    for (CgroupStats::Io& io : out.io)
        if (io.major == major && io.minor == minor) return io;
    return out.io.emplace_back(CgroupStats::Io{major, minor, 0, 0, 0, 0});
}

/// "8:0 Read 4096" lines.
void read_v1_io(CgroupStats& out, const std::string& folder, const char* file, bool bytes) {
    const std::string text = read_group_file(folder, file).value_or("");
    for (const std::string_view line : split_fields(text, "\n")) {
        const auto fields = split_fields(line, " ");
        if (fields.size() != 3) continue;
        CgroupStats::Io& io = io_of(out, fields[0]);
        if (fields[1] == "Read") (bytes ? io.read_bytes : io.read_ops) = parse_number(fields[2]);
        if (fields[1] == "Write") (bytes ? io.write_bytes : io.write_ops) = parse_number(fields[2]);
    }
}

/// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=…" lines.
void read_v2_io(CgroupStats& out, const std::string& folder) {
    const std::string text = read_group_file(folder, "io.stat").value_or("");
    for (const std::string_view line : split_fields(text, "\n")) {
        const auto fields = split_fields(line, " ");
        if (fields.size() < 2) continue;
        CgroupStats::Io& io = io_of(out, fields[0]);
        for (const std::string_view field : fields) {
            const std::uint64_t value = parse_number(field.substr(field.find('=') + 1));
            if (field.starts_with("rbytes=")) io.read_bytes = value;
            if (field.starts_with("wbytes=")) io.write_bytes = value;
            if (field.starts_with("rios=")) io.read_ops = value;
            if (field.starts_with("wios=")) io.write_ops = value;
        }
    }
}

void read_v2(CgroupStats& out, const std::string& folder) {
    auto cpu = group_table(folder, "cpu.stat");
    out.cpu_usage_ns = cpu["usage_usec"] * 1000;
    out.cpu_user_ns = cpu["user_usec"] * 1000;
    out.cpu_system_ns = cpu["system_usec"] * 1000;
    out.periods = cpu["nr_periods"];
    out.throttled_periods = cpu["nr_throttled"];
    out.throttled_ns = cpu["throttled_usec"] * 1000;
    out.memory_usage = group_number(folder, "memory.current");
    out.memory_max_usage = group_number(folder, "memory.peak");
    out.memory_limit = group_number(folder, "memory.max");
    out.memory_stat = group_table(folder, "memory.stat");
    auto events = group_table(folder, "memory.events");
    out.memory_failures = events["max"];
    out.oom_kills = events["oom_kill"];
    out.swap_usage = group_number(folder, "memory.swap.current");
    out.swap_limit = group_number(folder, "memory.swap.max");
    read_v2_io(out, folder);
}

}  // namespace

Result<CgroupStats> Cgroup::stats() const {
    CgroupStats out;
    if (is_v2_only(record_)) {
        read_v2(out, record_.paths.begin()->second);
    } else {
        read_v1_cpu(out, record_);
        read_v1_memory(out, record_);
        const std::string blkio = folder_of(record_, "blkio");
        read_v1_io(out, blkio, "blkio.throttle.io_service_bytes_recursive", true);
        read_v1_io(out, blkio, "blkio.throttle.io_serviced_recursive", false);
    }
    const std::string pids = folder_of(record_, "pids");
    out.pids = group_number(pids, "pids.current");
    const std::uint64_t limit = group_number(pids, "pids.max");
    out.pids_limit = limit == UINT64_MAX ? 0 : limit;
    return out;
}

}  // namespace berth::runtime
