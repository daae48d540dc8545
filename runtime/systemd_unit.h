#pragma once
// Names and properties of the scope unit for a container. Pure.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "runtime/cgroup.h"

namespace berth::runtime {

struct ScopeNames {
    std::string slice;        ///< "system.slice"
    std::string unit;         ///< "runc-ID.scope"
    std::string cgroup_path;  ///< "/system.slice/runc-ID.scope"
};
/// "SLICE:PREFIX:NAME" as every caller of --systemd-cgroup writes it; empty parts get runc's defaults.
Result<ScopeNames> parse_scope_path(const std::string& path, const std::string& id);
/// "a-b-c.slice" → "/a.slice/a-b.slice/a-b-c.slice".
Result<std::string> expand_slice(const std::string& slice);

/// A value of a D-Bus property: the types that systemd's properties have.
using UnitValue = std::variant<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, std::string,
                               std::vector<std::string>, std::vector<std::uint8_t>, std::vector<std::uint32_t>>;
struct UnitProperty {
    std::string name;
    UnitValue value;
    bool operator==(const UnitProperty&) const = default;
};
/// Of a new scope that `member` is in. What annotations ask for comes last.
Result<std::vector<UnitProperty>> scope_properties(const ScopeNames& names, const CgroupRequest& request, pid_t member);
/// What systemd must know of the limits, lest it puts others in their place when it is reloaded.
Result<std::vector<UnitProperty>> resource_properties(const Resources& resources);

}  // namespace berth::runtime
