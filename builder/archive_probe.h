#pragma once
// What ADD takes for an archive: a compressed or plain file whose beginning decodes to the header of a tar member. Names
// mean nothing.

#include "base/fd.h"
#include "base/result.h"

namespace berth::builder {

/// Reads the beginning; the position is at the start again afterwards.
Result<bool> is_archive(const Fd& file);

}  // namespace berth::builder
