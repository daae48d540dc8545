// Pushing: what the registry has is found out first, what it lacks is compressed by all cores while it is sent, and the
// manifest comes last, so that a name never means an image that is not all there.

#include <algorithm>
#include <atomic>
#include <thread>

#include "image/registry/gzip.h"
#include "image/registry/metered.h"
#include "image/registry/transfer.h"
#include "image/store_files.h"

namespace berth::image {
namespace {

constexpr std::size_t uploads_at_once = 3;

class Pusher {
public:
    Pusher(const Store& store, RegistrySession& session, Reporter& reporter) : store_(store), session_(session), client_(session), reporter_(reporter) {}
    Result<Pushed> run(const Reference& name);

private:
    Result<std::vector<Descriptor>> push_layers(const ImageRecord& record);
    Result<Descriptor> push_layer(const std::string& key);
    Result<std::optional<Descriptor>> find_layer(RegistryClient& client, const LayerMeta& meta);
    Result<Descriptor> upload_layer(RegistryClient& client, const std::string& key, const LayerMeta& meta);
    Result<void> push_config(const std::string& text, const Digest& digest);
    Result<bool> has_blob(RegistryClient& client, const std::string& digest);
    Result<std::string> begin_upload(RegistryClient& client);
    Result<std::string> manifest_text(const ImageId& id, const std::string& config, const std::vector<Descriptor>& layers, std::string& type);

