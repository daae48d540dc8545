#pragma once
// The steps that create, run and restore have in common; launching.cpp puts them in order for the first two, restore.cpp
// for the third.

#include <array>
#include <optional>

#include "cli/oci/launching.h"
#include "runtime/cgroup.h"

namespace berth::cli {

/// Everything of one launch; what fails on the way is undone by undo_launch().
struct Launching {
    const OciCall& call;
    const LaunchOptions& options;
    OciContainer container;
    std::vector<Fd> extra;
    runtime::Spec spec{};
    std::string spec_text{};
    std::optional<runtime::Cgroup> cgroup{};
    Fd console_socket{}, pidfd_socket{};
    Fd gate{};
    std::array<Fd, 3> stdio{};
};

std::string absolute_bundle(const LaunchOptions& options);
/// Reads the bundle's config.json, checks it against the options, connects the caller's sockets, fills in the state.
Result<void> prepare_launch(Launching& job, const std::string& bundle, bool detaches);
/// Writes down where the cgroup will be, then makes it.
Result<void> make_cgroup(Launching& job);
/// Writes down which process the container's first is.
Result<void> record_process(Launching& job, pid_t pid);
/// Takes away all that was made; the container is gone.
void undo_launch(Launching& job);

}  // namespace berth::cli
