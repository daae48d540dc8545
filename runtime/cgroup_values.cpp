#include "runtime/cgroup_values.h"

#include <cmath>

#include "base/cat.h"

namespace berth::runtime {

namespace {

using Writes = std::vector<CgroupWrite>;

std::string text_or_max(std::int64_t value) { return value < 0 ? "max" : cat(value); }

/// 0 would not let the first process in; systemd cannot say it either, so that 1 is what it means (runc 1.4).
std::string pids_text(std::int64_t limit) { return limit == 0 ? "1" : text_or_max(limit); }

template <class Number>
void add(Writes& out, const char* controller, const char* file, const std::optional<Number>& value) {
    if (value) out.push_back({controller, file, cat(*value)});
}

void add_text(Writes& out, const char* controller, const char* file, const std::string& value) {
    if (!value.empty()) out.push_back({controller, file, value});
}

void add_throttles(Writes& out, const char* file, const std::vector<ThrottleDevice>& devices) {
    for (const ThrottleDevice& device : devices)
        out.push_back({"blkio", file, cat(device.major, ":", device.minor, " ", device.rate)});
}

void add_v1_memory(Writes& out, const MemoryLimits& memory) {
    add(out, "memory", "memory.limit_in_bytes", memory.limit);
    add(out, "memory", "memory.memsw.limit_in_bytes", memory.swap);
    // Without a limit on memory one on memory and swap together makes no sense, and the kernel refuses the pair.
    if (memory.limit == -1 && !memory.swap) out.push_back({"memory", "memory.memsw.limit_in_bytes", "-1", true});
    add(out, "memory", "memory.soft_limit_in_bytes", memory.reservation);
    add(out, "memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp);
    // memory.kmem.limit_in_bytes does nothing since Linux 5.4 and is refused since 6.1.
    add(out, "memory", "memory.swappiness", memory.swappiness);
    if (memory.disable_oom_killer) out.push_back({"memory", "memory.oom_control", *memory.disable_oom_killer ? "1" : "0"});
}

void add_v1_cpu(Writes& out, const CpuLimits& cpu) {
    if (cpu.shares && *cpu.shares > 0) add(out, "cpu", "cpu.shares", cpu.shares);
    if (cpu.realtime_period && *cpu.realtime_period > 0) add(out, "cpu", "cpu.rt_period_us", cpu.realtime_period);
    if (cpu.realtime_runtime && *cpu.realtime_runtime != 0) add(out, "cpu", "cpu.rt_runtime_us", cpu.realtime_runtime);
    if (cpu.period && *cpu.period > 0) add(out, "cpu", "cpu.cfs_period_us", cpu.period);
    if (cpu.quota && *cpu.quota != 0) add(out, "cpu", "cpu.cfs_quota_us", cpu.quota);
    add(out, "cpu", "cpu.cfs_burst_us", cpu.burst);
    add(out, "cpu", "cpu.idle", cpu.idle);
    add_text(out, "cpuset", "cpuset.cpus", cpu.cpus);
    add_text(out, "cpuset", "cpuset.mems", cpu.mems);
}

void add_v1_block_io(Writes& out, const BlockIoLimits& io) {
    // The BFQ scheduler has files of its own; whichever is there takes the weight.
    if (io.weight && *io.weight != 0) out.push_back({"blkio", "blkio.weight", cat(*io.weight), true});
    if (io.weight && *io.weight != 0) out.push_back({"blkio", "blkio.bfq.weight", cat(*io.weight), true});
    if (io.leaf_weight && *io.leaf_weight != 0) out.push_back({"blkio", "blkio.leaf_weight", cat(*io.leaf_weight), true});
    for (const WeightDevice& device : io.weight_device) {
        const std::string name = cat(device.major, ":", device.minor, " ");
        if (device.weight) out.push_back({"blkio", "blkio.weight_device", cat(name, *device.weight), true});
        if (device.weight) out.push_back({"blkio", "blkio.bfq.weight_device", cat(name, *device.weight), true});
        if (device.leaf_weight) out.push_back({"blkio", "blkio.leaf_weight_device", cat(name, *device.leaf_weight), true});
    }
    add_throttles(out, "blkio.throttle.read_bps_device", io.read_bps);
    add_throttles(out, "blkio.throttle.write_bps_device", io.write_bps);
    add_throttles(out, "blkio.throttle.read_iops_device", io.read_iops);
    add_throttles(out, "blkio.throttle.write_iops_device", io.write_iops);
}

void add_v1_network(Writes& out, const NetworkLimits& network) {
    add(out, "net_cls", "net_cls.classid", network.class_id);
    for (const InterfacePriority& priority : network.priorities)
        out.push_back({"net_prio", "net_prio.ifpriomap", cat(priority.name, " ", priority.priority)});
}

void add_rdma(Writes& out, const std::map<std::string, RdmaLimit>& limits) {
    for (const auto& [device, limit] : limits) {
        const std::string handles = limit.hca_handles ? cat(*limit.hca_handles) : "max";
        const std::string objects = limit.hca_objects ? cat(*limit.hca_objects) : "max";
        out.push_back({"rdma", "rdma.max", cat(device, " hca_handle=", handles, " hca_object=", objects)});
    }
}

void add_v2_cpu(Writes& out, const CpuLimits& cpu) {
    add(out, "cpu", "cpu.idle", cpu.idle);
    // The kernel refuses a weight while cpu.idle is 1.
    if (cpu.shares && *cpu.shares > 0 && cpu.idle.value_or(0) != 1)
        out.push_back({"cpu", "cpu.weight", cat(weight_of_shares(*cpu.shares))});
    const bool has_period = cpu.period && *cpu.period > 0;
    if ((cpu.quota && *cpu.quota != 0) || has_period) {
        std::string value = cpu.quota.value_or(0) > 0 ? cat(*cpu.quota) : "max";
        if (has_period) value += cat(" ", *cpu.period);
        out.push_back({"cpu", "cpu.max", std::move(value)});
    }
    add(out, "cpu", "cpu.max.burst", cpu.burst);
    add_text(out, "cpuset", "cpuset.cpus", cpu.cpus);
    add_text(out, "cpuset", "cpuset.mems", cpu.mems);
}

void add_v2_memory(Writes& out, const MemoryLimits& memory) {
    // Swap first when it shrinks to nothing would be refused nowhere; memory.max last kills, so it is the last word.
    if (const auto swap = swap_max_of(memory)) out.push_back({"memory", "memory.swap.max", *swap, *swap == "max" || *swap == "0"});
    if (memory.limit && *memory.limit != 0) out.push_back({"memory", "memory.max", text_or_max(*memory.limit)});
    if (memory.reservation && *memory.reservation != 0)
        out.push_back({"memory", "memory.low", text_or_max(*memory.reservation)});
}

void add_v2_throttles(Writes& out, const char* key, const std::vector<ThrottleDevice>& devices) {
    for (const ThrottleDevice& device : devices) {
        const std::string rate = device.rate == 0 ? "max" : cat(device.rate);
        out.push_back({"io", "io.max", cat(device.major, ":", device.minor, " ", key, "=", rate)});
    }
}

void add_v2_block_io(Writes& out, const BlockIoLimits& io) {
    if (io.weight && *io.weight != 0) {
        out.push_back({"io", "io.bfq.weight", cat(*io.weight), true});
        out.push_back({"io", "io.weight", cat(io_weight_of(*io.weight)), true});
    }
    for (const WeightDevice& device : io.weight_device)
        if (device.weight)
            out.push_back({"io", "io.bfq.weight", cat(device.major, ":", device.minor, " ", *device.weight), true});
    add_v2_throttles(out, "rbps", io.read_bps);
    add_v2_throttles(out, "wbps", io.write_bps);
    add_v2_throttles(out, "riops", io.read_iops);
    add_v2_throttles(out, "wiops", io.write_iops);
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
    if (shares <= 2) return 1;
    if (shares >= 262144) return 10000;
    const double power = std::log2(static_cast<double>(shares));
    const double exponent = (power * power + 125 * power) / 612.0 - 7.0 / 34.0;
    return static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::uint64_t io_weight_of(std::uint64_t blkio_weight) { return 1 + (blkio_weight - 10) * 9999 / 990; }

std::optional<std::string> swap_max_of(const MemoryLimits& memory) {
    if (!memory.swap || *memory.swap == 0) {
        // No word about swap but no limit on memory either: the old limit on swap would be a surprise.
        if (memory.limit && *memory.limit == -1 && !memory.swap) return "max";
        return std::nullopt;
    }
    if (*memory.swap < 0) return "max";
    const std::int64_t limit = memory.limit.value_or(0);
    return cat(limit > 0 && *memory.swap >= limit ? *memory.swap - limit : *memory.swap);
}

std::vector<CgroupWrite> plan_v1_writes(const Resources& resources) {
    Writes out;
    if (resources.memory) add_v1_memory(out, *resources.memory);
    if (resources.cpu) add_v1_cpu(out, *resources.cpu);
    if (resources.pids && resources.pids->limit)
        out.push_back({"pids", "pids.max", pids_text(*resources.pids->limit)});
    if (resources.block_io) add_v1_block_io(out, *resources.block_io);
    for (const HugepageLimit& limit : resources.hugepage_limits) {
        out.push_back({"hugetlb", cat("hugetlb.", limit.page_size, ".limit_in_bytes"), cat(limit.limit)});
        out.push_back({"hugetlb", cat("hugetlb.", limit.page_size, ".rsvd.limit_in_bytes"), cat(limit.limit), true});
    }
    if (resources.network) add_v1_network(out, *resources.network);
    add_rdma(out, resources.rdma);
    return out;
}

std::vector<CgroupWrite> plan_v2_writes(const Resources& resources) {
    Writes out;
    if (resources.pids && resources.pids->limit)
        out.push_back({"pids", "pids.max", pids_text(*resources.pids->limit)});
    if (resources.memory) add_v2_memory(out, *resources.memory);
    if (resources.block_io) add_v2_block_io(out, *resources.block_io);
    if (resources.cpu) add_v2_cpu(out, *resources.cpu);
    for (const HugepageLimit& limit : resources.hugepage_limits) {
        out.push_back({"hugetlb", cat("hugetlb.", limit.page_size, ".max"), cat(limit.limit)});
        out.push_back({"hugetlb", cat("hugetlb.", limit.page_size, ".rsvd.max"), cat(limit.limit), true});
    }
    add_rdma(out, resources.rdma);
    for (const auto& [file, value] : resources.unified)
        out.push_back({file.substr(0, file.find('.')), file, value});
    return out;
}

}  // namespace berth::runtime
