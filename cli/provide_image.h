#pragma once
// Making sure that an image is here before a container is made from it.

#include <string>

#include "container/engine.h"
#include "image/store.h"

namespace berth::cli {

/// docker's --pull: always, missing, never. Kind::not_found "No such image: x:latest" when it is not to be had.
Result<image::ImageId> provide_image(container::Engine& engine, const std::string& reference, std::string_view policy);

/// The error about an image that is not here, with the nearest name that is.
Error no_such_image(container::Engine& engine, const std::string& reference);

}  // namespace berth::cli
