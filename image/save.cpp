// save_images of archive.h: one archive that docker of any age, podman, skopeo and containerd read, as docker 25 and later
// write it. What a reader needs to know comes first, so that one who reads a stream can skip the layers he has.

#include <algorithm>
#include <set>

#include "image/archive.h"
#include "image/media.h"
#include "image/tar_writer.h"

namespace berth::image {
namespace {

struct Saved {
    ImageId id;
    std::vector<Reference> names;
};

/// Layers as they go by: more or fewer bytes than the header announced would make the rest of the archive nonsense.
class LayerSink final : public ByteSink {
public:
    LayerSink(TarWriter& writer, std::int64_t size) : writer_(writer), left_(size) {}
    Result<void> write(std::string_view bytes) override {
        left_ -= static_cast<std::int64_t>(bytes.size());
        return left_ < 0 ? damaged() : writer_.write_content(bytes);
    }
    Result<void> finish() { return left_ == 0 ? Result<void>() : damaged(); }

private:
    static Result<void> damaged() {
        return Error(Kind::corrupt, "is damaged").with_hint("'berth system check --deep' tells which images it concerns");
    }
    TarWriter& writer_;
    std::int64_t left_;
};

void add_name(std::vector<Saved>& images, const ImageId& id, const std::optional<Reference>& name) {
    auto found = std::find_if(images.begin(), images.end(), [&](const Saved& saved) { return saved.id == id; });
    if (found == images.end()) found = images.insert(images.end(), Saved{id, {}});
    if (name && std::find(found->names.begin(), found->names.end(), *name) == found->names.end()) found->names.push_back(*name);
}

/// docker: a repository without a tag means all its tags, an id none.
Result<void> choose(const Store& store, const std::vector<Store::Listed>& all, const std::string& text, std::vector<Saved>& images) {
    const Result<Reference> reference = Reference::parse(text);
    if (reference.ok() && reference.value().tag().empty() && reference.value().digest().empty()) {
        bool has_any = false;
        for (const Store::Listed& listed : all)
            for (const Reference& name : listed.names)
                if (name.name() == reference.value().name()) {
                    add_name(images, listed.id, name);
                    has_any = true;
                }
        if (has_any) return {};
    }
    const ImageId id = TRY(store.resolve(text));
    const std::optional<ImageId> named = reference.ok() ? TRY(store.find(reference.value())) : std::nullopt;
    const bool has_name = named && *named == id && reference.value().digest().empty();
    add_name(images, id, has_name ? std::optional(reference.value().with_default_tag()) : std::nullopt);
    return {};
}

class Saver {
public:
    Saver(const Store& store, const Fd& to) : store_(store), sink_(to), writer_(sink_) {}
    Result<void> add(const Saved& saved);
    Result<void> write();

private:
    Result<void> write_file(const std::string& path, std::string_view text) {
        TarEntry entry;
        entry.path = path;
        entry.mode = 0644;
        return writer_.add_file(entry, text);
    }
    Result<void> write_folder(const std::string& path) {
        TarEntry entry;
        entry.path = path;
        entry.type = TarType::folder;
        entry.mode = 0755;
        return writer_.add(entry);
    }
    Result<void> write_layer(const std::string& diff_id, const std::string& key);

