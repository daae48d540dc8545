#pragma once
// Capabilities of a spec as runc takes them: what this host does not know, or cannot raise, is a warning and left out.

#include "cli/oci/globals.h"
#include "runtime/spec.h"

namespace berth::cli {

void settle_capabilities(runtime::ProcessSpec& process, const OciLog& log);

}  // namespace berth::cli
