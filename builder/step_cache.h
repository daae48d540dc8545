#pragma once
// Results of steps, kept in the store by their key.

#include <optional>
#include <string>

#include "builder/session.h"

namespace berth::builder {

struct CachedLayer {
    image::LayerRef layer;
    Moment created;
};
/// From the store, else from a folder of --cache-from, where it is taken into the store on top of `below`. Pinned under the
/// session's lease; nothing when there is none.
Result<std::optional<CachedLayer>> find_layer(const Session& session, const Digest& key, const std::vector<image::LayerRef>& below);
Result<void> keep_layer(const Session& session, const Digest& key, const CachedLayer& made, const std::string& description);

Json layer_json(const image::LayerRef& layer);
Result<image::LayerRef> layer_of_json(const Json& json);

}  // namespace berth::builder
