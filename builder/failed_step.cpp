#include "builder/failed_step.h"

#include <cerrno>

#include "base/file.h"
#include "base/ids.h"
#include "builder/build.h"
#include "builder/step_cache.h"
#include "image/store_cache.h"

namespace berth::builder {
namespace {

constexpr std::size_t id_digits = 12;

/// The value of the cache's entry; step_cache.cpp writes those of kind "regular".
struct FailedText {
    std::string kind{failed_step_kind};
    std::string description;
    image::ImageConfig image;
    std::vector<Json> layers;
    std::vector<std::string> volumes;
};
template <class Io>
void fields(Io& io, FailedText& f) {
    io.required("kind", f.kind);
    io.required("description", f.description);
    io.required("image", f.image);
    io.required("layers", f.layers);
    io.required("volumes", f.volumes);
}

std::string folder_of(const container::Engine& engine) { return engine.paths().root + "/builder/failed"; }

/// Names in the folder, which are keys; none when no step ever failed.
Result<std::vector<std::string>> list_failed(const container::Engine& engine) {
    auto opened = sys::open(folder_of(engine), O_RDONLY | O_DIRECTORY);
    if (!opened.ok() && opened.error().code() == ENOENT) return std::vector<std::string>();
    const Fd folder = TRY(std::move(opened));
    return list_folder(folder);
}

/// The one that failed last, of those whose key begins with `id`.
Result<Digest> find_failed(const container::Engine& engine, const std::string& id) {
    const std::vector<std::string> names = TRY(list_failed(engine));
    std::string found;
    std::int64_t newest = 0;
    for (const std::string& name : names) {
        if (!name.starts_with(id)) continue;
        const struct stat status = TRY(sys::fstatat(sys::here(), cat(folder_of(engine), '/', name)));
        const std::int64_t time = status.st_mtim.tv_sec * 1'000'000'000ll + status.st_mtim.tv_nsec;
        if (!found.empty() && time < newest) continue;
        found = name;
        newest = time;
    }
    if (!found.empty()) return Digest::parse(cat("sha256:", found));
    return Error(Kind::not_found, id.empty() ? "no build has failed" : cat("no failed step ", id)).with_hint("the state of a failed step is kept until the next build or prune");
}

}  // namespace

Result<std::string> keep_failed_step(const Session& session, const FailedState& failed, image::Staging staging) {
    FailedText text;
    text.description = failed.description;
    text.image = failed.state.image;
    // ARGs are what a RUN sees too.
    text.image.config.env = failed.state.variables.texts();
    text.volumes = failed.volumes;
    std::vector<image::LayerRef> layers = failed.state.layers;
    image::LayerRef layer = TRY(session.store.publish_layer(session.lease, std::move(staging)));
    layers.push_back(std::move(layer));
    for (const image::LayerRef& one : layers) text.layers.push_back(layer_json(one));

    const Digest key = Digest::of_bytes(random_hex(16));
    TRY(session.store.store_cached(key, keys_of(layers), to_json(text)));
    const std::string folder = folder_of(session.engine);
    TRY(make_host_folders(folder, 0700));
    const Fd opened = TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
    TRY(sys::openat(opened, std::string(key.hex()), O_WRONLY | O_CREAT, 0600));
    return std::string(key.hex().substr(0, id_digits));
}

Result<bool> drop_failed_steps(const container::Engine& engine, const image::Store& store) {
    const std::vector<std::string> names = TRY(list_failed(engine));
    if (names.empty()) return false;
    const Fd folder = TRY(sys::open(folder_of(engine), O_RDONLY | O_DIRECTORY));
    for (const std::string& name : names) {
        const auto key = Digest::parse(cat("sha256:", name));
        if (key.ok()) TRY(image::drop_cached(store, key.value()));
        TRY(sys::unlinkat(folder, name));
    }
    return true;
}

Result<void> forget_failed_step(const container::Engine& engine, const std::string& key) {
    const Fd folder = TRY(sys::open(folder_of(engine), O_RDONLY | O_DIRECTORY));
    auto removed = sys::unlinkat(folder, key);
    if (!removed.ok() && removed.error().code() != ENOENT) return removed;
    return {};
}

Result<FailedStep> open_failed_step(container::Engine& engine, const std::string& id) {
    const image::Store* store = TRY(engine.images());
    const image::Lease lease = TRY(store->make_lease());
    const Digest key = TRY(find_failed(engine, id));
    const auto entry = TRY(store->find_cached(lease, key));
    if (!entry) return Error(Kind::not_found, cat("the state of failed step ", key.hex().substr(0, id_digits), " is gone"));
    FailedText text = TRY(from_json<FailedText>(entry->value), "failed step");
    std::vector<image::LayerRef> layers;
    for (const Json& one : text.layers) {
        image::LayerRef layer = TRY(layer_of_json(one), "failed step");
        layers.push_back(std::move(layer));
    }
    FailedStep step;
    step.description = std::move(text.description);
    step.volumes = std::move(text.volumes);
    const std::vector<std::string>& shell = text.image.config.shell;
    step.shell = shell.empty() ? "/bin/sh" : shell.front();
    // It must not look like the image that the build was to make, should it outlive the shell.
    text.image.config.labels = {{"berth.failed-step", std::string(key.hex().substr(0, id_digits))}};
    text.image.history.clear();
    step.image = TRY(store->write_image(lease, std::move(text.image), layers)).str();
    return step;
}

}  // namespace berth::builder
