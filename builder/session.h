#pragma once
// One build: what was asked, what was read, what the store gave, all that its steps share. Made once, then only read;
// workers have their own copy since they are forked.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/context.h"
#include "builder/file_digests.h"
#include "builder/key_agent.h"
#include "builder/stages.h"
#include "builder/state.h"
#include "container/engine.h"
#include "image/store.h"

namespace berth::builder {

/// --secret id=…, where its value comes from.
struct Secret {
    std::string file;      ///< a path, or
    std::string variable;  ///< a variable of the environment
};

/// A step's result in a folder of --cache-from.
struct ImportedStep {
    std::string folder;
    Json value;  ///< of the cache's entry (step_cache.cpp)
};

/// --volume HOST:PATH[:ro|rw], the host's path resolved.
struct BuildVolume {
    std::string source, target;
    bool read_only = false;
};

struct Session {
    container::Engine& engine;
    const image::Store& store;
    const image::Lease& lease;
    const BuildOptions& options;
    Context context;
    Dockerfile file;
    Plan plan;
    Platform platform;
    std::map<std::string, std::string> build_args;
    std::optional<Moment> epoch;
    std::map<std::string, Context> folders;          ///< --build-context NAME=PATH
    std::map<std::string, std::string> aliases;      ///< --build-context NAME=docker-image://REF
    std::map<std::string, image::ImageId> images;    ///< by the name that FROM or --from wrote
    std::map<std::size_t, std::vector<Instruction>> triggers;  ///< ONBUILD, in front of a stage's own instructions
    std::map<std::string, Secret> secrets;
    std::map<std::string, std::string> ssh;          ///< id → socket
    std::vector<KeyAgent> agents;                    ///< for key files of --ssh
    std::set<std::string> allowed;                   ///< --allow
    std::set<std::string> uncached_stages;           ///< --no-cache-filter
    std::vector<BuildVolume> volumes;                ///< --volume
    std::map<std::string, ImportedStep> imported;    ///< --cache-from, by key
    std::vector<std::string> other_keys;             ///< steps of finished stages that are not the target
    bool has_worked = false;                         ///< the cache did not have everything
    FileDigests digests;

    StateContext state_context() const { return {file.directives.escape, &plan.globals, &build_args, epoch}; }
    bool is_uncached(const Stage& stage) const;
    /// ONBUILD's instructions and the stage's own.
    std::vector<Instruction> instructions_of(std::size_t stage) const;
    /// Where the builder keeps what is its own: ROOT/builder.
    std::string folder() const { return engine.paths().root + "/builder"; }
};

/// The image that `name` means: from the store, else pulled when the caller can. Kind::not_found.
Result<image::ImageId> resolve_image(Session& session, const std::string& name);

/// A merged, read-only view of layers.
Result<Root> open_view(const image::Store& store, const std::vector<image::LayerRef>& layers);
std::vector<std::string> keys_of(const std::vector<image::LayerRef>& layers);

}  // namespace berth::builder
