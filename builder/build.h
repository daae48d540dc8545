#pragma once
// `berth build`: the one entry to this folder. Options are the command line's own texts; they are judged here, so that
// every front end gives the same errors. Results are data and events; nothing here prints.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace berth::container {
class Engine;
}
namespace berth::image {
class ImageId;
struct RunConfig;
}

namespace berth::builder {

/// docker build's flags. Lists hold one element an occurrence, exactly as typed.
struct BuildOptions {
    std::string context;                ///< PATH, URL, git address or "-" (Dockerfile or tar on stdin)
    std::optional<std::string> file;    ///< -f: a path, "-" for stdin, or a URL
    int input = 0;                      ///< descriptor that stands for stdin
    std::vector<std::string> tags;      ///< -t
    std::string target;                 ///< --target
    std::vector<std::string> build_args;      ///< --build-arg KEY[=VALUE]; without a value: from the environment
    std::vector<std::string> build_arg_files; ///< --build-arg-file
    std::vector<std::string> labels;          ///< --label KEY[=VALUE]
    std::vector<std::string> build_contexts;  ///< --build-context NAME=PATH|docker-image://…|oci-layout://…|URL
    std::vector<std::string> secrets;         ///< --secret id=…,src=…|env=…
    std::vector<std::string> ssh;             ///< --ssh default|id=socket|id=key,…
    std::vector<std::string> outputs;         ///< -o type=local,dest=… | DIR | -
    std::vector<std::string> cache_from;      ///< --cache-from type=local,src=…
    std::vector<std::string> cache_to;        ///< --cache-to type=local,dest=…
    std::vector<std::string> allow;           ///< --allow network.host|security.insecure
    std::vector<std::string> add_hosts;       ///< --add-host NAME:IP
    std::vector<std::string> ulimits;         ///< --ulimit
    std::vector<std::string> volumes;         ///< --volume HOST:PATH[:ro], during RUN only
    std::vector<std::string> env;             ///< --env KEY[=VALUE], into the image's configuration
    std::vector<std::string> no_cache_filter; ///< --no-cache-filter STAGE[,STAGE]
    std::string network;                ///< --network default|none|host
    std::string platform;               ///< --platform
    std::string cgroup_parent;          ///< --cgroup-parent
    std::string shm_size;               ///< --shm-size
    std::string memory;                 ///< -m, --memory
    std::string ignore_file;            ///< --ignorefile
    std::string from;                   ///< --from: replaces the image of the first FROM
    std::string source_date_epoch;      ///< --source-date-epoch, --timestamp; also SOURCE_DATE_EPOCH as a build argument
    std::string iidfile;                ///< --iidfile
    std::string metadata_file;          ///< --metadata-file
    std::string call = "build";         ///< --call build|check|outline|targets; --check is call=check
    /// Brings an image that the store does not have (or looks for a newer one, with `pull`); absent: nothing can be pulled.
    std::function<Result<image::ImageId>(const std::string& name)> pull_image;
    /// Pushes a name that now means the image; absent: nothing can be pushed.
    std::function<Result<void>(const std::string& name)> push_image;
    /// What may stay of the build cache after a build that did something; absent: a tenth of the file system, at least 2 GB.
    std::optional<std::uint64_t> keep_storage;
    int jobs = 0;                       ///< --jobs; 0: as many as there are processors
    bool no_cache = false;
    bool pull = false;
    bool push = false;
    bool squash = false;
};

/// A step that progress is told about. Numbers are those of the plain view: `#5 [build 2/7] RUN make`.
struct Step {
    int number = 0;
    std::string name;  ///< "[internal] load build definition from Dockerfile", "[build 2/7] RUN make"
    int first_line = 0;
    int last_line = 0;
};

enum class Stream { output, error };

/// What a failed step leaves to look at.
struct StepFailure {
    std::string text;      ///< `process "/bin/sh -c false" did not complete successfully: exit code: 1`
    std::string excerpt;   ///< the lines of the Dockerfile, with `>>>` at those that failed; may be empty
    std::string last_output;
    int exit_code = 0;     ///< of a RUN that failed, else 0
    std::string shell;     ///< the command that opens a shell in the step's state; empty when there is none
};

/// Told what happens, in order, from the thread and process that called build(). Steps may interleave.
class Progress {
public:
    virtual ~Progress() = default;
    virtual void started(const Step& step) = 0;
    /// Instead of started() and done().
    virtual void cached(const Step& step) = 0;
    virtual void output(const Step& step, Stream stream, std::string_view bytes, Duration since_start) = 0;
    virtual void done(const Step& step, Duration took) = 0;
    virtual void failed(const Step& step, const StepFailure& failure, Duration took) = 0;
    virtual void canceled(const Step& step) = 0;
    /// A part of a step is done: "writing image sha256:…".
    virtual void part_done(const Step& step, std::string_view what) = 0;
    /// A finding of a check: "UndefinedVar: usage of undefined variable '$X'", with the lines it concerns.
    virtual void warning(std::string_view rule, std::string_view text, std::string_view file, int line) = 0;
    /// Time passes: called so often while nothing else happens. Nothing: never.
    virtual std::optional<Duration> wants_ticks() const { return std::nullopt; }
    virtual void tick() {}
};

struct BuildResult {
    std::string image_id;            ///< "sha256:…"; empty when only outputs, a check or a list was asked for
    std::vector<std::string> tags;   ///< normalised references that now mean the image
    std::string report;              ///< the text of --call check|outline|targets, else empty
    int warnings = 0;
};

/// Builds. On failure nothing visible is left: no tag, image, container or mount; steps that succeeded stay cached.
/// The error's text is the one line for `berth: …`; the details went to progress.failed().
Result<BuildResult> build(container::Engine& engine, const BuildOptions& options, Progress& progress);

/// `builder shell`: a failed step's state as an image without a name, made for one shell and removed by whoever asked for it.
struct FailedStep {
    std::string image;                 ///< "sha256:…"
    std::string description;           ///< the instruction
    std::string shell;                 ///< of SHELL, else /bin/sh
    std::vector<std::string> volumes;  ///< "FOLDER:TARGET": the caches that the step had mounted
};
/// `id`: the digits that the failure told, or fewer; "" when there is only one. Kind::not_found.
Result<FailedStep> open_failed_step(container::Engine& engine, const std::string& id);

/// `commit --change`, `import --change`: applies instructions to a configuration without running anything. The texts are
/// read as one Dockerfile. Allowed: CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR.
Result<void> apply_changes(image::RunConfig& config, const std::vector<std::string>& changes);

/// `builder du`, `builder prune`.
struct CacheEntry {
    std::string id;           ///< the step's key, shortened by who prints
    std::string kind;         ///< "regular" (a step), "exec.cachemount", "failed step"
    std::string description;  ///< the instruction, or the cache mount's id
    std::uint64_t size = 0;   ///< bytes that only the cache holds
    bool in_use = false;      ///< an image holds it too: pruning frees nothing
    Moment created;
    Moment last_used;
};
Result<std::vector<CacheEntry>> list_cache(container::Engine& engine);

struct PruneOptions {
    bool all = false;                       ///< -a: entries that images still use too
    std::optional<std::uint64_t> keep_bytes;  ///< --keep-storage
    std::vector<std::string> filters;       ///< until=24h, type=…, id=…
};
struct PruneResult {
    std::vector<std::string> removed;
    std::uint64_t freed_bytes = 0;
};
Result<PruneResult> prune_cache(container::Engine& engine, const PruneOptions& options);

}  // namespace berth::builder
