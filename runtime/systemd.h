#pragma once
// The systemd driver: the container's group is a scope unit that systemd makes (StartTransientUnit over D-Bus).

#include <memory>

#include "base/process.h"
#include "runtime/cgroup.h"

namespace berth::runtime {

/// A process that is in a new scope until the container's first one is: systemd ends a scope that is empty. It goes with
/// this object, and with this process.
class ScopeKeeper {
public:
    static Result<std::shared_ptr<ScopeKeeper>> make();
    ScopeKeeper(pid_t pid, Fd way) : child_(pid, Fd()), way_(std::move(way)) {}
    ScopeKeeper(const ScopeKeeper&) = delete;
    ~ScopeKeeper();
    pid_t pid() const { return child_.pid(); }

private:
    Child child_;
    Fd way_;  ///< The end of a pipe: it ends when this is closed.
};

/// Starts the scope for the request's "SLICE:PREFIX:NAME" and sets record.path and record.systemd_unit.
Result<std::shared_ptr<ScopeKeeper>> start_scope(const CgroupRequest& request, CgroupRecord& record);
/// Tells systemd about new limits, so that a reload does not put the old ones back.
Result<void> update_scope(const CgroupRecord& record, const Resources& resources);
Result<void> stop_scope(const CgroupRecord& record);

}  // namespace berth::runtime
