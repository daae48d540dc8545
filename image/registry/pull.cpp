// Pulling: manifest, configuration, then all missing layers at once, each through one pipe: network → digest → inflate →
// digest → unpack. A layer gets its name in the store as soon as it is whole; the image, when all are.

#include <algorithm>
#include <atomic>
#include <thread>

#include "image/compression.h"
#include "image/ingest.h"
#include "image/registry/gzip.h"
#include "image/registry/metered.h"
#include "image/registry/transfer.h"
#include "image/store_files.h"

namespace berth::image {
namespace {

constexpr std::size_t downloads_at_once = 4;
constexpr int deepest_index = 4;

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

/// Compression by content, whatever the media type says.
class LayerSource final : public ByteSource {
public:
    explicit LayerSource(ByteSource& compressed) : compressed_(compressed) {}
    Result<std::size_t> read(std::span<char> into) override {
        if (!plain_) TRY(recognise());
        return plain_->read(into);
    }
    void interrupt() override { compressed_.interrupt(); }

private:
    /// The first bytes and then the rest.
    class Headed final : public ByteSource {
    public:
        Headed(std::string head, ByteSource& rest) : head_(std::move(head)), rest_(rest) {}
        Result<std::size_t> read(std::span<char> into) override {
            if (given_ == head_.size()) return rest_.read(into);
            const std::size_t size = head_.copy(into.data(), into.size(), given_);
            given_ += size;
            return size;
        }
        void interrupt() override { rest_.interrupt(); }

    private:
        std::string head_;
        std::size_t given_ = 0;
        ByteSource& rest_;
    };
    Result<void> recognise() {
        std::string head(recognised_bytes, '\0');
        std::size_t size = 0;
        while (size < head.size()) {
            const std::size_t got = TRY(compressed_.read(std::span(head).subspan(size)));
            if (got == 0) break;
            size += got;
        }
        head.resize(size);
        const Compression compression = recognise_compression(head);
        if (compression == Compression::other) return Error(Kind::unsupported, "layer is compressed in a way that images do not use (neither gzip nor zstd)");
        headed_ = std::make_unique<Headed>(std::move(head), compressed_);
        if (compression == Compression::gzip) plain_ = make_fast_gunzip(*headed_);
        else if (compression == Compression::zstd) plain_ = make_unzstd(*headed_);
        else plain_ = std::move(headed_);
        return {};
    }
    ByteSource& compressed_;
    std::unique_ptr<ByteSource> headed_;
    std::unique_ptr<ByteSource> plain_;
};

class Puller {
public:
    Puller(const Store& store, RegistrySession& session, Lease lease, Reporter& reporter)
        : store_(store), session_(session), client_(session), lease_(std::move(lease)), reporter_(reporter) {}
    Result<Pulled> run(const Reference& name, const Platform& platform);

private:
    struct Layer {
        Descriptor descriptor;
        Digest diff_id;
        std::optional<LayerRef> published;
        std::optional<Ingested> waiting;  ///< needs the layers below to be completed
    };
    Result<FetchedManifest> resolve_image(FetchedManifest manifest, const Platform& platform, int depth);
    Result<std::string> fetch_config(const Manifest& manifest);
    Result<void> prepare_layers(const Manifest& manifest, const ImageConfig& config);
    Result<void> fetch_layers();
    Result<void> fetch_layer(Layer& layer);
    Result<void> ingest(Layer& layer);
    Result<bool> is_here(Layer& layer, const std::string& key);
    Result<std::vector<LayerRef>> publish();
    LayerMeta::Source source_of(const Layer& layer) const;

