#include "container/commit.h"

#include "base/cat.h"
#include "container/changes.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/registry.h"
#include "image/archive.h"
#include "image/store.h"

namespace berth::container {

namespace {

/// A running container stands still while its files are read; `resume` lets it go on.
class Pause {
public:
    static Result<Pause> hold(Engine& engine, const Record& record, bool wanted) {
        const bool holds = wanted && record.run.state.status == Status::running;
        if (holds) TRY(pause(engine, record), "pause");
        return Pause(engine, record, holds);
    }
    Result<void> resume() && {
        if (!std::exchange(holds_, false)) return {};
        return unpause(engine_, record_);
    }

private:
    Pause(Engine& engine, const Record& record, bool holds) : engine_(engine), record_(record), holds_(holds) {}
    Engine& engine_;
    const Record& record_;
    bool holds_;
};

std::string joined(const std::optional<Words>& words) {
    std::string text;
    for (const std::string& word : words.value_or(Words{})) text += cat(text.empty() ? "" : " ", word);
    return text;
}

/// The upper folder as a layer, without the mount targets on which the container's runs mount things.
Result<image::LayerRef> make_layer(Engine& engine, const Record& record, const image::Lease& lease, bool pauses) {
    Registry* registry = TRY(engine.containers());
    image::Store* store = TRY(engine.images());
    const Fd upper = TRY(sys::open(cat(registry->folder_path(record.id()), "/fs/upper"), O_RDONLY | O_DIRECTORY));
    image::Staging staging = TRY(store->make_staging());
    Pause paused = TRY(Pause::hold(engine, record, pauses));
    auto copied = image::copy_upper(upper, staging.fs());
    auto resumed = std::move(paused).resume();
    if (!copied.ok()) return std::move(copied).error();
    TRY(std::move(resumed), "resume");
    TRY(remove_mount_targets(record.definition, staging.fs()));
    return store->publish_layer(lease, std::move(staging));
}

/// The configuration of the image below, or a fresh one when it was removed meanwhile.
image::ImageConfig base_config(const image::Store& store, const Record& record) {
    const auto id = image::ImageId::parse(record.definition.image_id);
    if (id.ok())
        if (auto image = store.load(id.value()); image.ok()) return std::move(image).value().config;
    return image::make_image_config();
}

Result<image::ImageConfig> make_config(const image::Store& store, const Record& record, const CommitOptions& options) {
    image::ImageConfig config = base_config(store, record);
    config.config = record.definition.config;
    if (options.edit) TRY(options.edit(config.config));
    config.author = options.author;
    config.comment = options.comment;
    config.created = now();
    config.container = record.id();
    return config;
}

void add_history(image::ImageConfig& config, const Record& record, const CommitOptions& options, bool is_empty) {
    image::HistoryEntry entry;
    entry.created = config.created;
    entry.created_by = joined(record.definition.config.cmd);
    entry.author = options.author;
    entry.comment = options.comment;
    entry.empty_layer = is_empty;
    image::append_history(config, std::move(entry));
}

Result<std::vector<image::LayerRef>> pinned_layers(const image::Store& store, const image::Lease& lease, const Record& record) {
    image::ImageRecord below;
    below.layers = record.definition.layers;
    for (const std::string& key : below.layers) {
        const bool is_there = TRY(store.pin(lease, key));
        if (!is_there) return Error(Kind::corrupt, cat("layer ", key, " of the image is gone"));
    }
    return store.layers_of(below);
}

void note_commit(Engine& engine, const image::Store& store, const Record& record, const image::ImageId& id,
                 const CommitOptions& options) {
    std::vector<Event> events;
    if (!options.reference.empty()) events.push_back(image_event(store, id, "tag", options.reference));
    events.push_back(container_event(
        record, "commit", {{"imageID", id.str()}, {"imageRef", options.reference}, {"comment", options.comment}}));
    note(engine.paths().root, std::move(events));
}

}  // namespace

Result<Digest> commit(Engine& engine, const Record& record, const CommitOptions& options) {
    const auto refuse = [&](std::string_view why) { return Error(Kind::wrong_state, cat("container ", record.name(), " ", why)); };
    if (record.run.state.status == Status::dead) return refuse("is dead and cannot be committed");
    if (record.run.state.status == Status::removing) return refuse("is being removed and cannot be committed");
    if (!record.definition.rootfs.empty()) return refuse("runs on a folder of the host: there is nothing to commit");

    image::Store* store = TRY(engine.images());
    std::optional<image::Reference> name;
    if (!options.reference.empty()) name = TRY(image::Reference::parse_tagged(options.reference));
    // Everything that can be wrong with the options is found before the container is touched.
    image::ImageConfig config = TRY(make_config(*store, record, options));
    const image::Lease lease = TRY(store->make_lease());
    std::vector<image::LayerRef> layers = TRY(pinned_layers(*store, lease, record));

    image::LayerRef layer = TRY(make_layer(engine, record, lease, options.pause), "commit ", record.name());
    add_history(config, record, options, layer.is_empty);
    if (!layer.is_empty) layers.push_back(std::move(layer));
    std::optional<image::ImageId> parent;
    if (auto below = image::ImageId::parse(record.definition.image_id); below.ok()) parent = std::move(below).value();
    image::ImageId id = TRY(store->write_image(lease, std::move(config), layers, parent));
    if (options.squash) id = TRY(image::squash_image(*store, lease, id, std::nullopt));
    // The container may be removed the moment the user hears of success, so the copy must be on the disk.
    TRY(store->settle());
    if (name) TRY(store->tag(id, *name));
    note_commit(engine, *store, record, id, options);
    return id.digest();
}

}  // namespace berth::container
