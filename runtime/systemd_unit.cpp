#include "runtime/systemd_unit.h"

#include <unistd.h>

#include "runtime/cgroup_values.h"
#include "runtime/cgroup_files.h"
#include "runtime/host_cgroups.h"

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

void add_cpu(std::vector<UnitProperty>& out, const CpuLimits& cpu, bool v2) {
    if (cpu.shares && *cpu.shares != 0) {
        if (v2) out.push_back({"CPUWeight", weight_of_shares(*cpu.shares)});
        else out.push_back({"CPUShares", *cpu.shares});
    }
    if (cpu.quota && *cpu.quota != 0) {
        // systemd counts per second of time and rounds up to 10 ms.
        const std::uint64_t period = cpu.period.value_or(100000) == 0 ? 100000 : cpu.period.value_or(100000);
        std::uint64_t per_second = UINT64_MAX;
        if (*cpu.quota > 0) per_second = (static_cast<std::uint64_t>(*cpu.quota) * 1000000 / period + 9999) / 10000 * 10000;
        out.push_back({"CPUQuotaPerSecUSec", per_second});
        if (cpu.period) out.push_back({"CPUQuotaPeriodUSec", period});
    }
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

std::vector<UnitProperty> scope_properties(const ScopeNames& names, const CgroupRequest& request) {
    std::vector<UnitProperty> out = {
        {"Description", cat("berth container ", request.id)},
        {"Slice", names.slice},
        {"Delegate", true},
        {"DefaultDependencies", false},
        // A scope cannot be empty; the container's process takes the place of this one, which leaves at once.
        {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(::getpid())}},
        {"MemoryAccounting", true}, {"CPUAccounting", true}, {"IOAccounting", true}, {"TasksAccounting", true},
    };
    if (request.resources != nullptr)
        for (UnitProperty& property : resource_properties(*request.resources)) out.push_back(std::move(property));
    return out;
}

std::vector<UnitProperty> resource_properties(const Resources& resources) {
    const bool v2 = cgroup_layout() == CgroupLayout::v2;
    std::vector<UnitProperty> out;
    if (resources.memory) add_memory(out, *resources.memory, v2);
    if (resources.cpu) add_cpu(out, *resources.cpu, v2);
    if (resources.pids && resources.pids->limit) out.push_back({"TasksMax", *resources.pids->limit == 0 ? 1 : or_infinity(*resources.pids->limit)});
    return out;
}

}  // namespace berth::runtime