    const Store& store_;
    RegistrySession& session_;
    RegistryClient client_;
    Lease lease_;
    Reporter& reporter_;
    std::string repository_;
    std::vector<Layer> layers_;
};

/// From what a name means to the manifest of one image.
Result<FetchedManifest> Puller::resolve_image(FetchedManifest manifest, const Platform& platform, int depth) {
    const Manifest parsed = TRY(parse_manifest(manifest.text));
    if (!parsed.is_index()) return manifest;
    if (depth == deepest_index) return corrupt("indexes lie too deep in each other");
    const Descriptor chosen = TRY(choose_manifest(parsed, platform));
    FetchedManifest inner = TRY(fetch_manifest(client_, chosen.digest));
    if (static_cast<std::int64_t>(inner.text.size()) != chosen.size) return corrupt(cat("manifest ", chosen.digest, ": has another size than its index says"));
    return resolve_image(std::move(inner), platform, depth + 1);
}

Result<std::string> Puller::fetch_config(const Manifest& manifest) {
    const std::string& type = manifest.config->media_type;
    if (!type.empty() && type != media::oci_config && type != media::docker_config)
        return Error(Kind::unsupported, cat("is no container image but an artifact of type ", type));
    // Seldom anything new: the same image under another name or tag.
    const Digest digest = TRY(Digest::parse(manifest.config->digest));
    if (Result<std::string> known = store_.read_blob(digest); known.ok()) return known;
    return fetch_blob(client_, *manifest.config);
}

Result<void> Puller::prepare_layers(const Manifest& manifest, const ImageConfig& config) {
    const auto& diff_ids = config.rootfs.diff_ids;
    if (manifest.layers.size() != diff_ids.size())
        return corrupt(cat("manifest has ", manifest.layers.size(), " layers, the configuration names ", diff_ids.size()));
    std::vector<LayerRef> below;
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        layers_.push_back({manifest.layers[i], diff_ids[i], {}, {}});
        Layer& layer = layers_.back();
        // Under its own name, or under that of its chain when it was completed from the layers below.
        const Digest chain = chain_id(below, layer.diff_id);
        for (const std::string_view key : {layer.diff_id.hex(), chain.hex()})
            if (!layer.published) TRY(is_here(layer, std::string(key)));
        below.push_back({layer.diff_id, "", 0, false});
        reporter_.tell(short_digest(layer.descriptor.digest), layer.published ? "Already exists" : "Pulling fs layer");
    }
    return {};
}

Result<bool> Puller::is_here(Layer& layer, const std::string& key) {
    if (!TRY(store_.pin(lease_, key))) return false;
    const LayerMeta meta = TRY(store_.load_layer(key));
    if (meta.diff_id != layer.diff_id.str()) return false;
    layer.published = layer_ref(key, meta, layer.diff_id);
    return true;
}

LayerMeta::Source Puller::source_of(const Layer& layer) const {
    return {repository_, layer.descriptor.digest, layer.descriptor.size, layer.descriptor.media_type};
}

/// One layer, on a connection of its own.
Result<void> Puller::ingest(Layer& layer) {
    const std::string shown = short_digest(layer.descriptor.digest);
    RegistryClient client(session_);
    BlobSource blob(client, layer.descriptor.digest, layer.descriptor.size);
    MeteredSource metered(blob, reporter_, shown, "Downloading", layer.descriptor.size);
    LayerSource plain(metered);
    Ingested ingested = TRY(ingest_layer(store_, plain, EndMark::optional));
    const auto check = [&]() -> Result<void> {
        const Digest digest = TRY(metered.finish());
        if (digest.str() != layer.descriptor.digest) return corrupt("content does not match its digest");
        if (ingested.diff_id != layer.diff_id) return corrupt(cat("uncompressed content is ", ingested.diff_id.str(), ", the image says ", layer.diff_id.str()));
        return {};
    };
    if (Result<void> checked = check(); !checked.ok()) {
        ignore(store_.discard(std::move(ingested.staging)), "what is wrong with the layer is what the user must hear of");
        return checked;
    }
    reporter_.tell(shown, "Download complete");
    if (!ingested.unpacked.implied_folders.empty() || !ingested.unpacked.missing_links.empty()) {
        layer.waiting = std::move(ingested);
        return {};
    }
    layer.published = TRY(publish_ingested(store_, lease_, std::move(ingested), {}));
    TRY(add_layer_source(store_, layer.published->key, source_of(layer)));
    reporter_.tell(shown, "Pull complete");
    return {};
}

/// Who wants a layer that somebody else is fetching waits for it.
Result<void> Puller::fetch_layer(Layer& layer) {
    const std::string file = cat("locks/layer-", layer.diff_id.hex().substr(0, 2), ".lock");
    Result<DirLock> lock = DirLock::try_at(store_.folder(), file, LockMode::exclusive);
    if (!lock.ok()) {
        reporter_.tell(short_digest(layer.descriptor.digest), "Waiting");
        lock = DirLock::wait_at(store_.folder(), file, LockMode::exclusive);
        if (!lock.ok()) return std::move(lock).error();
        if (TRY(is_here(layer, std::string(layer.diff_id.hex())))) {
            reporter_.tell(short_digest(layer.descriptor.digest), "Already exists");
            return {};
        }
    }
    return TRY(ingest(layer), "layer ", layer.descriptor.digest), Result<void>();
}

Result<void> Puller::fetch_layers() {
    std::vector<Layer*> missing;
    for (Layer& layer : layers_) {
        const bool is_twice = std::any_of(missing.begin(), missing.end(), [&](const Layer* other) { return other->diff_id == layer.diff_id; });
        if (!layer.published && !is_twice) missing.push_back(&layer);
    }
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> failure;
    const auto work = [&] {
        while (true) {
            const std::size_t mine = next++;
            if (mine >= missing.size()) return;
            Result<void> fetched = fetch_layer(*missing[mine]);
            if (fetched.ok()) continue;
            // Nothing new is begun; what runs is finished, and need not be fetched again next time.
            next = missing.size();
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::move(fetched).error();
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(missing.size(), downloads_at_once); ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
    return failure ? Result<void>(std::move(*failure)) : Result<void>();
}

Result<std::vector<LayerRef>> Puller::publish() {
    std::vector<LayerRef> done;
    for (Layer& layer : layers_) {
        if (layer.waiting) {
            Ingested waiting = std::move(*std::exchange(layer.waiting, std::nullopt));
            layer.published = TRY(publish_ingested(store_, lease_, std::move(waiting), done), "layer ", layer.descriptor.digest);
            TRY(add_layer_source(store_, layer.published->key, source_of(layer)));
            reporter_.tell(short_digest(layer.descriptor.digest), "Pull complete");
        }
        if (!layer.published)
            for (const LayerRef& other : done)
                if (other.diff_id == layer.diff_id) layer.published = other;
        if (!layer.published) return Error(Kind::internal, cat("layer ", layer.descriptor.digest, ": was not fetched"));
        done.push_back(*layer.published);
    }
    return done;
}

Result<Pulled> Puller::run(const Reference& name, const Platform& platform) {
    repository_ = name.name();
    FetchedManifest named = TRY(fetch_manifest(client_, name.digest().empty() ? name.tag() : name.digest()));
    const std::string digest = named.digest.str();
    const std::string index_text = named.text;
    const FetchedManifest image = TRY(resolve_image(std::move(named), platform, 0));
    const Manifest manifest = TRY(parse_manifest(image.text));
    const std::string config_text = TRY(fetch_config(manifest), "configuration");
    const ImageConfig config = TRY(parse_image_config(config_text));
    TRY(prepare_layers(manifest, config));
    TRY(fetch_layers());
    const std::vector<LayerRef> layers = TRY(publish());

    const ImageId id = TRY(store_.write_foreign_image(lease_, config_text, layers));
    // Kept byte for byte: a push of the same image is then the same manifest.
    TRY(store_.write_blob(image.text));
    TRY(store_.write_blob(index_text));
    const Digest named_digest = TRY(Digest::parse(digest));
    const Reference by_digest = name.with_digest(named_digest);
    const std::optional<ImageId> before = TRY(store_.find(name.digest().empty() ? name : by_digest));
    TRY(store_.tag(id, by_digest));
    if (name.digest().empty()) TRY(store_.tag(id, name));
    TRY(store_.settle_in_background());
    return Pulled{id.str(), digest, !before || *before != id};
}

}  // namespace

Result<Pulled> pull(const Store& store, const Reference& name, const Platform& platform, const RegistryAccess& access, Reporter& reporter) {
    const auto sessions = TRY(open_sessions(name, Purpose::pull, access));
    std::optional<Error> failure;
    for (const auto& session : sessions) {
        Lease lease = TRY(store.make_lease());
        Result<Pulled> pulled = Puller(store, *session, std::move(lease), reporter).run(name, platform);
        if (pulled.ok()) return pulled;
        failure = std::move(pulled).error();
    }
    return std::move(*failure);
}

}  // namespace berth::image
