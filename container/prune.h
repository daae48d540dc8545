#pragma once
// `system df`, `container prune` and `volume prune`: what takes room, and removing what nothing uses. Images and the build
// cache belong to image/ and builder/; the command line puts the parts together.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "container/record.h"
#include "container/volumes.h"

namespace berth::container {

class Engine;

/// --filter of prune commands: until=…, label=key[=value], label!=key[=value]; all must match.
struct PruneFilter {
    std::optional<Moment> until;
    std::vector<std::string> labels;
    std::vector<std::string> labels_not;
    /// Kind::invalid for any other key, so that no filter is silently ignored.
    Result<void> add(std::string_view key, std::string_view value, Moment now);
    bool matches(Moment created, const std::map<std::string, std::string>& its_labels) const;
};

struct PruneReport {
    std::vector<std::string> removed;
    std::uint64_t freed_bytes = 0;
};
enum class PruneMode { remove, only_tell };

/// Removes containers that do not run (created, exited, dead).
Result<PruneReport> prune_containers(Engine& engine, const PruneFilter& filter, PruneMode mode);
/// Removes volumes that no container has; only anonymous ones unless `all`.
enum class VolumeChoice { anonymous, all };
Result<PruneReport> prune_volumes(Engine& engine, const PruneFilter& filter, VolumeChoice choice, PruneMode mode);

/// volume rm: Kind::busy with docker's "volume is in use - [ids]" when a container has it.
Result<void> remove_volume(Engine& engine, const std::string& name);
/// What rm -v and --rm do once the container's record is gone: its anonymous volumes, unless another container has them.
Result<void> remove_anonymous_volumes(Engine& engine, const Definition& definition);

/// For each volume the containers that mount it.
Result<std::map<std::string, std::vector<std::string>>> volume_users(Engine& engine);

/// Bytes of the container's own files: its upper folder, and with the image below it.
struct ContainerSize {
    std::uint64_t rw_bytes = 0;
    std::uint64_t root_bytes = 0;
};
Result<ContainerSize> container_size(Engine& engine, const Record& record);

}  // namespace berth::container