    const Store& store_;
    RegistrySession& session_;
    RegistryClient client_;
    Reporter& reporter_;
    std::string repository_;
};

const std::string push_scope = "pull,push";

/// A query parameter more in an upload's address, which may have some already.
std::string with_digest(const std::string& url, const std::string& digest) {
    return cat(url, url.find('?') == url.npos ? "?" : "&", "digest=", url_encoded(digest));
}

Result<bool> Pusher::has_blob(RegistryClient& client, const std::string& digest) {
    RegistryClient::Ask ask;
    ask.method = "HEAD";
    ask.path = "blobs/" + digest;
    ask.scope = push_scope;
    const std::unique_ptr<HttpResponse> response = TRY(client.send(ask));
    if (response->status() == 200) return true;
    if (response->status() == 404) return false;
    return client.failure(*response, ask);
}

/// Where the registry takes the next blob.
Result<std::string> Pusher::begin_upload(RegistryClient& client) {
    RegistryClient::Ask ask;
    ask.method = "POST";
    ask.path = "blobs/uploads/";
    ask.scope = push_scope;
    ask.follows_redirects = false;
    const std::unique_ptr<HttpResponse> response = TRY(client.expect(ask, {202}));
    const std::string location = response->headers().get("location");
    if (location.empty()) return Error(Kind::system, cat(client.endpoint().host, ": begins an upload without saying where"));
    return resolve_url(client.last_url(), location);
}

/// Where the registry has the layer already: in this repository, or in another that it can be mounted from.
Result<std::optional<Descriptor>> Pusher::find_layer(RegistryClient& client, const LayerMeta& meta) {
    const std::string host = repository_.substr(0, repository_.find('/'));
    for (const LayerMeta::Source& source : meta.sources) {
        if (source.repository.substr(0, source.repository.find('/')) != host) continue;
        Descriptor found{source.media_type, source.digest, source.size, {}, {}};
        if (TRY(has_blob(client, source.digest))) {
            reporter_.tell(short_digest(meta.diff_id), "Layer already exists");
            return std::optional(found);
        }
        if (source.repository == repository_) continue;
        RegistryClient::Ask ask;
        ask.method = "POST";
        ask.mount_from = source.repository.substr(source.repository.find('/') + 1);
        ask.path = cat("blobs/uploads/?mount=", url_encoded(source.digest), "&from=", url_encoded(ask.mount_from));
        ask.scope = push_scope;
        ask.follows_redirects = false;
        const std::unique_ptr<HttpResponse> response = TRY(client.send(ask));
        if (response->status() != 201) continue;
        reporter_.tell(short_digest(meta.diff_id), cat("Mounted from ", source.repository));
        return std::optional(found);
    }
    return std::optional<Descriptor>();
}

Result<Descriptor> Pusher::upload_layer(RegistryClient& client, const std::string& key, const LayerMeta& meta) {
    const std::string shown = short_digest(meta.diff_id);
    const Fd folder = TRY(store_.open_layer(key));
    const std::string url = TRY(begin_upload(client));
    const auto gzip = GzipSource::start([&](ByteSink& sink) { return write_layer_tar(folder, sink); }, std::max(1u, std::thread::hardware_concurrency()));
    MeteredSource upload(*gzip, reporter_, shown, "Pushing", meta.tar_size);
    RegistryClient::Ask ask;
    ask.method = "PATCH";
    ask.path = url;
    ask.scope = push_scope;
    ask.headers = {"Content-Type: application/octet-stream"};
    ask.upload = &upload;
    ask.follows_redirects = false;
    const std::unique_ptr<HttpResponse> response = TRY(client.expect(ask, {202, 204}));
    const std::string location = response->headers().get("location");
    const std::string next = location.empty() ? url : resolve_url(client.last_url(), location);
    const std::string digest = TRY(upload.finish()).str();
    RegistryClient::Ask end;
    end.method = "PUT";
    end.path = with_digest(next, digest);
    end.scope = push_scope;
    end.follows_redirects = false;
    TRY(client.expect(end, {201, 204}));
    reporter_.tell(shown, "Pushed", upload.size(), upload.size());
    return Descriptor{std::string(media::docker_layer_gzip), digest, upload.size(), {}, {}};
}

Result<Descriptor> Pusher::push_layer(const std::string& key) {
    const LayerMeta meta = TRY(store_.load_layer(key));
    reporter_.tell(short_digest(meta.diff_id), "Preparing");
    RegistryClient client(session_);
    const std::optional<Descriptor> there = TRY(find_layer(client, meta));
    if (there) return *there;
    for (int attempt = 0;; ++attempt) {
        constexpr int most_attempts = 3;
        Result<Descriptor> pushed = upload_layer(client, key, meta);
        if (pushed.ok()) {
            TRY(add_layer_source(store_, key, {repository_, pushed.value().digest, pushed.value().size, pushed.value().media_type}));
            return pushed;
        }
        const Kind kind = pushed.error().kind();
        if (attempt + 1 == most_attempts || (kind != Kind::system && kind != Kind::busy)) return pushed;
        reporter_.tell(short_digest(meta.diff_id), "Retrying");
        wait_before_retry(attempt, "");
    }
}

Result<std::vector<Descriptor>> Pusher::push_layers(const ImageRecord& record) {
    std::vector<std::optional<Descriptor>> pushed(record.layers.size());
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> failure;
    const auto work = [&] {
        while (true) {
            const std::size_t mine = next++;
            if (mine >= record.layers.size()) return;
            Result<Descriptor> done = push_layer(record.layers[mine]);
            if (done.ok()) {
                pushed[mine] = std::move(done).value();
                continue;
            }
            next = record.layers.size();
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::move(done).error().context("layer ", record.layers[mine]);
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(record.layers.size(), uploads_at_once); ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
    if (failure) return std::move(*failure);
    std::vector<Descriptor> layers;
    for (std::optional<Descriptor>& layer : pushed) layers.push_back(std::move(*layer));
    return layers;
}

Result<void> Pusher::push_config(const std::string& text, const Digest& digest) {
    if (TRY(has_blob(client_, digest.str()))) return {};
    const std::string url = TRY(begin_upload(client_));
    RegistryClient::Ask ask;
    ask.method = "PUT";
    ask.path = with_digest(url, digest.str());
    ask.scope = push_scope;
    ask.headers = {"Content-Type: application/octet-stream"};
    ask.body = text;
    ask.follows_redirects = false;
    return TRY(client_.expect(ask, {201, 204})), Result<void>();
}

/// The manifest that the image was pulled with, when the registry has its very layers; else docker's version 2, or OCI's when
/// a layer is none that docker's knows.
Result<std::string> Pusher::manifest_text(const ImageId& id, const std::string& config, const std::vector<Descriptor>& layers, std::string& type) {
    const Store::Listed listed = TRY(store_.list_one(id));
    for (const std::string& known : TRY(known_manifests(store_, listed))) {
        const Result<Digest> digest = Digest::parse(known);
        if (!digest.ok()) continue;
        Result<std::string> text = store_.read_blob(digest.value());
        const Result<Manifest> parsed = text.ok() ? parse_manifest(text.value()) : Result<Manifest>(Error(Kind::not_found, "unknown"));
        if (!parsed.ok() || parsed.value().is_index() || parsed.value().config->digest != id.str()) continue;
        const auto& old = parsed.value().layers;
        const bool is_same = std::equal(old.begin(), old.end(), layers.begin(), layers.end(),
                                        [](const Descriptor& a, const Descriptor& b) { return a.digest == b.digest; });
        if (!is_same) continue;
        type = parsed.value().media_type.empty() ? std::string(media::oci_manifest) : parsed.value().media_type;
        return text;
    }
    const bool is_docker = std::all_of(layers.begin(), layers.end(), [](const Descriptor& layer) {
        return layer.media_type == media::docker_layer_gzip || layer.media_type == media::oci_layer_gzip;
    });
    type = is_docker ? media::docker_manifest : media::oci_manifest;
    Json::Array list;
    for (const Descriptor& layer : layers)
        list.push_back(descriptor_json(is_docker ? media::docker_layer_gzip : std::string_view(layer.media_type), layer.digest, layer.size));
    Json manifest;
    manifest.set("schemaVersion", 2);
    manifest.set("mediaType", type);
    manifest.set("config", descriptor_json(is_docker ? media::docker_config : media::oci_config, id.str(), static_cast<std::int64_t>(config.size())));
    manifest.set("layers", std::move(list));
    return json_text(manifest);
}

Result<Pushed> Pusher::run(const Reference& name) {
    repository_ = name.name();
    const std::optional<ImageId> id = TRY(store_.find(name));
    if (!id) return Error(Kind::not_found, cat("An image does not exist locally with the tag: ", name.familiar_name()));
    const Lease lease = TRY(store_.make_lease());
    if (!TRY(store_.pin(lease, *id))) return Error(Kind::not_found, cat("No such image: ", name.str()));
    const ImageRecord record = TRY(store_.load_record(*id));
    const std::string config = TRY(store_.load_config_text(*id));
    TRY(store_.layer_folders(record.layers));  // Sound, or nothing is begun.
    const std::vector<Descriptor> layers = TRY(push_layers(record));
    TRY(push_config(config, id->digest()));

    RegistryClient::Ask ask;
    std::string type;
    const std::string text = TRY(manifest_text(*id, config, layers, type));
    ask.method = "PUT";
    ask.path = "manifests/" + name.tag();
    ask.scope = push_scope;
    ask.headers = {cat("Content-Type: ", type)};
    ask.body = text;
    TRY(client_.expect(ask, {200, 201, 202}), "manifest");
    const Digest digest = TRY(store_.write_blob(text));
    TRY(store_.tag(*id, name.with_digest(digest)));
    return Pushed{digest.str(), static_cast<std::int64_t>(text.size())};
}

}  // namespace

Result<Pushed> push(const Store& store, const Reference& name, const RegistryAccess& access, Reporter& reporter) {
    if (!name.digest().empty()) return Error(Kind::invalid, cat(name.str(), ": a name with a digest cannot be pushed"));
    const auto sessions = TRY(open_sessions(name, Purpose::push, access));
    return Pusher(store, *sessions.back(), reporter).run(name);
}

}  // namespace berth::image
