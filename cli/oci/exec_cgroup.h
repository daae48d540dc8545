#pragma once
// `exec --cgroup [CONTROLLER[,CONTROLLER]:]PATH`: which groups below the container's a process enters.

#include <map>
#include <optional>
#include <string>

#include "cli/oci/state.h"
#include "cli/parser.h"

namespace berth::cli {

/// Pure: controller ("" for all) → path below the container's group. Refuses paths that lead out of it, controllers that
/// `known` does not name, and one given twice.
Result<std::map<std::string, std::string>> parse_exec_cgroups(const Words& options, const std::map<std::string, std::string>& known);
/// The container's cgroup, or the ones asked for, which must exist.
Result<std::optional<runtime::Cgroup>> exec_cgroup(const OciContainer& container, const Words& options);

}  // namespace berth::cli
