#pragma once
// Names for containers that were given none: "calm_harbour". Our own words, all of ships and shores.

#include <string>

namespace berth::container {

/// An adjective and a noun, at random.
std::string make_container_name();

}  // namespace berth::container
