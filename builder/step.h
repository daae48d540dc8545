#pragma once
// Steps: what WORKDIR, COPY, ADD and RUN need to be done, found out without doing it. A step has a key; when the cache has
// no answer, `make` fills a staging folder that becomes the layer.

#include <functional>
#include <optional>
#include <string>

#include "builder/reporter.h"
#include "builder/session.h"

namespace berth::builder {

struct LayerStep {
    Digest key;
    std::string history;
    std::function<Result<void>(image::Staging& staging, int step)> make;
    /// An exit code for the failure that `make` returned; 0 when it failed otherwise.
    std::shared_ptr<int> exit_code = std::make_shared<int>(0);
    /// "FOLDER:TARGET", what a shell in the step's state needs beside the layers: cache mounts.
    std::vector<std::string> volumes = {};
    /// WORKDIR's, from this step on.
    std::optional<std::string> working_dir = {};
};

/// The state of another stage when it is finished; null when it is not yet.
using Siblings = std::function<Result<const StageState*>(std::size_t stage)>;

struct StepContext {
    Session& session;
    const StageState& state;
    std::size_t stage;
    const Siblings& siblings;
    const Fd* output;        ///< what a RUN writes to; null while only the cache is walked
    const Fd* error_output;
};

/// Nothing: another stage must be finished first.
Result<std::optional<LayerStep>> plan_copy(const StepContext& context, const Copy& copy);
Result<std::optional<LayerStep>> plan_run(const StepContext& context, const Run& run);
/// `path` is the new working folder, not "/".
LayerStep plan_workdir(const StepContext& context, const std::string& path);

/// FROM of a named context that is a folder: its files as the first layer.
Result<LayerStep> plan_folder_base(const StepContext& context, const std::string& name);

/// A tree that --from, from= or a source in the context means. `layers_key` tells its content when it is made of layers.
struct Origin {
    Root root;
    bool is_context = false;
    std::string description;
    std::string layers_key;
};
/// Nothing: the stage is not finished yet.
Result<std::optional<Origin>> open_origin(const StepContext& context, const std::string& from);

}  // namespace berth::builder
