#pragma once
// `diff`: what a container changed of its image, read from the upper folder (kernel: filesystems/overlayfs.rst "Whiteouts
// and opaque directories") beside the image's layers. Works without a mount, on running and stopped containers alike.

#include <string>
#include <vector>

#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

enum class ChangeKind { modified, added, deleted };  ///< C, A, D
struct Change {
    ChangeKind kind = ChangeKind::modified;
    std::string path;
    bool operator==(const Change&) const = default;
};

/// In the order of a walk, sorted by name in each folder. Volumes and binds are not shown.
Result<std::vector<Change>> diff(Engine& engine, const Record& record);

}  // namespace berth::container
