#include "builder/step_cache.h"

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

}  // namespace

Json layer_json(const image::LayerRef& layer) { return to_json(text_of(layer)); }

Result<image::LayerRef> layer_of_json(const Json& json) {
    const LayerText text = TRY(from_json<LayerText>(json));
    return layer_of(text);
}

Result<std::optional<CachedLayer>> find_layer(const Session& session, const Digest& key) {
    const auto entry = TRY(session.store.find_cached(session.lease, key));
    if (!entry) return std::optional<CachedLayer>();
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
