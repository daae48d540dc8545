#pragma once
// update: what may change of a container after it was made. Limits, ports and labels of a running container change at once,
// its environment at the next start.

#include "container/engine.h"

namespace berth::container {

struct UpdateRequest {
    UpdateOptions limits = {};
    /// `unpublish`: host port 0 means whatever it is.
    std::vector<network::PortMapping> publish = {}, unpublish = {};
    Words env = {};         ///< KEY=VALUE
    Words env_remove = {};  ///< KEY
    TextMap labels = {};
    Words labels_remove = {};
};
/// All of it or nothing. Returns warnings.
Result<Words> update(Engine& engine, Record& record, const UpdateRequest& request);

/// What update makes of a definition: pure. Kind::not_found for a port that is not published, Kind::exists for one that is,
/// Kind::invalid for what docker refuses. After a failure `definition` may be half changed.
Result<void> apply_update(Definition& definition, const UpdateRequest& request);

/// The mappings of one list that the other has not.
std::vector<network::PortMapping> ports_missing_in(const std::vector<network::PortMapping>& list,
                                                   const std::vector<network::PortMapping>& other);

/// That the host's own firewall may drop what comes for published ports; nothing when none is open to other machines.
Words publish_warnings(const Definition& definition);

}  // namespace berth::container
