#pragma once
// Words of a process spec as the kernel's numbers: limits, scheduling, I/O priority, personality, memory policy, CPU
// lists. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// "RLIMIT_NOFILE" → 7.
Result<int> parse_rlimit_type(const std::string& type);
Result<SchedulerAttributes> scheduler_attributes(const Scheduler& scheduler);
/// ioprio_set(2)'s class and priority in one.
Result<std::uint64_t> io_priority_value(const IoPriority& priority);
/// personality(2).
Result<std::uint64_t> personality_value(const Personality& personality);

/// "0-3,7" as words of a bit mask; bounded, so that a hostile list costs nothing (CVE-2018-20699).
Result<std::vector<unsigned long>> parse_list_mask(const std::string& list);

struct MemoryPolicyValue {
    std::uint64_t mode = 0;  ///< with flags
    std::vector<unsigned long> nodes;
};
Result<MemoryPolicyValue> memory_policy_value(const MemoryPolicy& policy);
const std::vector<std::string>& memory_policy_modes();
const std::vector<std::string>& memory_policy_flags();

}  // namespace berth::runtime
