#include "runtime/host_cgroups.h"

#include <algorithm>

#include "base/file.h"

namespace berth::runtime {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t at = text.find(separator);
        if (at != 0) parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
    }
    return parts;
}

constexpr std::string_view generic_options[] = {"rw", "ro", "relatime", "xattr", "noprefix", "clone_children", "nsdelegate",
                                                "memory_recursiveprot", "memory_localevents", "favordynmods", "seclabel"};

bool is_controller(std::string_view option) {
    if (option.starts_with("release_agent=")) return false;
    return std::find(std::begin(generic_options), std::end(generic_options), option) == std::end(generic_options);
}

/// "36 35 98:0 /root /mount/point options… - type source superoptions" (proc(5), mountinfo).
void add_hierarchy(HostCgroups& out, std::string_view line) {
    const std::size_t dash = line.find(" - cgroup");
    if (dash == std::string_view::npos) return;
    const auto before = split(line.substr(0, dash), ' ');
    const auto behind = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || behind.size() < 3) return;
    Hierarchy hierarchy;
    hierarchy.mount_point = before[4];
    hierarchy.name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
    hierarchy.v2 = behind[0] == "cgroup2";
    if (!hierarchy.v2)
        for (const std::string_view option : split(behind[2], ','))
            if (is_controller(option)) hierarchy.controllers.emplace_back(option);
    // A second mount of the same hierarchy (a container's, a bind) adds nothing.
    for (const Hierarchy& known : out.hierarchies)
        if (known.v2 == hierarchy.v2 && known.controllers == hierarchy.controllers) return;
    out.hierarchies.push_back(std::move(hierarchy));
}

/// "4:memory:/path", "0::/path" (cgroups(7)).
void set_own_path(HostCgroups& out, std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    const std::string_view controller = controllers.empty() ? "" : controllers[0];
    for (Hierarchy& hierarchy : out.hierarchies) {
        const auto& names = hierarchy.controllers;
        const bool same = controller.empty() ? hierarchy.v2 : std::find(names.begin(), names.end(), controller) != names.end();
        if (same) hierarchy.own_path = line.substr(second + 1);
    }
}

}  // namespace

const Hierarchy* HostCgroups::find(std::string_view controller) const {
    for (const Hierarchy& hierarchy : hierarchies) {
        const auto& names = hierarchy.controllers;
        if (controller.empty() ? hierarchy.v2 : std::find(names.begin(), names.end(), controller) != names.end())
            return &hierarchy;
    }
    return nullptr;
}

HostCgroups parse_host_cgroups(std::string_view mountinfo, std::string_view own_cgroups) {
    HostCgroups out;
    for (const std::string_view line : split(mountinfo, '\n')) add_hierarchy(out, line);
    std::stable_partition(out.hierarchies.begin(), out.hierarchies.end(), [](const Hierarchy& h) { return !h.v2; });
    for (const std::string_view line : split(own_cgroups, '\n')) set_own_path(out, line);
    const bool has_v2 = !out.hierarchies.empty() && out.hierarchies.back().v2;
    const bool has_v1 = out.hierarchies.size() > (has_v2 ? 1u : 0u);
    out.layout = has_v1 ? (has_v2 ? CgroupLayout::hybrid : CgroupLayout::v1) : has_v2 ? CgroupLayout::v2 : CgroupLayout::none;
    return out;
}

const HostCgroups& host_cgroups() {
    static const HostCgroups& known = *new HostCgroups(
        parse_host_cgroups(read_file("/proc/self/mountinfo").value_or(""), read_file("/proc/self/cgroup").value_or("")));
    return known;
}

CgroupLayout cgroup_layout() { return host_cgroups().layout; }

}  // namespace berth::runtime
