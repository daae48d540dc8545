#pragma once
// Legacy links of the default network (docker: --link NAME:ALIAS): where the other container is stands in the hosts file and
// in variables. On user-defined networks a link is one more name instead (network/names.h).

#include <string>
#include <vector>

#include "container/engine.h"

namespace berth::container {

struct Link {
    std::string alias;
    std::string address;   ///< the other's on the default network
    std::string name;
    std::string short_id;
    Words environment;     ///< what the start adds to the container's variables
};

/// The links of a container that is about to start on the default network; none on others. Kind::wrong_state when the other
/// does not run, or not on that network (docker's texts).
Result<std::vector<Link>> find_links(Engine& engine, const Definition& definition);

/// ALIAS_PORT, ALIAS_PORT_80_TCP…, ALIAS_NAME, ALIAS_ENV_…: docker's variables for a link of container `owner` to one
/// with this configuration. Pure.
Words link_environment(std::string_view owner, const Link& link, const Config& other);

}  // namespace berth::container
