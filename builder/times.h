#pragma once
// SOURCE_DATE_EPOCH and the times of files.

#include "base/clock.h"
#include "base/fd.h"

namespace berth::builder {

/// Gives everything below `folder` that is newer than `latest` that time, so that two builds give the same layer.
Result<void> clamp_times(const Fd& folder, Moment latest);

}  // namespace berth::builder
