#pragma once
// How a process ends whose parent we are not, which is what a monitor must learn that took over from a killed one. Since
// Linux 6.15 the process's pidfd tells; before, only the kernel's process events do (connector, Documentation/driver-api/
// connector.rst), and those only to the machine's first network and pid namespaces.

#include <optional>

#include "base/process.h"

namespace berth::container {

/// docker: the exit status was lost.
constexpr int status_unknown = 255;

class ForeignEnd {
public:
    ForeignEnd() = default;
    /// To be asked while the process lives. Where the kernel tells nothing, status() says so later.
    static ForeignEnd watch(pid_t pid, const Fd& pidfd);
    /// By the kernel's events, whatever the pidfd could tell. Kind::unsupported or an errno where they are not told.
    static Result<ForeignEnd> watch_events(pid_t pid);
    ForeignEnd(ForeignEnd&&) = default;
    ForeignEnd& operator=(ForeignEnd&&) = default;
    ~ForeignEnd();

    /// After the pidfd became readable. Nothing before its own parent has reaped it; Kind::unsupported where nobody tells.
    /// Of a process whose first thread left before the others, the events tell that thread's status.
    Result<std::optional<ExitStatus>> status(const Fd& pidfd) const;

private:
    Fd events_;  ///< A netlink socket that receives one message, that of the end; none where the pidfd tells.
};

/// From the pidfd alone, of a process that ended or is just ending: waits some moments for its parent to reap it. Nothing when
/// the status stays unknown, as it does before Linux 6.15.
std::optional<ExitStatus> late_status(const Fd& pidfd);

}  // namespace berth::container
