#pragma once
// The mounts of a RUN, opened: context, stages and images as trees, caches as plain folders that outlive the build, secrets
// and keys as files in memory that go away with the step.

#include <optional>
#include <string>
#include <vector>

#include "builder/agent_relay.h"
#include "builder/mounts.h"
#include "builder/options.h"
#include "builder/step.h"
#include "container/step.h"

namespace berth::builder {

/// What a bind mount's content is, for the key. Nothing: a stage is not finished yet.
Result<std::optional<std::string>> bind_key(const StepContext& context, const RunMount& mount);

struct MountsOfRun {
    std::vector<container::StepMount> mounts;
    std::vector<std::string> env;            ///< secrets as variables, SSH_AUTH_SOCK
    std::vector<DirLock> locks;              ///< of caches
    std::vector<image::Staging> stagings;    ///< upper folders of what may be written and is thrown away
    std::string folder;                      ///< private files below the run root, "" while there are none
    int files = 0;
    std::vector<AgentRelay> relays;          ///< of ssh mounts

    /// --volume of the command line.
    Result<void> add_volumes(const std::vector<BuildVolume>& volumes);
    Result<void> add_script(const std::string& name, const std::string& text);
    /// Ends the relays and removes the private files. Cheap when there are none.
    Result<void> finish();
    /// A path below `folder` that nothing has yet.
    Result<std::string> private_path();
    /// A file of that content, reachable by nobody else; returns its path.
    Result<std::string> write_private(const std::string& text, mode_t mode, uid_t uid, gid_t gid);
    const Session* session = nullptr;
};
/// "FOLDER:TARGET" of the caches: what a shell in a failed step's state mounts again.
std::vector<std::string> cache_volumes(const Session& session, const std::vector<RunMount>& mounts, const std::string& working_dir);
Result<MountsOfRun> open_mounts(const StepContext& context, const std::vector<RunMount>& mounts, const std::string& working_dir);

}  // namespace berth::builder
