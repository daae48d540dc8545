#pragma once
// Intel RDT: a container's share of cache and memory bandwidth is a folder of the resctrl file system
// (config-linux.md "Intel RDT"; kernel: filesystems/resctrl.rst).

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// Puts the process into its class; returns the folder that was made for it, empty when it was there already.
/// `mount_point` is found when empty.
Result<std::string> apply_rdt(const IntelRdt& rdt, const std::string& id, pid_t pid, std::string mount_point = {});
Result<void> update_rdt(const std::string& folder, const std::string& l3_cache, const std::string& bandwidth);
/// Absent, or empty, is success.
Result<void> remove_rdt_group(const std::string& folder);
/// The schemata lines that a spec asks for. Pure.
std::vector<std::string> rdt_schemata(const IntelRdt& rdt);

}  // namespace berth::runtime
