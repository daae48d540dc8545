// load_images of archive.h. The archive is read once, from front to back, since it may be a pipe: layers are unpacked as
// they come, whatever they are called, and the manifest, wherever it stands, says at the end which were meant.

#include <algorithm>
#include <set>
#include <thread>

#include <csignal>
#include <unistd.h>

#include "image/archive.h"
#include "image/compression.h"
#include "image/ingest.h"
#include "image/media.h"
#include "image/pipeline.h"
#include "image/store_files.h"
#include "image/tar_reader.h"
#include "image/tar_writer.h"
#include "image/v1_image.h"

namespace berth::image {
namespace {

constexpr std::int64_t largest_text = 8 << 20;      // A configuration or a manifest.
constexpr std::size_t most_text_bytes = 256u << 20;  // Of all together.
constexpr int deepest_index = 8;
constexpr std::size_t most_parents = 500;

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

/// The content of the outer archive's current member, from a point on.
class MemberSource final : public ByteSource {
public:
    /// `archive` is what `reader` reads; `head` was read from the member already.
    MemberSource(TarReader& reader, ByteSource& archive, std::string head)
        : reader_(reader), archive_(archive), head_(std::move(head)), rest_(head_), position_(static_cast<std::int64_t>(head_.size())) {}
    Result<std::size_t> read(std::span<char> into) override {
        if (rest_.empty()) {
            const auto piece = TRY(reader_.read_content());
            if (!piece) return std::size_t{0};
            if (piece->offset != position_) return corrupt("a member is sparse");
            rest_ = piece->bytes;
            position_ += static_cast<std::int64_t>(rest_.size());
        }
        const std::size_t size = rest_.copy(into.data(), into.size());
        rest_.remove_prefix(size);
        hash_.update({into.data(), size});
        return size;
    }
    void interrupt() override { archive_.interrupt(); }
    Digest digest() { return hash_.finish(); }

private:
    TarReader& reader_;
    ByteSource& archive_;
    std::string head_;
    std::string_view rest_;
    std::int64_t position_;
    Sha256 hash_;
};

bool looks_like_json(std::string_view head) {
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    return first != head.npos && (head[first] == '{' || head[first] == '[');
}

bool looks_like_layer(std::string_view head) {
    if (recognise_compression(head) != Compression::none) return true;
    if (head.size() < 512) return false;
    // A tar: ustar's and GNU's word, or nothing but zeros, which is the tar of no change.
    return head.substr(257, 5) == "ustar" || head.find_first_not_of('\0') == head.npos;
}

/// "a/../b" and the like resolved; members of an archive name each other so.
std::string member_path(std::string_view folder, std::string_view path) { return join_path(cat("/", folder), path).substr(1); }

struct DockerImage {
    std::string config;
    std::optional<std::vector<std::string>> tags;
    std::vector<std::string> layers;
};
template <class Io>
void fields(Io& io, DockerImage& i) {
    io.required("Config", i.config);
    io.optional("RepoTags", i.tags);
    io.optional("Layers", i.layers);
}

class Loader {
public:
    Loader(const Store& store, Lease lease) : store_(store), lease_(std::move(lease)) {}
    Result<void> read(ByteSource& archive);
    Result<std::vector<Loaded>> finish();
    /// Throws away the layers that no image took.
    Result<void> discard();

private:
    struct Layer {
        std::optional<Ingested> fresh;
        std::optional<LayerRef> published;
    };
    Result<void> take(TarReader& reader, const TarEntry& entry);
    Result<void> take_layer(TarReader& reader, const std::string& path, std::string head);
    Result<bool> is_here(const std::string& path);
    std::string target_of(std::string path) const;
    const std::string* text_at(const std::string& path) const;
    Result<std::string> blob_text(const std::string& digest) const;

    Result<void> load_docker(const std::string& manifest);
    Result<void> load_index(const std::string& text, const std::optional<Reference>& name, int depth);
    Result<void> load_v1(const std::string& repositories);
    Result<void> load_v1_image(const std::string& top, const std::vector<Reference>& names);
    Result<void> load_image(const std::string& config, const std::vector<std::string>& layers, const std::vector<Reference>& names);
    Result<LayerRef> layer_at(const std::string& path, const std::vector<LayerRef>& below, const Digest& diff_id);
    static const Digest& diff_id_of(const Layer& layer) { return layer.published ? layer.published->diff_id : layer.fresh->diff_id; }

