#pragma once
// Network devices of the host's that go into the container (config-linux.md "Network Devices").

#include <map>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// Moves each, with its new name and its addresses of global scope, and brings it up there.
Result<void> move_net_devices(const std::map<std::string, NetDevice>& devices, const Fd& netns);

}  // namespace berth::runtime
