#pragma once
// `commit`: a container's changes as one more layer on its image, with the container's configuration. The upper folder of
// a container stays in use, so its files are copied into the new layer, sharing blocks where the file system can
// (FICLONE, copy_file_range); the publishing of layer and image is the builder's own code path in image/.

#include <functional>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "container/record.h"
#include "image/config.h"

namespace berth::container {

class Engine;

struct CommitOptions {
    std::string reference;  ///< "repo[:tag]"; empty: the image stays without a name
    std::string author;
    std::string comment;
    bool pause = true;    ///< freeze a running container while its files are read; one paused already stays paused
    bool squash = false;  ///< one layer in all, of the merged tree
    /// Applied to the container's configuration: --change, which is builder's to parse. May be empty.
    std::function<Result<void>(image::RunConfig&)> edit;
};

/// The new image's id.
Result<Digest> commit(Engine& engine, const Record& record, const CommitOptions& options);

}  // namespace berth::container
