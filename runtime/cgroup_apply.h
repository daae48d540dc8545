#pragma once
// Limits and device rules into the folders of a record; used by cgroup.cpp.

#include <vector>

#include "base/result.h"
#include "runtime/cgroup.h"

namespace berth::runtime {

Result<void> apply_resources(const CgroupRecord& record, const Resources& resources);
Result<void> apply_devices(const CgroupRecord& record, const std::vector<DeviceRule>& rules);

}  // namespace berth::runtime
