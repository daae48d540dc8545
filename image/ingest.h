#pragma once
// A layer's archive on its way into the store: read, hashed, recorded and unpacked in one pass, published once it is known
// what lies below it.

#include <string>
#include <vector>

#include "image/store.h"
#include "image/unpack.h"

namespace berth::image {

struct Ingested {
    Staging staging;
    Digest diff_id;
    std::int64_t tar_size = 0;
    UnpackResult unpacked;
};
enum class EndMark { optional, required };
/// Unpacks the uncompressed archive into a new staging. Kind::corrupt when it is hostile or damaged; the staging is gone then.
Result<Ingested> ingest_layer(const Store& store, ByteSource& archive, EndMark end_mark);

/// Makes it a layer on top of `below` (bottom first). Folders that the archive only implied take their attributes from
/// there, and links into lower layers become copies; a layer that needed that is keyed by its whole chain.
Result<LayerRef> publish_ingested(const Store& store, const Lease& lease, Ingested layer, const std::vector<LayerRef>& below);

/// image-spec config.md "Layer ChainID", of `below` with `diff_id` on top.
Digest chain_id(const std::vector<LayerRef>& below, const Digest& diff_id);

}  // namespace berth::image
