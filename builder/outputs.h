#pragma once
// -o: where the result goes.

#include <optional>
#include <string>
#include <vector>

#include "builder/session.h"
#include "image/reference.h"

namespace berth::builder {

struct Output {
    enum class Type { image, local, tar, oci, docker, cache_only } type = Type::image;
    std::string destination;  ///< a folder, a file, "-" for stdout; "" for the store
    bool deletes = false;     ///< local: what is in the folder already goes
    bool pushes = false;      ///< type=registry, or push=true

    bool needs_image() const { return type == Type::image || type == Type::oci || type == Type::docker; }
    std::string step_name() const;
};

/// "type=local,dest=DIR", "DIR", "-"; none is the store. Kind::invalid with the nearest type.
Result<std::vector<Output>> parse_outputs(const BuildOptions& options);
/// `id` is there when the output needs an image.
Result<void> write_output(const Session& session, const Output& output, const StageState& state, const std::optional<image::ImageId>& id,
                          const std::vector<image::Reference>& tags);

}  // namespace berth::builder
