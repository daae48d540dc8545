#include <charconv>

#include "base/file.h"
#include "base/sys.h"
#include "cli/oci/commands.h"
#include "cli/oci/state.h"
#include "runtime/resctrl.h"

namespace berth::cli {

namespace {

struct UpdateOptions {
    std::string file;
    std::optional<std::int64_t> memory, memory_reservation, memory_swap, kernel_memory, kernel_memory_tcp;
    std::optional<std::int64_t> cpu_quota, cpu_rt_runtime, cpu_idle, pids_limit;
    std::optional<std::uint64_t> cpu_period, cpu_burst, cpu_share, cpu_rt_period;
    std::optional<std::uint16_t> blkio_weight;
    std::string cpuset_cpus, cpuset_mems, l3_cache, bandwidth;
};

template <class Number>
Result<Number> number(std::string_view text) {
    Number value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return Error(Kind::invalid, cat("'", text, "' is not a number"));
    return value;
}

/// Bytes, with k, m, g or t behind, as docker's units: "32M", "-1".
Result<std::int64_t> bytes(std::string_view text) {
    constexpr std::string_view units = "bkmgtp";
    std::string_view digits = text;
    int shift = 0;
    if (!digits.empty() && (digits.back() == 'b' || digits.back() == 'B') && digits.size() > 1) digits.remove_suffix(1);
    if (!digits.empty()) {
        const char unit = static_cast<char>(digits.back() | 0x20);
        const std::size_t power = units.find(unit);
        if (power != std::string_view::npos) {
            shift = static_cast<int>(power) * 10;
            digits.remove_suffix(1);
        }
    }
    const std::int64_t value = TRY(number<std::int64_t>(digits));
    return value < 0 ? value : value << shift;
}

void describe(Parser& parser, UpdateOptions& into) {
    parser.text("-r,--resources", into.file, "FILE", "Limits as JSON; - is stdin");
    parser.parsed<std::uint16_t>("--blkio-weight", into.blkio_weight, number<std::uint16_t>, "WEIGHT", "Share of block I/O, 10 to 1000");
    parser.parsed<std::uint64_t>("--cpu-period", into.cpu_period, number<std::uint64_t>, "USECS", "Length of the period that --cpu-quota is of");
    parser.parsed<std::int64_t>("--cpu-quota", into.cpu_quota, number<std::int64_t>, "USECS", "Processor time in each period");
    parser.parsed<std::uint64_t>("--cpu-burst", into.cpu_burst, number<std::uint64_t>, "USECS", "Unused time that may be saved up for later periods");
    parser.parsed<std::uint64_t>("--cpu-share", into.cpu_share, number<std::uint64_t>, "SHARES", "Share of the processors beside others' that want them too");
    parser.parsed<std::uint64_t>("--cpu-rt-period", into.cpu_rt_period, number<std::uint64_t>, "USECS", "Length of the period that --cpu-rt-runtime is of");
    parser.parsed<std::int64_t>("--cpu-rt-runtime", into.cpu_rt_runtime, number<std::int64_t>, "USECS", "Time of real-time processes in each period");
    parser.text("--cpuset-cpus", into.cpuset_cpus, "LIST", "Processors that may be used");
    parser.text("--cpuset-mems", into.cpuset_mems, "LIST", "Memory nodes that may be used");
    parser.parsed<std::int64_t>("--cpu-idle", into.cpu_idle, number<std::int64_t>, "0|1", "Run only when nothing else wants the processors");
    parser.parsed<std::int64_t>("--memory", into.memory, bytes, "BYTES", "Most memory");
    parser.parsed<std::int64_t>("--memory-reservation", into.memory_reservation, bytes, "BYTES", "Memory that is taken back last when the host runs short");
    parser.parsed<std::int64_t>("--memory-swap", into.memory_swap, bytes, "BYTES", "Most memory and swap together; -1: no limit");
    parser.parsed<std::int64_t>("--kernel-memory", into.kernel_memory, bytes, "BYTES", "Accepted, without effect");
    parser.last_is_hidden();
    parser.parsed<std::int64_t>("--kernel-memory-tcp", into.kernel_memory_tcp, bytes, "BYTES", "Accepted, without effect");
    parser.last_is_hidden();
    parser.parsed<std::int64_t>("--pids-limit", into.pids_limit, number<std::int64_t>, "N", "Most processes");
    parser.text("--l3-cache-schema", into.l3_cache, "SCHEMA", "Share of the third-level cache (Intel RDT)");
    parser.text("--mem-bw-schema", into.bandwidth, "SCHEMA", "Share of the memory bandwidth (Intel RDT)");
}

runtime::Resources from_options(const UpdateOptions& options) {
    runtime::Resources out;
    runtime::MemoryLimits memory;
    memory.limit = options.memory;
    memory.reservation = options.memory_reservation;
    memory.swap = options.memory_swap;
    if (memory != runtime::MemoryLimits{}) out.memory = memory;
    runtime::CpuLimits cpu;
    cpu.shares = options.cpu_share;
    cpu.quota = options.cpu_quota;
    cpu.period = options.cpu_period;
    cpu.burst = options.cpu_burst;
    cpu.realtime_period = options.cpu_rt_period;
    cpu.realtime_runtime = options.cpu_rt_runtime;
    cpu.idle = options.cpu_idle;
    cpu.cpus = options.cpuset_cpus;
    cpu.mems = options.cpuset_mems;
    if (cpu != runtime::CpuLimits{}) out.cpu = cpu;
    if (options.pids_limit) out.pids = runtime::PidsLimit{options.pids_limit};
    if (options.blkio_weight) out.block_io.emplace().weight = options.blkio_weight;
    return out;
}

Result<runtime::Resources> wanted_resources(const UpdateOptions& options) {
    if (options.file.empty()) return from_options(options);
    std::string text;
    if (options.file == "-") {
        Fd input(0);
        auto read = read_all(input, 1u << 20);
        input.release();
        text = TRY(std::move(read));
    } else {
        text = TRY(read_file(options.file, 1u << 20));
    }
    const Json document = TRY(parse_json(text), "resources");
    return TRY(from_json<runtime::Resources>(document), "resources");
}

}  // namespace

Result<int> oci_update(const OciCall& call) {
    Parser parser;
    UpdateOptions options;
    parser.about(oci_about("update"));
    parser.usage("CONTAINER-ID", 1, 1);
    describe(parser, options);
    const auto words = TRY(read_words(parser, call, "update"));
    if (!words) return 0;
    OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    if (!is_alive(TRY(container.status()))) return Error(Kind::wrong_state, "container not running");
    if (options.kernel_memory || options.kernel_memory_tcp)
        call.log.warning("Kernel memory settings are ignored and will be removed");
    const runtime::Resources resources = TRY(wanted_resources(options));
    auto group = container.cgroup();
    if (!group) return Error(Kind::unsupported, "the container has no cgroup");
    TRY(group->update(resources));
    if (!options.l3_cache.empty() || !options.bandwidth.empty())
        TRY(runtime::update_rdt(container.state().own.rdt_folder, options.l3_cache, options.bandwidth));
    return 0;
}

}  // namespace berth::cli
