#pragma once
// The store of images: files are the truth. Immutable content is named by digest and published by rename; small records
// are replaced whole; what is in use is held by leases and by the records of images and containers; what is garbage is
// computed, never counted. Any process may die at any moment: the next writer sweeps what it left.
//
//   blobs/sha256/<2>/<hex>     configurations and manifests, byte for byte
//   layers/<2>/<key>/          layers (layer.h)
//   refs/<sha256(name)>.json   {name, image, …}, one a name
//   images/<hex>.json          an image: its layers, where it came from
//   leases/ tmp/ trash/        held by flock / staging / on its way out
//   cache/                     the builder's results, by key
//
// Lock order: gc (shared to pin and to publish, exclusive to sweep), then refs. No lock is held over long work.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/config.h"
#include "image/layer.h"
#include "image/reference.h"

namespace berth::image {

/// The digest of an image's configuration document.
class ImageId {
public:
    /// "sha256:<64 hex>" or the 64 digits.
    static Result<ImageId> parse(std::string_view text);
    explicit ImageId(Digest digest) : digest_(std::move(digest)) {}
    const std::string& str() const { return digest_.str(); }  ///< "sha256:…"
    std::string_view hex() const { return digest_.hex(); }
    std::string_view short_id() const { return digest_.hex().substr(0, 12); }
    const Digest& digest() const { return digest_; }
    auto operator<=>(const ImageId&) const = default;

private:
    Digest digest_;
};

/// images/<hex>.json: what lists need without opening the configuration.
struct ImageRecord {
    std::int64_t version = 1;
    std::vector<std::string> layers;  ///< keys, bottom first
    std::int64_t size = 0;            ///< sum over the layers
    Moment created;                   ///< the configuration's
    std::string parent;               ///< "sha256:…" of the image it was built or committed from, "" when unknown
    std::map<std::string, std::string> labels;
};
template <class Io>
void fields(Io& io, ImageRecord& r) {
    io.required("version", r.version);
    io.required("layers", r.layers);
    io.required("size", r.size);
    io.required("created", r.created);
    io.optional("parent", r.parent);
    io.optional("labels", r.labels);
}

/// An image: what the store keeps of it, and its configuration.
struct Image {
    ImageId id;
    ImageRecord record;
    ImageConfig config;
};

/// A container's hold on an image, told to remove and prune by the caller (container/ knows, image/ does not).
struct ImageUse {
    std::string container_id;
    std::string container_name;
    std::string image;                ///< "sha256:…"
    std::vector<std::string> layers;  ///< keys its root file system stands on: kept even when the image goes
    bool is_running = false;
};

/// Keeps objects from being swept until it goes, its file with it, or its process dies.
class Lease {
public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    const std::string& name() const { return name_; }

private:
    friend class Store;
    Lease(Fd folder, std::string name, DirLock lock) : folder_(std::move(folder)), name_(std::move(name)), lock_(std::move(lock)) {}
    Fd folder_;  ///< leases/; empty when moved from
    std::string name_;
    DirLock lock_;
};

/// A private folder on the store's file system, locked while this object lives; swept after its process died.
/// Holds fs/ (0755 root, to become a layer) and work/ (overlay's).
class Staging {
public:
    const Fd& folder() const { return lock_.fd(); }
    const std::string& path() const { return path_; }
    std::string fs_path() const { return path_ + "/fs"; }
    std::string work_path() const { return path_ + "/work"; }
    /// fs/, opened.
    const Fd& fs() const { return fs_; }

private:
    friend class Store;
    Staging(std::string path, DirLock lock, Fd fs) : path_(std::move(path)), lock_(std::move(lock)), fs_(std::move(fs)) {}
    std::string path_;
    DirLock lock_;
    Fd fs_;
};

/// A result the builder keeps: `value` is the builder's own; `layers` stay in the store while the entry does.
struct CacheEntry {
    std::vector<std::string> layers;
    Json value;
    Moment created;
    Moment used;
};

struct Removal {
    std::vector<Reference> untagged;  ///< names with a tag, and names with a manifest's digest
    std::vector<ImageId> deleted;
    std::vector<std::string> deleted_layers;  ///< diff ids, "sha256:…"
    std::int64_t freed = 0;                   ///< bytes
};

class Store {
public:
    /// Opens the store below `root`, making what is missing (0700). Kind::unsupported when a newer berth made it.
    static Result<Store> open(const std::string& root);

    // --- finding -----------------------------------------------------------------------------------------------------
    /// What a user wrote: full id, name (":latest" added), name@digest, or unique id prefix of at least one digit.
    /// Kind::not_found "No such image: NAME" with docker's words; Kind::invalid when a prefix means several.
    Result<ImageId> resolve(std::string_view text) const;
    /// The image a name means here, exactly.
    Result<std::optional<ImageId>> find(const Reference& reference) const;
    /// Kind::not_found when it is gone.
    Result<Image> load(const ImageId& id) const;
    Result<ImageRecord> load_record(const ImageId& id) const;
    /// The configuration document's bytes.
    Result<std::string> load_config_text(const ImageId& id) const;
    /// Host paths of the layers' folders, top first, for OverlayRequest.lowers. Never empty: an empty folder stands at the
    /// bottom, so that images without layers and single-layer views can be mounted. Layers that a power cut may have
    /// damaged are verified first; Kind::corrupt "image X: layer sha256:… was lost …" with a hint when one is.
    Result<std::vector<std::string>> layer_folders(const std::vector<std::string>& keys) const;
    Result<std::vector<LayerRef>> layers_of(const ImageRecord& record) const;
    Result<LayerMeta> load_layer(const std::string& key) const;
    /// layers/<2>/<key>, opened.
    Result<Fd> open_layer(const std::string& key) const;

