#pragma once
// The systemd driver: the container's group is a scope unit that systemd makes (StartTransientUnit over D-Bus).

#include "base/result.h"
#include "runtime/cgroup.h"

namespace berth::runtime {

/// Starts the scope for the request's "SLICE:PREFIX:NAME" and sets record.path and record.systemd_unit.
Result<void> start_scope(const CgroupRequest& request, CgroupRecord& record);
/// Tells systemd about new limits, so that a reload does not put the old ones back.
Result<void> update_scope(const CgroupRecord& record, const Resources& resources);
Result<void> stop_scope(const CgroupRecord& record);

}  // namespace berth::runtime
