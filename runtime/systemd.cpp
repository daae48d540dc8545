#include "runtime/systemd.h"

#include <unistd.h>

#include "runtime/dbus.h"
#include "runtime/systemd_unit.h"

namespace berth::runtime {

namespace {

/// sd_booted(3).
Result<void> require_systemd() {
    if (::access("/run/systemd/system", F_OK) == 0) return {};
    return Error(Kind::unsupported, "systemd is not running on this host").with_hint("leave out --systemd-cgroup");
}

}  // namespace

Result<void> start_scope(const CgroupRequest& request, CgroupRecord& record) {
    TRY(require_systemd());
    const ScopeNames names = TRY(parse_scope_path(request.path, request.id));
    DbusConnection bus = TRY(DbusConnection::open_system());
    TRY(bus.start_transient_unit(names.unit, scope_properties(names, request)), "systemd: start ", names.unit);
    record.path = names.cgroup_path;
    record.systemd_unit = names.unit;
    return {};
}

Result<void> update_scope(const CgroupRecord& record, const Resources& resources) {
    DbusConnection bus = TRY(DbusConnection::open_system());
    TRY(bus.set_unit_properties(record.systemd_unit, resource_properties(resources)), "systemd: update ", record.systemd_unit);
    return {};
}

Result<void> stop_scope(const CgroupRecord& record) {
    DbusConnection bus = TRY(DbusConnection::open_system());
    return bus.stop_unit(record.systemd_unit);
}

}  // namespace berth::runtime