    const Store& store_;
    Lease lease_;
    ByteSource* archive_ = nullptr;  ///< while it is read
    std::map<std::string, std::string> texts_;
    std::size_t text_bytes_ = 0;
    std::map<std::string, std::string> links_;
    std::map<std::string, Layer> layers_;
    std::vector<Loaded> loaded_;
    struct Naming {
        ImageId id;
        Reference name;
    };
    std::vector<Naming> namings_;
};

Result<void> Loader::read(ByteSource& archive) {
    archive_ = &archive;
    TarReader reader(archive);
    while (true) {
        const auto entry = TRY(reader.next(), "archive");
        if (!entry) break;
        TRY(take(reader, *entry), entry->path);
    }
    return reader.drain();
}

Result<void> Loader::take(TarReader& reader, const TarEntry& entry) {
    const std::string path = member_path("", entry.path);
    if (entry.type == TarType::symlink) links_[path] = member_path(path.substr(0, std::min(path.rfind('/'), path.size())), entry.link);
    if (entry.type == TarType::hard_link) links_[path] = member_path("", entry.link);
    if (entry.type != TarType::file) return {};

    std::string head;
    while (head.size() < recognised_bytes) {
        const auto piece = TRY(reader.read_content());
        if (!piece) break;
        head += piece->bytes;
    }
    if (looks_like_json(head) && entry.size <= largest_text) {
        while (true) {
            const auto piece = TRY(reader.read_content());
            if (!piece) break;
            head += piece->bytes;
        }
        text_bytes_ += head.size();
        if (text_bytes_ > most_text_bytes) return corrupt("archive holds too many documents");
        texts_[path] = std::move(head);
        return {};
    }
    // Anything else (VERSION files and what else tools put there) is nobody's.
    return looks_like_layer(head) ? take_layer(reader, path, std::move(head)) : Result<void>();
}

/// The digest in "blobs/sha256/<hex>", or "" for other names.
std::string blob_hex(const std::string& path) {
    constexpr std::string_view folder = "blobs/sha256/";
    const std::string hex = path.starts_with(folder) ? path.substr(folder.size()) : std::string();
    return is_hex_key(hex) ? hex : std::string();
}

/// An uncompressed layer is named by its diff id, and then need not be read when the store has it.
Result<bool> Loader::is_here(const std::string& path) {
    const std::string hex = blob_hex(path);
    if (hex.empty() || !TRY(store_.pin(lease_, hex))) return false;
    const LayerMeta meta = TRY(store_.load_layer(hex));
    const Digest diff_id = TRY(Digest::parse(meta.diff_id));
    layers_[path].published = layer_ref(hex, meta, diff_id);
    return true;
}

Result<void> Loader::take_layer(TarReader& reader, const std::string& path, std::string head) {
    if (layers_.contains(path)) return corrupt("stands twice in the archive");
    if (TRY(is_here(path))) return {};
    const Compression compression = recognise_compression(head);
    if (compression == Compression::other)
        return Error(Kind::unsupported, "layer is compressed in a way that images do not use (neither gzip nor zstd)");
    MemberSource member(reader, *archive_, std::move(head));
    std::unique_ptr<ByteSource> plain;
    if (compression == Compression::gzip) plain = make_gunzip(member);
    if (compression == Compression::zstd) plain = make_unzstd(member);
    Ingested ingested = TRY(ingest_layer(store_, plain ? *plain : member, EndMark::optional));
    const std::string hex = blob_hex(path);
    if (!hex.empty() && member.digest().hex() != hex) return corrupt("content does not match its digest");
    layers_[path].fresh = std::move(ingested);
    return {};
}

/// Old archives hold a layer once and link to it.
std::string Loader::target_of(std::string path) const {
    for (std::size_t i = 0; i <= links_.size(); ++i) {
        const auto link = links_.find(path);
        if (link == links_.end()) return path;
        path = link->second;
    }
    return path;
}

const std::string* Loader::text_at(const std::string& path) const {
    const auto found = texts_.find(target_of(path));
    return found == texts_.end() ? nullptr : &found->second;
}

Result<std::string> Loader::blob_text(const std::string& digest) const {
    const Digest wanted = TRY(Digest::parse(digest));
    const std::string* text = text_at(cat("blobs/sha256/", wanted.hex()));
    if (text == nullptr) return corrupt(cat("blob ", digest, " is missing"));
    if (Digest::of_bytes(*text) != wanted) return corrupt(cat("blob ", digest, ": content does not match its digest"));
    return *text;
}

Result<LayerRef> Loader::layer_at(const std::string& given, const std::vector<LayerRef>& below, const Digest& diff_id) {
    const auto found = layers_.find(target_of(given));
    if (found == layers_.end()) {
        // Left out by whoever knew that it is here.
        if (TRY(store_.pin(lease_, std::string(diff_id.hex())))) {
            const LayerMeta meta = TRY(store_.load_layer(std::string(diff_id.hex())));
            return layer_ref(std::string(diff_id.hex()), meta, diff_id);
        }
        return corrupt(cat("layer ", given, " is missing"));
    }
    Layer& layer = found->second;
    const Digest& there = diff_id_of(layer);
    if (there != diff_id) return corrupt(cat("layer ", given, ": content is ", there.str(), ", the image says ", diff_id.str()));
    if (!layer.published) {
        Ingested fresh = std::move(*std::exchange(layer.fresh, std::nullopt));
        layer.published = TRY(publish_ingested(store_, lease_, std::move(fresh), below));
    }
    return *layer.published;
}

Result<void> Loader::load_image(const std::string& config_text, const std::vector<std::string>& paths, const std::vector<Reference>& names) {
    const ImageConfig config = TRY(parse_image_config(config_text));
    const auto& diff_ids = config.rootfs.diff_ids;
    if (diff_ids.size() != paths.size())
        return corrupt(cat("image has ", paths.size(), " layers, its configuration names ", diff_ids.size()));
    std::vector<LayerRef> layers;
    for (std::size_t i = 0; i < paths.size(); ++i) layers.push_back(TRY(layer_at(paths[i], layers, diff_ids[i])));
    const ImageId id = TRY(store_.write_foreign_image(lease_, config_text, layers));
    auto known = std::find_if(loaded_.begin(), loaded_.end(), [&](const Loaded& l) { return l.id == id; });
    if (known == loaded_.end()) loaded_.push_back({id, {}, {}});
    for (const Reference& name : names) namings_.push_back({id, name});
    return {};
}

Result<void> Loader::load_docker(const std::string& text) {
    const Json document = TRY(parse_json(text));
    const auto images = TRY(from_json<std::vector<DockerImage>>(document));
    for (const DockerImage& image : images) {
        const std::string path = member_path("", image.config);
        const std::string* config = text_at(path);
        if (config == nullptr) return corrupt(cat("configuration ", image.config, " is missing"));
        std::vector<Reference> names;
        for (const std::string& tag : image.tags.value_or(std::vector<std::string>())) names.push_back(TRY(Reference::parse_tagged(tag)));
        std::vector<std::string> layers;
        for (const std::string& layer : image.layers) layers.push_back(member_path("", layer));
        TRY(load_image(*config, layers, names), image.config);
    }
    return {};
}

/// What an index calls an image: docker's full name, or OCI's when it is more than a tag.
std::optional<Reference> name_of(const Descriptor& descriptor) {
    const auto annotation = [&](const char* key) {
        const auto found = descriptor.annotations.find(key);
        return found == descriptor.annotations.end() ? std::string() : found->second;
    };
    std::string name = annotation("io.containerd.image.name");
    if (name.empty()) name = annotation("org.opencontainers.image.ref.name");
    if (name.find_first_of(":/") == name.npos) return {};
    Result<Reference> reference = Reference::parse_tagged(name);
    return reference.ok() && reference.value().digest().empty() ? std::optional(std::move(reference).value()) : std::nullopt;
}

Result<void> Loader::load_index(const std::string& text, const std::optional<Reference>& name, int depth) {
    if (depth > deepest_index) return corrupt("indexes lie too deep in each other");
    const Manifest manifest = TRY(parse_manifest(text));
    if (!manifest.is_index()) {
        std::vector<std::string> layers;
        for (const Descriptor& layer : manifest.layers) layers.push_back(cat("blobs/sha256/", layer.digest.substr(layer.digest.find(':') + 1)));
        const std::string config = TRY(blob_text(manifest.config->digest));
        std::vector<Reference> names;
        if (name) names.push_back(*name);
        return load_image(config, layers, names);
    }
    if (depth > 0) {
        // One image for several platforms.
        const Descriptor chosen = TRY(choose_manifest(manifest, host_platform()));
        const std::string inner = TRY(blob_text(chosen.digest));
        return load_index(inner, name, depth + 1);
    }
    for (const Descriptor& member : manifest.manifests) {
        const std::string inner = TRY(blob_text(member.digest));
        TRY(load_index(inner, name_of(member), depth + 1));
    }
    return {};
}

/// docker before 1.10: what `repositories` names, and what is nobody's parent. (docker makes an image of each layer below too;
/// here those are layers only.)
Result<void> Loader::load_v1(const std::string& repositories) {
    std::map<std::string, std::vector<Reference>> wanted;
    const Json document = TRY(parse_json(repositories));
    using Tags = std::map<std::string, std::string>;
    const auto named = TRY((from_json<std::map<std::string, Tags>>(document)));
    for (const auto& [repository, tags] : named)
        for (const auto& [tag, id] : tags) {
            const std::string name = cat(repository, ":", tag);
            if (text_at(member_path(id, "json")) == nullptr) return corrupt(cat(name, ": image ", id, " is missing"));
            wanted[id].push_back(TRY(Reference::parse_tagged(name)));
        }

    std::set<std::string> tops, parents;
    for (const auto& [path, text] : texts_) {
        constexpr std::string_view end = "/json";
        if (!path.ends_with(end)) continue;
        tops.insert(path.substr(0, path.size() - end.size()));
        parents.insert(TRY(parse_v1_image(text), path).parent);
    }
    for (const std::string& id : tops)
        if (!parents.contains(id)) wanted.try_emplace(id);
    for (const auto& [id, names] : wanted) TRY(load_v1_image(id, names), "image ", id);
    return {};
}

Result<void> Loader::load_v1_image(const std::string& top, const std::vector<Reference>& names) {
    std::vector<V1Image> chain;
    std::vector<std::string> paths;
    std::vector<Digest> diff_ids;
    for (std::string id = top; !id.empty(); id = chain.back().parent) {
        if (chain.size() == most_parents) return corrupt(cat("has more than ", most_parents, " parents, or is its own"));
        const std::string* text = text_at(member_path(id, "json"));
        if (text == nullptr) return corrupt(cat("parent ", id, " is missing"));
        chain.push_back(TRY(parse_v1_image(*text), id, "/json"));
        paths.push_back(member_path(id, "layer.tar"));
        const auto layer = layers_.find(target_of(paths.back()));
        if (layer == layers_.end()) return corrupt(cat("layer ", paths.back(), " is missing"));
        diff_ids.push_back(diff_id_of(layer->second));
    }
    std::ranges::reverse(chain);
    std::ranges::reverse(paths);
    std::ranges::reverse(diff_ids);
    const std::string config = TRY(make_config_text(chain, diff_ids));
    return load_image(config, paths, names);
}

Result<void> Loader::discard() {
    for (auto& [path, layer] : layers_)
        if (layer.fresh) TRY(store_.discard(std::move(std::exchange(layer.fresh, std::nullopt)->staging)));
    return {};
}

Result<std::vector<Loaded>> Loader::finish() {
    if (const std::string* manifest = text_at("manifest.json")) TRY(load_docker(*manifest), "manifest.json");
    else if (const std::string* index = text_at("index.json")) TRY(load_index(*index, {}, 0), "index.json");
    else if (const std::string* names = text_at("repositories")) TRY(load_v1(*names), "repositories");
    else return corrupt("archive holds no image: neither manifest.json nor index.json")
        .with_hint("'berth import' makes an image of a plain root file system");
    TRY(discard());
    // The archive may be gone when the user hears of success.
    TRY(store_.settle());
    for (const Naming& naming : namings_) {
        const std::optional<ImageId> before = TRY(store_.tag(naming.id, naming.name));
        const auto known = std::find_if(loaded_.begin(), loaded_.end(), [&](const Loaded& l) { return l.id == naming.id; });
        known->names.push_back(naming.name);
        if (before) known->moved.emplace_back(naming.name, *before);
    }
    return std::move(loaded_);
}

}  // namespace

Result<std::vector<Loaded>> load_images(const Store& store, const Fd& from) {
    Lease lease = TRY(store.make_lease());
    Loader loader(store, std::move(lease));
    const std::unique_ptr<ByteSource> archive = TRY(open_decompressed(from));
    const auto load = [&]() -> Result<std::vector<Loaded>> {
        {
            Pipeline ahead(*archive, Pipeline::Hash::no);
            TRY(loader.read(ahead));
        }
        return loader.finish();
    };
    Result<std::vector<Loaded>> loaded = load();
    if (!loaded.ok()) ignore(loader.discard(), "what is wrong with the archive is what the user must hear of");
    return loaded;
}

Result<std::vector<Loaded>> load_images_folder(const Store& store, const std::string& path) {
    const Fd folder = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    sys::Pipe pipe = TRY(sys::pipe());
    // A folder is an archive that is being packed.
    Result<void> packed;
    std::thread packer([&] {
        sigset_t signals;
        ::sigemptyset(&signals);
        ::sigaddset(&signals, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        FdSink sink(pipe.write);
        TarWriter writer(sink);
        const auto pack = [&]() -> Result<void> {
            TRY(write_tree(folder, writer, TreeOptions{}));
            TRY(writer.finish());
            return sink.flush();
        };
        packed = pack();
        pipe.write.reset();
    });
    Result<std::vector<Loaded>> loaded = load_images(store, pipe.read);
    pipe.read.reset();
    packer.join();
    if (loaded.ok()) TRY(std::move(packed), path);
    return loaded;
}

}  // namespace berth::image
