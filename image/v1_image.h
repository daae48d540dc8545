#pragma once
// Images as docker before 1.10 kept and saved them (image-spec's forerunner, "v1"): a folder an image, with its document, one
// layer, and the id of its parent. An id was random, so that of the image they make here is made from the documents, as docker
// makes it since 1.10 (image/v1 of moby): what docker loads from an archive has the same id.

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"

namespace berth::image {

struct V1Image {
    std::string parent;  ///< the id of the image below, "" for a base
    Json document;
};

/// The document "<id>/json". Kind::corrupt when it is no object or one of its members does not fit.
Result<V1Image> parse_v1_image(std::string_view text);
/// The configuration document of the topmost image of `chain`, bottom first and not empty; `diff_ids` are those of their layers.
Result<std::string> make_config_text(const std::vector<V1Image>& chain, const std::vector<Digest>& diff_ids);

}  // namespace berth::image
