#pragma once
// Which containers hold which images, and names of images as lists show them.

#include <string>
#include <vector>

#include "container/engine.h"
#include "image/store.h"

namespace berth::cli {

/// What remove and prune of images must leave alone.
Result<std::vector<image::ImageUse>> image_uses(container::Engine& engine);

}  // namespace berth::cli
