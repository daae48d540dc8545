#pragma once
// What create and run share: from a bundle to a container that waits at its gate, or runs.

#include <optional>
#include <string>

#include "cli/oci/globals.h"
#include "cli/oci/state.h"
#include "runtime/launch.h"

namespace berth::cli {

struct LaunchOptions {
    std::string bundle;
    std::string config;  ///< instead of the bundle's config.json; the bundle's folder stays the base of root.path
    std::string console_socket, pidfd_socket, pid_file;
    bool no_pivot = false, no_new_keyring = false;
    int preserve_fds = 0;
    bool detach = false, keep = false, no_subreaper = false;
};
void describe_launch_options(Parser& parser, LaunchOptions& into);

/// `at_gate`: the program waits for `start`. `by_caller`: it waits for Init::release(), whose error is that the kernel would
/// not execute it.
enum class Release { at_gate, by_caller };

struct Launched {
    OciContainer container;
    runtime::Init init;
    std::optional<Fd> console;  ///< for the foreground
    std::optional<Fd> notices;  ///< what the container says through sd_notify(3), to be relayed (notify.h)
};
Result<Launched> launch_container(const OciCall& call, const std::string& id, const LaunchOptions& options, Release release);

/// "runc run failed: unable to start container process: …", with the words by which podman and containerd tell a missing
/// program (127) from everything else.
Error failed_start(Error error, const std::string& what);
/// The pid alone, by rename: who waits for the file reads a whole one.
Result<void> write_pid_file(const std::string& path, pid_t pid);
/// The value of --preserve-fds and of $LISTEN_FDS.
Result<int> parse_descriptor_count(std::string_view text);
/// Descriptors 3 … 3+n-1 of ours, which the program keeps. All must be open.
Result<std::vector<Fd>> preserved_descriptors(int count);

}  // namespace berth::cli