    struct Listed {
        ImageId id;
        ImageRecord record;
        std::vector<Reference> names;    ///< with a tag, sorted
        std::vector<Reference> digests;  ///< with the digest of a manifest, sorted: where registries have it
        bool has_children = false;       ///< an image was built or committed from it
        bool is_dangling() const { return names.empty() && !has_children; }
    };
    /// All images, newest first, ties by id.
    Result<std::vector<Listed>> list() const;
    Result<Listed> list_one(const ImageId& id) const;

    // --- making ------------------------------------------------------------------------------------------------------
    Result<Lease> make_lease() const;
    /// Pins a layer if it is there and sound: false means that it must be made again.
    Result<bool> pin(const Lease& lease, const std::string& layer_key) const;
    /// Pins an image and its layers; false when it is gone.
    Result<bool> pin(const Lease& lease, const ImageId& id) const;

    Result<Staging> make_staging() const;
    /// Turns staging.fs() into a layer by renaming it: digests it, or finds that an equal layer is there already. The
    /// staging is used up. Nothing is copied. On error staging is removed.
    Result<LayerRef> publish_layer(const Lease& lease, Staging staging) const;
    /// Throws a staging away. (Also happens later to one that is merely dropped.)
    Result<void> discard(Staging staging) const;

    /// Stores the configuration (rootfs.diff_ids are set from `layers`) and the image's record. The same configuration
    /// again is the same image. `layers` bottom first, all published or pinned under `lease`.
    Result<ImageId> write_image(const Lease& lease, ImageConfig config, const std::vector<LayerRef>& layers,
                                const std::optional<ImageId>& parent = {}) const;
    /// The same for a document from elsewhere, byte for byte; its diff_ids must be the layers'.
    Result<ImageId> write_foreign_image(const Lease& lease, std::string_view config_text,
                                        const std::vector<LayerRef>& layers) const;
    Result<Digest> write_blob(std::string_view bytes) const;
    Result<std::string> read_blob(const Digest& digest) const;

    /// Makes `name` mean `id` (moving it when it meant another image, which is returned). A name with a digest records under
    /// which manifest a registry has the image.
    Result<std::optional<ImageId>> tag(const ImageId& id, const Reference& name) const;

    /// Writes everything made so far to the disk and marks it so: one syncfs. What cannot be fetched again is settled
    /// before success is reported.
    Result<void> settle() const;
    /// The same in a process of its own that outlives this one: the work is usable now, safe against a power cut soon.
    Result<void> settle_in_background() const;

    // --- removing ----------------------------------------------------------------------------------------------------
    enum class Force { no, yes };
    enum class Parents { prune, keep };
    /// docker rmi of what the user wrote: takes away a name, and the image when it was the last one; by id all names when
    /// forced. Errors as docker's: "conflict: unable to remove repository reference …".
    Result<Removal> remove(std::string_view text, Force force, Parents parents, const std::vector<ImageUse>& uses) const;
    struct PruneOptions {
        bool all = false;  ///< every image without a container, not only those without a name
        std::function<bool(const Listed&)> is_wanted;  ///< filters; absent: every one
        bool dry_run = false;
    };
    Result<Removal> prune(const PruneOptions& options, const std::vector<ImageUse>& uses) const;
    /// Deletes layers and blobs that nothing reaches, dead leases and staging, trash. Freed bytes.
    Result<std::int64_t> sweep(const std::vector<ImageUse>& uses) const;

    // --- the builder's cache -----------------------------------------------------------------------------------------
    /// The entry, its layers pinned under the lease; nothing when there is none or a layer is gone. Marks it as used.
    Result<std::optional<CacheEntry>> find_cached(const Lease& lease, const Digest& key) const;
    Result<void> store_cached(const Digest& key, const std::vector<std::string>& layers, const Json& value) const;
    struct CacheListed {
        Digest key;
        CacheEntry entry;
        std::int64_t size = 0;  ///< of layers that no image has
    };
    Result<std::vector<CacheListed>> list_cache() const;
    /// Removes entries `is_wanted` chooses; layers go with the next sweep, which this does. Freed bytes.
    Result<std::int64_t> prune_cache(const std::function<bool(const CacheListed&)>& is_wanted,
                                     const std::vector<ImageUse>& uses) const;

    const std::string& root() const { return root_; }
    const Fd& folder() const { return folder_; }

private:
    Result<ImageId> write_image_text(const Lease& lease, std::string_view text, const ImageConfig& config,
                                     const std::vector<LayerRef>& layers, const std::optional<ImageId>& parent) const;

    Store(std::string root, Fd folder) : root_(std::move(root)), folder_(std::move(folder)) {}
    std::string root_;
    Fd folder_;
};

}  // namespace berth::image
