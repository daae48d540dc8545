#pragma once
// The options of a mount (mount(8), config.md "Linux mount options") sorted by what they are: attributes of the mount,
// the same for all mounts below, propagation, flags of ours, and what goes to the file system. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace berth::runtime {

struct MountOptions {
    std::uint64_t set = 0, clear = 0;                      ///< MOUNT_ATTR_* of this mount
    std::uint64_t recursive_set = 0, recursive_clear = 0;  ///< of it and all below ("rro")
    std::uint64_t propagation = 0;                         ///< MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0: as it comes
    bool propagation_recursive = false;
    bool bind = false, recursive_bind = false;
    bool remount = false;
    bool copy_up = false;
    bool idmap = false, recursive_idmap = false;
    /// For the file system: "size=64m", "newinstance".
    std::vector<std::string> data;
    bool operator==(const MountOptions&) const = default;
};
MountOptions parse_mount_options(const std::vector<std::string>& options);

/// "shared", "rslave", …: MS_* and whether recursive. Kind::invalid for anything else.
struct Propagation {
    std::uint64_t flag;
    bool recursive;
};
Result<Propagation> parse_propagation(const std::string& word);

/// Every option with a meaning of its own, sorted; for `features`.
std::vector<std::string> known_mount_options();

}  // namespace berth::runtime
