#pragma once
// Making sure that an image is here before a container is made from it, and pulling one.

#include <string>

#include "container/engine.h"
#include "image/registry.h"
#include "image/store.h"

namespace berth::cli {

struct PullWishes {
    std::string_view policy = "missing";  ///< docker's --pull: always, missing, never
    std::string platform;
    bool quiet = false;
    int descriptor = 2;  ///< where progress is told
    image::RegistryAccess access;
};
/// The image's id; pulled when the policy says so. "Unable to find image 'x:latest' locally" goes to stderr first.
/// Kind::not_found "No such image: x:latest" when it is not to be had.
Result<image::ImageId> provide_image(container::Engine& engine, const std::string& reference, const PullWishes& wishes);

/// Pulls and tells the Digest and Status lines, as docker pull ends.
Result<image::ImageId> pull_image(const image::Store& store, const image::Reference& name, const PullWishes& wishes);

/// Pushes a name and tells what docker push tells, on `descriptor`.
struct PushWishes {
    image::RegistryAccess access;
    bool quiet = false;
    int descriptor = 1;
};
Result<void> push_image(const image::Store& store, const image::Reference& name, const PushWishes& wishes);

/// The error about an image that is not here, with the nearest name that is.
Error no_such_image(container::Engine& engine, const std::string& reference);

}  // namespace berth::cli
