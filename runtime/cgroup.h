#pragma once
// Control groups of one container, on v1 (a folder in each hierarchy), v2 (one folder), both at once, or through systemd.
// A process enters without the grace period that a write to cgroup.procs costs: clone3(CLONE_INTO_CGROUP) on v2, the
// child's own "0" in each `tasks` file on v1 (both done by Init and start_process).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "runtime/resources.h"

namespace berth::runtime {

/// What the host mounts: read once from /proc/self/mountinfo.
enum class CgroupLayout { v1, hybrid, v2, none };
CgroupLayout cgroup_layout();

struct CgroupStats {
    std::uint64_t cpu_usage_ns = 0, cpu_user_ns = 0, cpu_system_ns = 0;
    std::vector<std::uint64_t> per_cpu_ns;  ///< v1 only
    std::uint64_t throttled_periods = 0, periods = 0, throttled_ns = 0;
    std::uint64_t memory_usage = 0, memory_max_usage = 0, memory_limit = 0, memory_failures = 0;
    std::map<std::string, std::uint64_t> memory_stat;  ///< memory.stat as the kernel names it
    std::uint64_t swap_usage = 0, swap_limit = 0;      ///< memory+swap on v1, swap on v2
    std::uint64_t pids = 0, pids_limit = 0;            ///< limit 0: none
    struct Io {
        std::uint64_t major = 0, minor = 0;
        std::uint64_t read_bytes = 0, write_bytes = 0, read_ops = 0, write_ops = 0;
    };
    std::vector<Io> io;
    std::uint64_t oom_kills = 0;
};

/// Where a container's groups are; kept in the container's state, so that a later command finds them again.
struct CgroupRecord {
    std::string path;                          ///< below each hierarchy's root: "/berth/ID"
    std::map<std::string, std::string> paths;  ///< controller → folder on the host; "" is v2 (as runc's cgroup_paths)
    std::string systemd_unit;                  ///< the scope, when systemd made it
    bool operator==(const CgroupRecord&) const = default;
};
template <class Io>
void fields(Io& io, CgroupRecord& record) {
    io.required("path", record.path);
    io.required("paths", record.paths);
    io.optional("systemdUnit", record.systemd_unit);
}

struct CgroupRequest {
    /// Absolute: below each hierarchy's root. For systemd: "SLICE:PREFIX:NAME".
    std::string path;
    const Resources* resources = nullptr;
    bool systemd = false;
    /// In a user namespace of the container's: its root may then make groups below (v2 delegation).
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;
    std::map<std::string, std::string> annotations;  ///< org.systemd.property.*
    std::string id;                                  ///< for messages and systemd's description
};

class ScopeKeeper;

class Cgroup {
public:
    /// Makes the folders (also those that are there already) and sets the limits. On failure nothing new is left.
    static Result<Cgroup> create(const CgroupRequest& request);
    /// Where create() would put it; nothing is made. For looking at a group that may exist already.
    static Result<Cgroup> locate(const CgroupRequest& request);
    /// One that create() made earlier; folders may be gone meanwhile.
    static Result<Cgroup> open(CgroupRecord record);
    Cgroup(Cgroup&&) noexcept = default;
    Cgroup& operator=(Cgroup&&) noexcept = default;

    const CgroupRecord& record() const { return record_; }

    /// Changes limits; what `resources` leaves out stays.
    Result<void> update(const Resources& resources);
    /// Device rules: everything is refused but these (v1 lists, v2 eBPF).
    Result<void> allow_devices(const std::vector<DeviceRule>& rules);
    Result<void> freeze();
    Result<void> thaw();
    Result<bool> is_frozen() const;
    /// SIGKILL to every process in it and in groups below, thawing it first; waits until they are gone, 10 s at most.
    Result<void> kill_all();
    /// Processes in it and in groups below.
    Result<std::vector<pid_t>> pids() const;
    Result<CgroupStats> stats() const;
    /// A counter that grows with each OOM kill; an eventfd or inotify descriptor to wait on.
    Result<Fd> watch_oom() const;
    /// Removes the folders and those below. Absent is success; a group that still has processes is Kind::busy.
    Result<void> remove();

    /// A group below this one, for `exec --cgroup`; controller "" means all.
    Result<Cgroup> below(const std::map<std::string, std::string>& paths) const;

    /// How a process enters, for Init and start_process.
    struct Entrances {
        std::vector<Fd> tasks;  ///< v1 `tasks` files, to be written "0" by the process itself
        Fd v2;                  ///< the v2 folder, for CLONE_INTO_CGROUP
    };
    Result<Entrances> open_entrances() const;
    /// To be told once its first process is in it: a scope of systemd's is held open until then.
    void tell_entered() { keeper_.reset(); }

private:
    explicit Cgroup(CgroupRecord record) : record_(std::move(record)) {}
    CgroupRecord record_;
    std::shared_ptr<ScopeKeeper> keeper_;
};

}  // namespace berth::runtime
