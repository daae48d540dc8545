#include "builder/cache_folder.h"

#include <cerrno>
#include <set>

#include "base/file.h"
#include "image/media.h"
#include "image/stream.h"

namespace berth::builder {
namespace {

constexpr std::string_view config_type = "application/vnd.berth.cacheconfig.v1+json";
constexpr std::size_t largest_document = 64u << 20;

struct ConfigStep {
    std::string key;
    Json value;
};
template <class Io>
void fields(Io& io, ConfigStep& s) {
    io.required("key", s.key);
    io.required("value", s.value);
}
struct CacheConfig {
    std::int64_t version = 1;
    std::vector<ConfigStep> steps;
};
template <class Io>
void fields(Io& io, CacheConfig& c) {
    io.required("version", c.version);
    io.required("steps", c.steps);
}

class Exporter {
public:
    Exporter(const Session& session, const std::string& folder, Fd blobs) : session_(session), folder_(folder), blobs_(std::move(blobs)) {}

    static Result<Exporter> open(const Session& session, const std::string& folder) {
        TRY(make_host_folders(folder + "/blobs/sha256", 0755));
        Fd blobs = TRY(sys::open(folder + "/blobs/sha256", O_RDONLY | O_DIRECTORY));
        return Exporter(session, folder, std::move(blobs));
    }

    Result<void> add(const Digest& key) {
        const auto entry = TRY(session_.store.find_cached(session_.lease, key));
        if (!entry) return {};
        for (const std::string& layer : entry->layers) TRY(write_layer(layer), "layer ", layer.substr(0, 12));
        config_.steps.push_back({std::string(key.hex()), entry->value});
        return {};
    }

    Result<void> finish() {
        const Json config = TRY(write_document(json_text(to_json(config_)), config_type));
        Json manifest;
        manifest.set("schemaVersion", 2);
        manifest.set("mediaType", image::media::oci_manifest);
        manifest.set("config", config);
        manifest.set("layers", std::move(layers_));
        Json::Array manifests;
        Json descriptor = TRY(write_document(json_text(manifest), image::media::oci_manifest));
        manifests.push_back(std::move(descriptor));
        Json index;
        index.set("schemaVersion", 2);
        index.set("mediaType", image::media::oci_index);
        index.set("manifests", std::move(manifests));
        const Fd top = TRY(sys::open(folder_, O_RDONLY | O_DIRECTORY));
        TRY(replace_file(top, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 0644, Durability::boot));
        TRY(replace_file(top, "index.json", json_text(index), 0644, Durability::boot));
        return remove_others();
    }

private:
    Result<void> write_layer(const std::string& layer_key) {
        const image::LayerMeta meta = TRY(session_.store.load_layer(layer_key));
        const std::string name = meta.diff_id.substr(meta.diff_id.find(':') + 1);
        if (!written_.insert(name).second) return {};
        layers_.push_back(image::descriptor_json(image::media::oci_layer, meta.diff_id, meta.tar_size));
        const auto there = sys::fstatat(blobs_, name);
        if (there.ok() && there.value().st_size == meta.tar_size) return {};
        const std::string temporary = name + ".part";
        const Fd file = TRY(sys::openat(blobs_, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644));
        const Fd layer = TRY(session_.store.open_layer(layer_key));
        image::FdSink sink(file);
        TRY(image::write_layer_tar(layer, sink));
        TRY(sink.flush());
        return sys::renameat(blobs_, temporary, blobs_, name);
    }

    Result<Json> write_document(const std::string& text, std::string_view type) {
        const Digest digest = Digest::of_bytes(text);
        const std::string name(digest.hex());
        TRY(replace_file(blobs_, name, text, 0644, Durability::boot));
        written_.insert(name);
        return image::descriptor_json(type, digest.str(), static_cast<std::int64_t>(text.size()));
    }

    Result<void> remove_others() const {
        const std::vector<std::string> names = TRY(list_folder(blobs_));
        for (const std::string& name : names)
            if (written_.count(name) == 0) TRY(sys::unlinkat(blobs_, name));
        return {};
    }

    const Session& session_;
    const std::string& folder_;
    Fd blobs_;
    CacheConfig config_;
    Json::Array layers_;
    std::set<std::string> written_;
};

Result<std::string> read_blob(const std::string& folder, const std::string& digest) {
    const Digest parsed = TRY(Digest::parse(digest));
    std::string text = TRY(read_file(cache_blob(folder, parsed.hex()), largest_document));
    if (Digest::of_bytes(text) == parsed) return text;
    return Error(Kind::corrupt, cat(digest, ": the content is another"));
}

}  // namespace

std::string cache_blob(const std::string& folder, std::string_view hex) { return cat(folder, "/blobs/sha256/", hex); }

Result<void> export_cache(const Session& session, const std::string& folder, const std::vector<std::string>& keys) {
    Exporter exporter = TRY(Exporter::open(session, folder));
    for (const std::string& hex : keys) {
        const Digest key = TRY(Digest::parse("sha256:" + hex));
        TRY(exporter.add(key));
    }
    return exporter.finish();
}

Result<std::map<std::string, ImportedStep>> open_cache_folder(const std::string& folder) {
    std::map<std::string, ImportedStep> steps;
    auto read = read_file(folder + "/index.json", largest_document);
    if (!read.ok() && read.error().code() == ENOENT) return steps;
    const std::string index_text = TRY(std::move(read));
    const image::Manifest index = TRY(image::parse_manifest(index_text), "index.json");
    for (const image::Descriptor& one : index.manifests) {
        const std::string text = TRY(read_blob(folder, one.digest));
        const image::Manifest manifest = TRY(image::parse_manifest(text), one.digest);
        if (!manifest.config || manifest.config->media_type != config_type) return Error(Kind::unsupported, "holds no build cache of berth");
        const std::string config_text = TRY(read_blob(folder, manifest.config->digest));
        const Json parsed = TRY(parse_json(config_text, largest_document), "configuration");
        CacheConfig config = TRY(from_json<CacheConfig>(parsed), "configuration");
        for (ConfigStep& step : config.steps) steps.emplace(std::move(step.key), ImportedStep{folder, std::move(step.value)});
    }
    return steps;
}

}  // namespace berth::builder
