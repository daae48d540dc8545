// Making, finding and removing the folders of a container's control groups, and how a process enters them.

#include "runtime/cgroup.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/root.h"
#include "base/sys.h"
#include "runtime/cgroup_apply.h"
#include "runtime/cgroup_files.h"
#include "runtime/host_cgroups.h"
#include "runtime/systemd.h"
#include "runtime/systemd_unit.h"

namespace berth::runtime {

namespace {

/// Folders that a failed create() takes away again, deepest last.
using Made = std::vector<std::string>;

Result<void> make_group_folders(const std::string& path, Made& made) {
    if (::mkdir(path.c_str(), 0755) == 0) {
        made.push_back(path);
        return {};
    }
    if (errno == EEXIST) return {};
    const std::size_t slash = path.rfind('/');
    if (errno != ENOENT || slash == 0 || slash == std::string::npos) return Error::of_errno(errno, path);
    TRY(make_group_folders(path.substr(0, slash), made));
    return make_group_folders(path, made);
}

void remove_made(const Made& made) {
    for (std::size_t i = made.size(); i-- > 0;) ::rmdir(made[i].c_str());
}

/// What a relative path is below: our own group; on v2 the one above it, since ours has processes and so cannot hand its
/// controllers on (cgroups(7), "no internal processes").
std::string base_of(const Hierarchy& hierarchy) {
    return hierarchy.v2 && cgroup_layout() == CgroupLayout::v2 ? cat(hierarchy.own_path, "/..") : hierarchy.own_path;
}

std::string folder_in(const Hierarchy& hierarchy, const std::string& path) {
    const std::string below = path.starts_with('/') ? path : cat(base_of(hierarchy), "/", path);
    const std::string clean = clean_path(below);
    return clean == "/" ? hierarchy.mount_point : cat(hierarchy.mount_point, clean);
}

/// A new cpuset is empty and nothing can enter it before it has CPUs and memory nodes (cpusets(7)); parents first.
Result<void> fill_cpuset(const std::string& folder, const std::string& top) {
    if (folder.size() <= top.size()) return {};
    const std::string above = folder.substr(0, folder.rfind('/'));
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
        const std::string own = TRY(read_group_file(folder, file));
        if (own.size() > 1) continue;
        std::string given = TRY(read_group_file(above, file));
        if (given.size() <= 1) {
            TRY(fill_cpuset(above, top));
            given = TRY(read_group_file(above, file));
        }
        while (given.ends_with('\n')) given.pop_back();
        TRY(write_group_file(folder, file, given));
    }
    return {};
}

/// With processes in it a group hands no controller on: the kernel refuses most, and takes the others at the price that no
/// process can enter a group below (cgroups(7), "threaded" groups).
bool can_hand_on(const std::string& folder, const std::string& top) {
    return folder == top || read_group_file(folder, "cgroup.procs").value_or("").empty();
}

/// A controller works in a v2 group only when every group above hands it on.
void enable_controllers(const std::string& folder, const std::string& top) {
    for (std::size_t end = top.size(); end != std::string::npos && end < folder.size(); end = folder.find('/', end + 1)) {
        const std::string above = folder.substr(0, end);
        const std::string available = read_group_file(above, "cgroup.controllers").value_or("");
        const std::string enabled = read_group_file(above, "cgroup.subtree_control").value_or("");
        const auto handed_on = split_fields(enabled, " \n");
        if (handed_on.size() < split_fields(available, " \n").size() && !can_hand_on(above, top)) return;
        for (const std::string_view controller : split_fields(available, " \n"))
            if (std::find(handed_on.begin(), handed_on.end(), controller) == handed_on.end())
                ignore(write_group_file(above, "cgroup.subtree_control", cat("+", controller)),
                       "a limit that needs it will say so; the others do not");
    }
}

void set_paths(CgroupRecord& record) {
    for (const Hierarchy& hierarchy : host_cgroups().hierarchies) {
        const std::string folder = folder_in(hierarchy, record.path);
        if (hierarchy.v2) record.paths[""] = folder;
        for (const std::string& controller : hierarchy.controllers) record.paths[controller] = folder;
    }
}

Result<void> make_folders(CgroupRecord& record, Made& made) {
    set_paths(record);
    for (const Hierarchy& hierarchy : host_cgroups().hierarchies) {
        const std::string folder = folder_in(hierarchy, record.path);
        TRY(make_group_folders(folder, made));
        if (record.paths.contains("cpuset") && record.paths["cpuset"] == folder && !hierarchy.v2)
            TRY(fill_cpuset(folder, hierarchy.mount_point));
        if (hierarchy.v2 && cgroup_layout() == CgroupLayout::v2) enable_controllers(folder, hierarchy.mount_point);
    }
    return {};
}

Result<void> delegate(const CgroupRecord& record, std::uint32_t uid, std::uint32_t gid) {
    const auto v2 = record.paths.find("");
    if (v2 == record.paths.end()) return {};
    // cgroups(7), "Delegation": these and no limits.
    for (const char* file : {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"})
        if (::chown(cat(v2->second, file).c_str(), uid, gid) != 0) return Error::of_errno(errno, cat(v2->second, file));
    return {};
}

Result<void> fill(const CgroupRequest& request, CgroupRecord& record, Made& made) {
    TRY(make_folders(record, made));
    if (request.owner) TRY(delegate(record, request.owner->first, request.owner->second));
    if (request.resources != nullptr) {
        TRY(apply_resources(record, *request.resources));
        TRY(apply_devices(record, request.resources->devices));
    }
    return {};
}

void pause_briefly(int attempt) {
    sleep_for(Duration{500'000L << std::min(attempt, 6)});
}

/// rmdir answers EBUSY for a moment after the last process went.
Result<void> remove_group(const std::string& folder) {
    for (int attempt = 0;; ++attempt) {
        if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return {};
        if (errno != EBUSY) return Error::of_errno(errno, folder);
        if (attempt == 12) return Error(Kind::busy, cat(folder, ": still has processes"));
        pause_briefly(attempt);
    }
}

}  // namespace

Result<Cgroup> Cgroup::create(const CgroupRequest& request) {
    if (cgroup_layout() == CgroupLayout::none)
        return Error(Kind::unsupported, "no control groups are mounted on this host").with_hint("mount cgroup2 on /sys/fs/cgroup");
    CgroupRecord record;
    record.path = request.path;
    std::shared_ptr<ScopeKeeper> keeper;
    if (request.systemd) keeper = TRY(start_scope(request, record), "cgroup ", request.path);
    Made made;
    if (auto filled = fill(request, record, made); !filled.ok()) {
        remove_made(made);
        if (!record.systemd_unit.empty()) ignore(stop_scope(record), "the first error is the one to tell");
        return std::move(filled).error().context("cgroup ", request.path);
    }
    Cgroup group(std::move(record));
    group.keeper_ = std::move(keeper);
    return group;
}

Result<Cgroup> Cgroup::locate(const CgroupRequest& request) {
    CgroupRecord record;
    record.path = request.path;
    if (request.systemd) record.path = TRY(parse_scope_path(request.path, request.id)).cgroup_path;
    set_paths(record);
    return Cgroup(std::move(record));
}

Result<Cgroup> Cgroup::open(CgroupRecord record) {
    if (record.paths.empty()) return Error(Kind::invalid, cat("cgroup ", record.path, ": record without folders"));
    return Cgroup(std::move(record));
}

Result<void> Cgroup::update(const Resources& resources) {
    TRY(apply_resources(record_, resources), "cgroup ", record_.path);
    if (!record_.systemd_unit.empty()) TRY(update_scope(record_, resources));
    return {};
}

Result<void> Cgroup::allow_devices(const std::vector<DeviceRule>& rules) {
    TRY(apply_devices(record_, rules), "cgroup ", record_.path);
    return {};
}

Result<std::vector<pid_t>> Cgroup::pids() const {
    std::vector<pid_t> out;
    // One hierarchy is enough: a process is in the same group of each. Freezer and v2 are the ones that kill uses.
    const std::string top = record_.paths.contains("freezer") ? record_.paths.at("freezer") : record_.paths.begin()->second;
    for (const std::string& folder : folders_below(top)) {
        auto text = read_group_file(folder, "cgroup.procs");
        if (!text.ok() && (text.error().kind() == Kind::not_found || text.error().code() == EOPNOTSUPP)) continue;
        const std::string pids = TRY(std::move(text));
        for (const std::string_view line : split_fields(pids, "\n")) out.push_back(static_cast<pid_t>(parse_number(line)));
    }
    std::sort(out.begin(), out.end());
    return out;
}

Result<void> Cgroup::remove() {
    if (!record_.systemd_unit.empty()) ignore(stop_scope(record_), "the folders below go anyway");
    for (const std::string& top : unique_folders(record_)) {
        // Most groups have none below, so that one call does.
        if (::rmdir(top.c_str()) == 0 || errno == ENOENT) continue;
        for (const std::string& folder : folders_below(top)) TRY(remove_group(folder), "remove cgroup");
    }
    return {};
}

Result<Cgroup> Cgroup::below(const std::map<std::string, std::string>& paths) const {
    CgroupRecord record = record_;
    record.systemd_unit.clear();
    for (auto& [controller, folder] : record.paths) {
        const auto own = paths.find(controller);
        const auto all = paths.find("");
        if (own == paths.end() && (all == paths.end() || (paths.size() > 1 && !controller.empty()))) continue;
        folder = cat(folder, "/", own != paths.end() ? own->second : all->second);
    }
    return Cgroup(std::move(record));
}

Result<Cgroup::Entrances> Cgroup::open_entrances() const {
    Entrances out;
    for (const std::string& folder : unique_folders(record_)) {
        const auto v2 = record_.paths.find("");
        if (v2 != record_.paths.end() && v2->second == folder) {
            out.v2 = TRY(sys::open(folder, O_PATH | O_DIRECTORY), "enter cgroup");
            continue;
        }
        Fd tasks = TRY(sys::open(cat(folder, "/tasks"), O_WRONLY), "enter cgroup");
        out.tasks.push_back(std::move(tasks));
    }
    return out;
}

}  // namespace berth::runtime