    const Store& store_;
    FdSink sink_;
    TarWriter writer_;
    Json::Array manifest_;      // docker's manifest.json
    Json::Array descriptors_;   // of index.json
    Json repositories_{Json::Object{}};
    std::map<std::string, std::string> blobs_;                   ///< hex to text
    std::vector<std::pair<std::string, std::string>> layers_;    ///< hex of the diff id, key
    std::set<std::string> seen_;
};

std::string blob_name(std::string_view hex) { return cat("blobs/sha256/", hex); }

Result<void> Saver::add(const Saved& saved) {
    const std::string config = TRY(store_.load_config_text(saved.id), "image ", saved.id.short_id());
    const ImageRecord record = TRY(store_.load_record(saved.id));
    TRY(store_.layer_folders(record.layers));  // Sound, or nothing is begun.
    blobs_[std::string(saved.id.hex())] = config;

    Json::Array paths, layers;
    Json sources{Json::Object{}};
    std::string top;
    for (const std::string& key : record.layers) {
        const LayerMeta meta = TRY(store_.load_layer(key));
        top = meta.diff_id.substr(7);
        if (seen_.insert(top).second) layers_.emplace_back(top, key);
        paths.emplace_back(blob_name(top));
        Json descriptor = descriptor_json(media::oci_layer, meta.diff_id, meta.tar_size);
        sources.set(meta.diff_id, descriptor);
        layers.push_back(std::move(descriptor));
    }
    Json oci;
    oci.set("schemaVersion", 2);
    oci.set("mediaType", media::oci_manifest);
    oci.set("config", descriptor_json(media::oci_config, saved.id.str(), static_cast<std::int64_t>(config.size())));
    oci.set("layers", std::move(layers));
    const std::string text = json_text(oci);
    const Digest digest = Digest::of_bytes(text);
    blobs_[std::string(digest.hex())] = text;

    Json::Array tags;
    Json descriptor = descriptor_json(media::oci_manifest, digest.str(), static_cast<std::int64_t>(text.size()));
    if (saved.names.empty()) descriptors_.push_back(descriptor);
    for (const Reference& name : saved.names) {
        tags.emplace_back(name.str());
        Json annotations;
        annotations.set("io.containerd.image.name", name.full());
        annotations.set("org.opencontainers.image.ref.name", name.tag());
        descriptor.set("annotations", std::move(annotations));
        descriptors_.push_back(descriptor);
        if (top.empty()) continue;
        const Json* known = repositories_.find(name.familiar_name());
        Json repository = known == nullptr ? Json(Json::Object{}) : *known;
        repository.set(name.tag(), top);
        repositories_.set(name.familiar_name(), std::move(repository));
    }
    Json entry;
    entry.set("Config", blob_name(saved.id.hex()));
    entry.set("RepoTags", tags.empty() ? Json() : Json(std::move(tags)));
    entry.set("Layers", std::move(paths));
    entry.set("LayerSources", std::move(sources));
    manifest_.push_back(std::move(entry));
    return {};
}

Result<void> Saver::write_layer(const std::string& diff_id, const std::string& key) {
    const LayerMeta meta = TRY(store_.load_layer(key));
    const Fd folder = TRY(store_.open_layer(key));
    TarEntry entry;
    entry.path = blob_name(diff_id);
    entry.mode = 0644;
    entry.size = meta.tar_size;
    TRY(writer_.add(entry));
    LayerSink layer(writer_, meta.tar_size);
    TRY(write_layer_tar(folder, layer));
    return layer.finish();
}

Result<void> Saver::write() {
    Json index;
    index.set("schemaVersion", 2);
    index.set("mediaType", media::oci_index);
    index.set("manifests", std::move(descriptors_));
    TRY(write_file("manifest.json", json_text(Json(std::move(manifest_))) + "\n"));
    TRY(write_file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    TRY(write_file("index.json", json_text(index)));
    if (!repositories_.object()->empty()) TRY(write_file("repositories", json_text(repositories_) + "\n"));
    TRY(write_folder("blobs"));
    TRY(write_folder("blobs/sha256"));
    for (const auto& [hex, text] : blobs_) TRY(write_file(blob_name(hex), text));
    for (const auto& [hex, key] : layers_) TRY(write_layer(hex, key), "layer sha256:", hex);
    TRY(writer_.finish());
    return sink_.flush();
}

}  // namespace

Result<void> save_images(const Store& store, const std::vector<std::string>& names, const Fd& to) {
    const Lease lease = TRY(store.make_lease());
    const std::vector<Store::Listed> all = TRY(store.list());
    std::vector<Saved> images;
    for (const std::string& name : names) TRY(choose(store, all, name, images));
    Saver saver(store, to);
    for (const Saved& saved : images) {
        if (!TRY(store.pin(lease, saved.id))) return Error(Kind::not_found, cat("No such image: ", saved.id.str()));
        TRY(saver.add(saved));
    }
    return saver.write();
}

Result<void> save_image(const Store& store, const ImageId& id, const std::vector<Reference>& names, const Fd& to) {
    Saver saver(store, to);
    TRY(saver.add({id, names}));
    return saver.write();
}

}  // namespace berth::image
