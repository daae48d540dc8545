#pragma once
// Names and properties of the scope unit for a container. Pure.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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
using UnitValue = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>, std::vector<std::uint32_t>>;
struct UnitProperty {
    std::string name;
    UnitValue value;
    bool operator==(const UnitProperty&) const = default;
};
std::vector<UnitProperty> scope_properties(const ScopeNames& names, const CgroupRequest& request);
std::vector<UnitProperty> resource_properties(const Resources& resources);

}  // namespace berth::runtime
