#include "builder/session.h"

#include "image/overlay.h"

namespace berth::builder {

bool Session::is_uncached(const Stage& stage) const {
    return options.no_cache || (!stage.name.empty() && uncached_stages.count(stage.name) != 0);
}

std::vector<Instruction> Session::instructions_of(std::size_t stage) const {
    std::vector<Instruction> all;
    if (const auto added = triggers.find(stage); added != triggers.end()) all = added->second;
    const std::vector<Instruction>& own = plan.stages[stage].instructions;
    all.insert(all.end(), own.begin(), own.end());
    return all;
}

Result<image::ImageId> resolve_image(Session& session, const std::string& name) {
    if (const auto known = session.images.find(name); known != session.images.end()) return known->second;
    const auto alias = session.aliases.find(name);
    const std::string wanted = alias == session.aliases.end() ? name : alias->second;
    const auto find = [&]() -> Result<image::ImageId> {
        if (session.options.pull && session.options.pull_image) return session.options.pull_image(wanted);
        auto found = session.store.resolve(wanted);
        const bool is_missing = !found.ok() && found.error().kind() == Kind::not_found;
        if (is_missing && session.options.pull_image) return session.options.pull_image(wanted);
        return found;
    };
    const image::ImageId id = TRY(find());
    TRY(session.store.pin(session.lease, id));
    session.images.emplace(name, id);
    return id;
}

std::vector<std::string> keys_of(const std::vector<image::LayerRef>& layers) {
    std::vector<std::string> keys;
    for (const image::LayerRef& layer : layers) keys.push_back(layer.key);
    return keys;
}

Result<Root> open_view(const image::Store& store, const std::vector<image::LayerRef>& layers) {
    image::OverlayRequest request;
    request.lowers = TRY(store.layer_folders(keys_of(layers)));
    // No overlay is made of a single folder (kernel: filesystems/overlayfs.rst): a stage without layers is an empty one.
    if (layers.empty()) return Root::open(request.lowers.front());
    Fd view = TRY(image::mount_overlay(request));
    return Root::of(std::move(view));
}

}  // namespace berth::builder
