#pragma once
// Limits as the writes that set them: one list for v1, one for v2. Pure; the order is the order of writing.

#include <string>
#include <vector>

#include "runtime/resources.h"

namespace berth::runtime {

struct CgroupWrite {
    std::string controller;  ///< "memory", "cpu"…; the file's hierarchy on v1
    std::string file;        ///< "memory.max"
    std::string value;
    bool optional = false;   ///< an absent file is no failure (a kernel without it has nothing to limit)
    bool operator==(const CgroupWrite&) const = default;
};
std::vector<CgroupWrite> plan_v1_writes(const Resources& resources);
std::vector<CgroupWrite> plan_v2_writes(const Resources& resources);

/// cpu.shares (2…262144) as cpu.weight (1…10000): the curve that keeps 1024 at 100 (as runc and crun do since 2025).
std::uint64_t weight_of_shares(std::uint64_t shares);
/// blkio weight (10…1000) as io.weight (1…10000).
std::uint64_t io_weight_of(std::uint64_t blkio_weight);
/// memory.swap.max from runtime-spec's sum of memory and swap; absent: nothing to write.
std::optional<std::string> swap_max_of(const MemoryLimits& memory);

}  // namespace berth::runtime
