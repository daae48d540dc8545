#include "runtime/systemd.h"

#include <cerrno>

#include <unistd.h>

#include "base/sys.h"
#include "runtime/dbus.h"
#include "runtime/systemd_unit.h"

namespace berth::runtime {

namespace {

/// sd_booted(3).
Result<void> require_systemd() {
    if (::access("/run/systemd/system", F_OK) == 0) return {};
    return Error(Kind::unsupported, "systemd is not running on this host").with_hint("leave out --systemd-cgroup");
}

/// Holds nothing of its parent's but the pipe, and hears no signal of its terminal.
[[noreturn]] void wait_for_end_of(int pipe) {
    ::setsid();
    ::dup2(pipe, 0);
    ::close_range(1, ~0u, 0);
    char nothing;
    while (::read(0, &nothing, 1) < 0 && errno == EINTR) continue;
    ::_exit(0);
}

}  // namespace

Result<std::shared_ptr<ScopeKeeper>> ScopeKeeper::make() {
    sys::Pipe pipe = TRY(sys::pipe());
    const pid_t pid = ::fork();
    if (pid < 0) return Error::of_errno(errno, "fork");
    if (pid == 0) wait_for_end_of(pipe.read.raw());
    return std::make_shared<ScopeKeeper>(pid, std::move(pipe.write));
}

ScopeKeeper::~ScopeKeeper() {
    way_.reset();
    ignore(child_.wait(), "it may have been killed with the scope");
}

Result<std::shared_ptr<ScopeKeeper>> start_scope(const CgroupRequest& request, CgroupRecord& record) {
    TRY(require_systemd());
    const ScopeNames names = TRY(parse_scope_path(request.path, request.id));
    auto keeper = TRY(ScopeKeeper::make());
    const auto properties = TRY(scope_properties(names, request, keeper->pid()));
    DbusConnection bus = TRY(DbusConnection::open_system());
    TRY(bus.start_transient_unit(names.unit, properties), "systemd: start ", names.unit);
    record.path = names.cgroup_path;
    record.systemd_unit = names.unit;
    return keeper;
}

Result<void> update_scope(const CgroupRecord& record, const Resources& resources) {
    const auto properties = TRY(resource_properties(resources));
    DbusConnection bus = TRY(DbusConnection::open_system());
    TRY(bus.set_unit_properties(record.systemd_unit, properties), "systemd: update ", record.systemd_unit);
    return {};
}

Result<void> stop_scope(const CgroupRecord& record) {
    DbusConnection bus = TRY(DbusConnection::open_system());
    return bus.stop_unit(record.systemd_unit);
}

}  // namespace berth::runtime
