#pragma once
// Device rules of a control group: runtime-spec's list made definite, as lines for v1 and as a BPF program for v2. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/resources.h"

namespace berth::runtime {

/// Devices that every container may use whatever its spec says (config-linux.md "Default Devices"), and mknod for all.
std::vector<DeviceRule> always_allowed_devices();

/// "c 1:3 rwm", "a *:* rwm".
std::string device_line(const DeviceRule& rule);

/// struct bpf_insn, one word each: type BPF_PROG_TYPE_CGROUP_DEVICE, 1 allows. The last rule that matches decides; without
/// any match the device is refused.
std::vector<std::uint64_t> compile_device_program(const std::vector<DeviceRule>& rules);

}  // namespace berth::runtime
