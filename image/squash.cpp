// squash_image of archive.h.

#include <algorithm>

#include "image/archive.h"

namespace berth::image {

Result<ImageId> squash_image(const Store& store, const Lease& lease, const ImageId& id, const std::optional<ImageId>& base) {
    const Image image = TRY(store.load(id));
    const std::vector<LayerRef> layers = TRY(store.layers_of(image.record));
    std::vector<LayerRef> kept;
    std::size_t kept_history = 0;
    if (base) {
        const Image below = TRY(store.load(*base));
        kept = TRY(store.layers_of(below.record));
        kept_history = below.config.history.size();
        if (kept.size() > layers.size() || !std::equal(kept.begin(), kept.end(), layers.begin()))
            return Error(Kind::invalid, cat("image ", id.short_id(), " does not stand on ", base->short_id()));
    }
    if (layers.size() < kept.size() + 2) return id;  // Nothing to merge.

    Staging staging = TRY(store.make_staging());
    for (std::size_t i = kept.size(); i < layers.size(); ++i) {
        const Fd folder = TRY(store.open_layer(layers[i].key));
        const Fd fs = TRY(sys::openat(folder, "fs", O_RDONLY | O_DIRECTORY));
        TRY(merge_upper(fs, staging.fs(), kept.empty() ? Whiteouts::drop : Whiteouts::keep), "squash layer ", layers[i].diff_id.str());
    }
    kept.push_back(TRY(store.publish_layer(lease, std::move(staging))));

    ImageConfig config = image.config;
    for (std::size_t i = kept_history; i < config.history.size(); ++i) config.history[i].empty_layer = true;
    HistoryEntry entry;
    entry.created = now();
    entry.comment = cat("merge ", id.str(), " to ", base ? base->str() : "nothing");
    append_history(config, std::move(entry));
    return store.write_image(lease, std::move(config), kept, base);
}

}  // namespace berth::image
