#include "runtime/systemd_unit.h"

#include <algorithm>
#include <iterator>

#include "runtime/cgroup_values.h"
#include "runtime/cgroup_files.h"
#include "runtime/host_cgroups.h"
#include "runtime/process_attributes.h"
#include "runtime/unit_annotations.h"

namespace berth::runtime {

namespace {

std::uint64_t or_infinity(std::int64_t value) { return value < 0 ? UINT64_MAX : static_cast<std::uint64_t>(value); }

void add_memory(std::vector<UnitProperty>& out, const MemoryLimits& memory, bool v2) {
    if (memory.limit && *memory.limit != 0) out.push_back({v2 ? "MemoryMax" : "MemoryLimit", or_infinity(*memory.limit)});
    if (!v2) return;
    if (memory.reservation && *memory.reservation != 0) out.push_back({"MemoryLow", or_infinity(*memory.reservation)});
    if (const auto swap = swap_max_of(memory))
        out.push_back({"MemorySwapMax", *swap == "max" ? UINT64_MAX : parse_number(*swap)});
}

void add_quota(std::vector<UnitProperty>& out, std::int64_t quota, std::optional<std::uint64_t> period) {
    // systemd counts per second of time and rounds up to 10 ms.
    const std::uint64_t length = period.value_or(0) == 0 ? 100000 : *period;
    std::uint64_t per_second = UINT64_MAX;
    if (quota > 0) per_second = (static_cast<std::uint64_t>(quota) * 1000000 / length + 9999) / 10000 * 10000;
    out.push_back({"CPUQuotaPerSecUSec", per_second});
    if (period) out.push_back({"CPUQuotaPeriodUSec", length});
}

void add_cpu(std::vector<UnitProperty>& out, const CpuLimits& cpu, bool v2) {
    if (cpu.shares && *cpu.shares != 0) {
        if (v2) out.push_back({"CPUWeight", weight_of_shares(*cpu.shares)});
        else out.push_back({"CPUShares", *cpu.shares});
    }
    if (cpu.quota && *cpu.quota != 0) add_quota(out, *cpu.quota, cpu.period);
}

/// systemd takes a mask, the first CPU in the lowest bit of the first byte.
Result<void> add_cpuset(std::vector<UnitProperty>& out, const char* name, const std::string& list) {
    if (list.empty()) return {};
    std::vector<std::uint8_t> bytes;
    for (const unsigned long word : TRY(parse_list_mask(list), name))
        for (std::size_t i = 0; i < sizeof word; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    out.push_back({name, std::move(bytes)});
    return {};
}

/// What a file of v2 is to systemd; the others it does not know, and leaves alone.
Result<void> add_unified(std::vector<UnitProperty>& out, const std::map<std::string, std::string>& unified) {
    constexpr std::pair<const char*, const char*> sizes[] = {
        {"memory.min", "MemoryMin"}, {"memory.low", "MemoryLow"}, {"memory.high", "MemoryHigh"}, {"memory.max", "MemoryMax"},
        {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"}, {"cpu.weight", "CPUWeight"}};
    for (const auto& [file, property] : sizes)
        if (const auto found = unified.find(file); found != unified.end())
            out.push_back({property, found->second == "max" ? UINT64_MAX : parse_number(found->second)});
    for (const auto& [file, property] : {std::pair("cpuset.cpus", "AllowedCPUs"), std::pair("cpuset.mems", "AllowedMemoryNodes")})
        if (const auto found = unified.find(file); found != unified.end()) TRY(add_cpuset(out, property, found->second));
    if (const auto found = unified.find("cpu.max"); found != unified.end()) {
        const auto fields = split_fields(found->second, " ");
        if (fields.empty()) return {};
        const std::optional<std::uint64_t> period = fields.size() > 1 ? std::optional(parse_number(fields[1])) : std::nullopt;
        add_quota(out, fields[0] == "max" ? -1 : static_cast<std::int64_t>(parse_number(fields[0])), period);
    }
    return {};
}

}  // namespace

Result<std::string> expand_slice(const std::string& slice) {
    if (!slice.ends_with(".slice") || slice.find('/') != std::string::npos)
        return Error(Kind::invalid, cat("'", slice, "' is not a slice"));
    const std::string name = slice.substr(0, slice.size() - 6);
    if (name == "-") return std::string();
    std::string path;
    for (std::size_t at = 0; at != std::string::npos;) {
        const std::size_t dash = name.find('-', at);
        if (dash == at || at == name.size()) return Error(Kind::invalid, cat("'", slice, "' is not a slice"));
        path += cat("/", name.substr(0, dash), ".slice");
        at = dash == std::string::npos ? dash : dash + 1;
    }
    return path;
}

Result<ScopeNames> parse_scope_path(const std::string& path, const std::string& id) {
    ScopeNames out;
    std::string prefix = "runc", name = id;
    out.slice = "system.slice";
    if (!path.empty()) {
        const std::size_t first = path.find(':');
        const std::size_t second = first == std::string::npos ? first : path.find(':', first + 1);
        if (second == std::string::npos || path.find(':', second + 1) != std::string::npos)
            return Error(Kind::invalid, cat("expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"",
                                            path, "\" instead"));
        if (first != 0) out.slice = path.substr(0, first);
        prefix = path.substr(first + 1, second - first - 1);
        name = path.substr(second + 1);
    }
    if (name.ends_with(".slice")) return Error(Kind::unsupported, cat("cgroupsPath '", path, "': a slice cannot hold a container"));
    out.unit = prefix.empty() ? cat(name, ".scope") : cat(prefix, "-", name, ".scope");
    const std::string folder = TRY(expand_slice(out.slice));
    out.cgroup_path = cat(folder, "/", out.unit);
    return out;
}

Result<std::vector<UnitProperty>> scope_properties(const ScopeNames& names, const CgroupRequest& request, pid_t member) {
    std::vector<UnitProperty> out = {
        {"Description", cat("berth container ", request.id)},
        {"Slice", names.slice},
        {"Delegate", true},
        {"DefaultDependencies", false},
        {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(member)}},
        {"MemoryAccounting", true}, {"CPUAccounting", true}, {"IOAccounting", true}, {"TasksAccounting", true},
    };
    if (request.resources != nullptr) std::ranges::move(TRY(resource_properties(*request.resources)), std::back_inserter(out));
    std::ranges::move(TRY(annotated_properties(request.annotations)), std::back_inserter(out));
    return out;
}

Result<std::vector<UnitProperty>> resource_properties(const Resources& resources) {
    const bool v2 = cgroup_layout() == CgroupLayout::v2;
    std::vector<UnitProperty> out;
    if (resources.memory) add_memory(out, *resources.memory, v2);
    if (resources.cpu) add_cpu(out, *resources.cpu, v2);
    if (resources.cpu && v2) TRY(add_cpuset(out, "AllowedCPUs", resources.cpu->cpus));
    if (resources.cpu && v2) TRY(add_cpuset(out, "AllowedMemoryNodes", resources.cpu->mems));
    if (resources.pids && resources.pids->limit) out.push_back({"TasksMax", *resources.pids->limit == 0 ? 1 : or_infinity(*resources.pids->limit)});
    if (v2) TRY(add_unified(out, resources.unified));
    return out;
}

}  // namespace berth::runtime
