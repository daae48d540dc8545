#include "builder/step_cache.h"

#include "base/log.h"
#include "builder/cache_folder.h"
#include "image/ingest.h"

namespace berth::builder {
namespace {

struct LayerText {
    std::string diff_id, key;
    std::int64_t size = 0;
    bool is_empty = false;
};
template <class Io>
void fields(Io& io, LayerText& layer) {
    io.required("diffId", layer.diff_id);
    io.required("key", layer.key);
    io.required("size", layer.size);
    io.optional("empty", layer.is_empty);
}

/// What an entry's value holds beside the layer.
struct StepText {
    std::string kind = "regular";
    std::string description;
    Moment created;
    LayerText layer;
};
template <class Io>
void fields(Io& io, StepText& step) {
    io.required("kind", step.kind);
    io.required("description", step.description);
    io.required("created", step.created);
    io.required("layer", step.layer);
}

LayerText text_of(const image::LayerRef& layer) { return {layer.diff_id.str(), layer.key, layer.size, layer.is_empty}; }

Result<image::LayerRef> layer_of(const LayerText& text) {
    Digest diff_id = TRY(Digest::parse(text.diff_id));
    return image::LayerRef{std::move(diff_id), text.key, text.size, text.is_empty};
}

/// A damaged or incomplete folder is no reason to fail: the step is done again.
Result<std::optional<CachedLayer>> import_layer(const Session& session, const Digest& key, const std::vector<image::LayerRef>& below) {
    const auto offered = session.imported.find(std::string(key.hex()));
    if (offered == session.imported.end()) return std::optional<CachedLayer>();
    const auto import = [&]() -> Result<CachedLayer> {
        const StepText step = TRY(from_json<StepText>(offered->second.value));
        const Digest diff_id = TRY(Digest::parse(step.layer.diff_id));
        const Fd blob = TRY(sys::open(cache_blob(offered->second.folder, diff_id.hex()), O_RDONLY));
        const auto source = TRY(image::FdSource::open(blob));
        image::Ingested ingested = TRY(image::ingest_layer(session.store, *source, image::EndMark::required));
        if (ingested.diff_id != diff_id) return Error(Kind::corrupt, "the content is another");
        image::LayerRef layer = TRY(image::publish_ingested(session.store, session.lease, std::move(ingested), below));
        CachedLayer made{std::move(layer), step.created};
        TRY(keep_layer(session, key, made, step.description));
        return made;
    };
    auto made = import();
    if (made.ok()) return std::optional(std::move(made).value());
    log::debug("--cache-from ", offered->second.folder, ": ", made.error().text());
    return std::optional<CachedLayer>();
}

}  // namespace

Json layer_json(const image::LayerRef& layer) { return to_json(text_of(layer)); }

Result<image::LayerRef> layer_of_json(const Json& json) {
    const LayerText text = TRY(from_json<LayerText>(json));
    return layer_of(text);
}

Result<std::optional<CachedLayer>> find_layer(const Session& session, const Digest& key, const std::vector<image::LayerRef>& below) {
    const auto entry = TRY(session.store.find_cached(session.lease, key));
    if (!entry) return import_layer(session, key, below);
    const auto step = from_json<StepText>(entry->value);
    // An entry of another version is as good as none.
    if (!step.ok() || step.value().kind != "regular") return std::optional<CachedLayer>();
    auto layer = layer_of(step.value().layer);
    if (!layer.ok()) return std::optional<CachedLayer>();
    return std::optional(CachedLayer{std::move(layer).value(), step.value().created});
}

Result<void> keep_layer(const Session& session, const Digest& key, const CachedLayer& made, const std::string& description) {
    const StepText step{"regular", description, made.created, text_of(made.layer)};
    return session.store.store_cached(key, {made.layer.key}, to_json(step));
}

}  // namespace berth::builder
