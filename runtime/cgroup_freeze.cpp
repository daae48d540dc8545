// Freezing, killing and watching a container's processes through its control group.

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_files.h"

namespace berth::runtime {

namespace {

constexpr Duration longest_wait = Duration::of_seconds(10);

/// Until `done` holds: quickly at first, since most changes are immediate.
template <class Condition>
bool wait_until(Condition done) {
    const Tick start = tick_now();
    for (Duration pause = Duration::of_milliseconds(0) + Duration{50'000}; !done();) {
        if (tick_now() - start > longest_wait) return false;
        sleep_for(pause);
        if (pause < Duration::of_milliseconds(5)) pause = pause + pause;
    }
    return true;
}

std::string freezer_of(const CgroupRecord& record) {
    const auto v1 = record.paths.find("freezer");
    return v1 == record.paths.end() ? "" : v1->second;
}

std::string v2_of(const CgroupRecord& record) {
    const auto v2 = record.paths.find("");
    return v2 == record.paths.end() ? "" : v2->second;
}

Result<void> set_v1_state(const std::string& folder, const char* state) {
    TRY(write_group_file(folder, "freezer.state", state));
    const auto reached = [&] {
        const std::string now = read_group_file(folder, "freezer.state").value_or("");
        if (now.starts_with(state)) return true;
        // A process that forks meanwhile is only caught by asking again (kernel: freezer-subsystem.rst).
        ignore(write_group_file(folder, "freezer.state", state), "asked again below");
        return false;
    };
    if (wait_until(reached)) return {};
    ignore(write_group_file(folder, "freezer.state", "THAWED"), "nothing is left half frozen");
    return Error(Kind::busy, "unable to freeze: some process does not stop");
}

Result<void> set_v2_state(const std::string& folder, bool frozen) {
    TRY(write_group_file(folder, "cgroup.freeze", frozen ? "1" : "0"));
    const auto reached = [&] { return group_table(folder, "cgroup.events")["frozen"] == (frozen ? 1u : 0u); };
    if (wait_until(reached)) return {};
    ignore(write_group_file(folder, "cgroup.freeze", "0"), "nothing is left half frozen");
    return Error(Kind::busy, "unable to freeze: some process does not stop");
}

}  // namespace

Result<void> Cgroup::freeze() {
    const std::string v1 = freezer_of(record_);
    if (!v1.empty()) return set_v1_state(v1, "FROZEN");
    return set_v2_state(v2_of(record_), true);
}

Result<void> Cgroup::thaw() {
    const std::string v1 = freezer_of(record_);
    if (!v1.empty()) return set_v1_state(v1, "THAWED");
    return set_v2_state(v2_of(record_), false);
}

Result<bool> Cgroup::is_frozen() const {
    const std::string v1 = freezer_of(record_);
    if (!v1.empty()) {
        const auto state = read_group_file(v1, "freezer.state");
        return state.ok() && (state.value().starts_with("FROZEN") || state.value().starts_with("FREEZING"));
    }
    return group_number(v2_of(record_), "cgroup.freeze") == 1;
}

Result<void> Cgroup::kill_all() {
    const std::string v2 = v2_of(record_);
    const std::string v1 = freezer_of(record_);
    const auto killed = [&] {
        const std::vector<pid_t> left = pids().value_or({});
        if (left.empty()) return true;
        // cgroup.kill (5.14) takes forks with it. Elsewhere: stop them all, then signal, then let them die.
        if (v1.empty() && write_group_file(v2, "cgroup.kill", "1").ok()) return false;
        if (!v1.empty()) ignore(write_group_file(v1, "freezer.state", "FROZEN"), "only makes a fork bomb slower");
        for (const pid_t pid : pids().value_or(left)) ::kill(pid, SIGKILL);
        if (!v1.empty()) ignore(write_group_file(v1, "freezer.state", "THAWED"), "they die when thawed");
        return false;
    };
    if (v1.empty() && is_frozen().value_or(false)) ignore(write_group_file(v2, "cgroup.freeze", "0"), "SIGKILL works frozen too");
    if (!wait_until(killed)) return Error(Kind::busy, cat("cgroup ", record_.path, ": processes survive SIGKILL"));
    return {};
}

Result<Fd> Cgroup::watch_oom() const {
    const std::string v1 = record_.paths.contains("memory") ? record_.paths.at("memory") : "";
    if (v1.empty()) {
        Fd watch(::inotify_init1(IN_CLOEXEC));
        if (!watch.valid()) return Error::of_errno(errno, "inotify_init1");
        const std::string file = cat(v2_of(record_), "/memory.events");
        if (::inotify_add_watch(watch.raw(), file.c_str(), IN_MODIFY) < 0) return Error::of_errno(errno, file);
        return watch;
    }
    // kernel: cgroup-v1/memory.rst "OOM Control".
    Fd events(::eventfd(0, EFD_CLOEXEC));
    if (!events.valid()) return Error::of_errno(errno, "eventfd");
    const Fd control = TRY(sys::open(cat(v1, "/memory.oom_control"), O_RDONLY));
    TRY(write_group_file(v1, "cgroup.event_control", cat(events.raw(), " ", control.raw())));
    return events;
}

}  // namespace berth::runtime
