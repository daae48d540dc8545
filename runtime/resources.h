#pragma once
// Limits of a container as runtime-spec writes them (config-linux.md "Control groups"). cgroup.h applies them on v1, v2
// and mixed hosts.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace berth::runtime {

struct DeviceRule {
    bool allow = false;
    std::string type;                           ///< a, c, b; empty means a
    std::optional<std::int64_t> major, minor;  ///< absent or -1: all
    std::string access;                         ///< of r, w, m; empty means all
    bool operator==(const DeviceRule&) const = default;
};

/// Bytes; -1 is "no limit". `swap` counts memory and swap together.
struct MemoryLimits {
    std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;
    std::optional<std::uint64_t> swappiness;
    std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
    bool operator==(const MemoryLimits&) const = default;
};

struct CpuLimits {
    std::optional<std::uint64_t> shares;
    std::optional<std::int64_t> quota;  ///< microseconds a period; -1 none
    std::optional<std::uint64_t> burst, period, realtime_period;
    std::optional<std::int64_t> realtime_runtime;
    std::string cpus, mems;
    std::optional<std::int64_t> idle;
    bool operator==(const CpuLimits&) const = default;
};

struct PidsLimit {
    std::optional<std::int64_t> limit;  ///< -1 none; 0 is a limit of 0 (runc 1.4)
    bool operator==(const PidsLimit&) const = default;
};

struct WeightDevice {
    std::int64_t major = 0, minor = 0;
    std::optional<std::uint16_t> weight, leaf_weight;
    bool operator==(const WeightDevice&) const = default;
};

struct ThrottleDevice {
    std::int64_t major = 0, minor = 0;
    std::uint64_t rate = 0;
    bool operator==(const ThrottleDevice&) const = default;
};

struct BlockIoLimits {
    std::optional<std::uint16_t> weight, leaf_weight;
    std::vector<WeightDevice> weight_device;
    std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
    bool operator==(const BlockIoLimits&) const = default;
};

struct HugepageLimit {
    std::string page_size;
    std::uint64_t limit = 0;
    bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
    std::string name;
    std::uint32_t priority = 0;
    bool operator==(const InterfacePriority&) const = default;
};

struct NetworkLimits {
    std::optional<std::uint32_t> class_id;
    std::vector<InterfacePriority> priorities;
    bool operator==(const NetworkLimits&) const = default;
};

struct RdmaLimit {
    std::optional<std::uint32_t> hca_handles, hca_objects;
    bool operator==(const RdmaLimit&) const = default;
};

struct Resources {
    std::vector<DeviceRule> devices;
    std::optional<MemoryLimits> memory;
    std::optional<CpuLimits> cpu;
    std::optional<PidsLimit> pids;
    std::optional<BlockIoLimits> block_io;
    std::vector<HugepageLimit> hugepage_limits;
    std::optional<NetworkLimits> network;
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;
    bool operator==(const Resources&) const = default;
};

template <class Io>
void fields(Io& io, DeviceRule& rule) {
    io.required("allow", rule.allow);
    io.optional("type", rule.type);
    io.optional("major", rule.major);
    io.optional("minor", rule.minor);
    io.optional("access", rule.access);
}
template <class Io>
void fields(Io& io, MemoryLimits& memory) {
    io.optional("limit", memory.limit);
    io.optional("reservation", memory.reservation);
    io.optional("swap", memory.swap);
    io.optional("kernel", memory.kernel);
    io.optional("kernelTCP", memory.kernel_tcp);
    io.optional("swappiness", memory.swappiness);
    io.optional("disableOOMKiller", memory.disable_oom_killer);
    io.optional("useHierarchy", memory.use_hierarchy);
    io.optional("checkBeforeUpdate", memory.check_before_update);
}
template <class Io>
void fields(Io& io, CpuLimits& cpu) {
    io.optional("shares", cpu.shares);
    io.optional("quota", cpu.quota);
    io.optional("burst", cpu.burst);
    io.optional("period", cpu.period);
    io.optional("realtimeRuntime", cpu.realtime_runtime);
    io.optional("realtimePeriod", cpu.realtime_period);
    io.optional("cpus", cpu.cpus);
    io.optional("mems", cpu.mems);
    io.optional("idle", cpu.idle);
}
template <class Io>
void fields(Io& io, PidsLimit& pids) {
    io.optional("limit", pids.limit);
}
template <class Io>
void fields(Io& io, WeightDevice& device) {
    io.required("major", device.major);
    io.required("minor", device.minor);
    io.optional("weight", device.weight);
    io.optional("leafWeight", device.leaf_weight);
}
template <class Io>
void fields(Io& io, ThrottleDevice& device) {
    io.required("major", device.major);
    io.required("minor", device.minor);
    io.required("rate", device.rate);
}
template <class Io>
void fields(Io& io, BlockIoLimits& limits) {
    io.optional("weight", limits.weight);
    io.optional("leafWeight", limits.leaf_weight);
    io.optional("weightDevice", limits.weight_device);
    io.optional("throttleReadBpsDevice", limits.read_bps);
    io.optional("throttleWriteBpsDevice", limits.write_bps);
    io.optional("throttleReadIOPSDevice", limits.read_iops);
    io.optional("throttleWriteIOPSDevice", limits.write_iops);
}
template <class Io>
void fields(Io& io, HugepageLimit& limit) {
    io.required("pageSize", limit.page_size);
    io.required("limit", limit.limit);
}
template <class Io>
void fields(Io& io, InterfacePriority& priority) {
    io.required("name", priority.name);
    io.required("priority", priority.priority);
}
template <class Io>
void fields(Io& io, NetworkLimits& network) {
    io.optional("classID", network.class_id);
    io.optional("priorities", network.priorities);
}
template <class Io>
void fields(Io& io, RdmaLimit& limit) {
    io.optional("hcaHandles", limit.hca_handles);
    io.optional("hcaObjects", limit.hca_objects);
}
template <class Io>
void fields(Io& io, Resources& resources) {
    io.optional("devices", resources.devices);
    io.optional("memory", resources.memory);
    io.optional("cpu", resources.cpu);
    io.optional("pids", resources.pids);
    io.optional("blockIO", resources.block_io);
    io.optional("hugepageLimits", resources.hugepage_limits);
    io.optional("network", resources.network);
    io.optional("rdma", resources.rdma);
    io.optional("unified", resources.unified);
}

}  // namespace berth::runtime
