#pragma once
// Inside image/ only: how the store's folders and small files are named, read and locked.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "image/store.h"

namespace berth::image {

/// refs/<sha256(name)>.json
struct RefRecord {
    std::int64_t version = 1;
    std::string name;   ///< Reference::full()
    std::string image;  ///< "sha256:…"
    Moment tagged;
};
template <class Io>
void fields(Io& io, RefRecord& r) {
    io.required("version", r.version);
    io.required("name", r.name);
    io.required("image", r.image);
    io.optional("tagged", r.tagged);
}

std::string ref_file_name(const Reference& reference);
/// "ab/abcd…"
std::string sharded(std::string_view hex);
inline std::string layer_path(std::string_view key) { return "layers/" + sharded(key); }
inline std::string blob_path(std::string_view hex) { return "blobs/sha256/" + sharded(hex); }
inline std::string image_file_name(std::string_view hex) { return std::string(hex) + ".json"; }
bool is_hex_key(std::string_view text);

/// A small JSON file.
template <class Record>
Result<Record> read_record(const Fd& folder, const std::string& name) {
    const std::string text = TRY(read_file(folder, name));
    const Json document = TRY(parse_json(text), name);
    return TRY(from_json<Record>(document), name);
}

/// A folder of the store, opened.
Result<Fd> open_part(const Store& store, const std::string& name);
/// The two-digit folder that a sharded path lies in, made when missing.
Result<void> make_shard(const Store& store, const std::string& path);

/// The lock between those who make things (shared, for moments) and those who delete them (exclusive).
Result<DirLock> lock_gc(const Store& store, LockMode mode);
/// The lock over refs/.
Result<DirLock> lock_refs(const Store& store);

struct NamedImage {
    Reference reference;
    std::string image;
    Moment tagged;
};
/// Every ref that can be read. A damaged one is left out: it must not keep the others from working.
Result<std::vector<NamedImage>> read_refs(const Store& store);
/// Every image record that can be read, by hex.
Result<std::map<std::string, ImageRecord>> read_images(const Store& store);
Result<void> remove_ref(const Store& store, const Reference& reference);

/// Replaces a small file (0600) in one step. The caller holds the gc lock, shared.
Result<void> publish_file(const Store& store, const Fd& folder, const std::string& name, std::string_view text, Durability durability);
/// Makes a small file where nobody looks yet.
Result<void> write_new_file(const Fd& folder, const std::string& name, std::string_view text, mode_t mode);

/// Whether a layer may be used: synced to disk, or made in this boot.
bool is_trusted(const Fd& layer_folder, const LayerMeta& meta);
/// Gives a staging the name of a layer: what an equal layer already there makes unnecessary is discarded. fs/ is complete,
/// meta says all but the boot.
Result<LayerRef> publish_folder(const Store& store, const Lease& lease, Staging staging, const std::string& key, LayerMeta meta);
Result<void> empty_trash(const Store& store);
/// Remembers a place that has the layer compressed; the newest of each repository.
Result<void> add_layer_source(const Store& store, const std::string& key, const LayerMeta::Source& source);
LayerRef layer_ref(const std::string& key, const LayerMeta& meta, const Digest& diff_id);

/// What leases of living processes hold: layer keys, image and blob hex digits, in one set.
Result<std::set<std::string>> leased(const Store& store);

struct NamedCacheEntry {
    Digest key;
    CacheEntry entry;
};
Result<std::vector<NamedCacheEntry>> read_cache(const Store& store);

/// The 64-digit names in a two-level folder ("layers", "blobs/sha256").
Result<std::vector<std::string>> list_sharded(const Store& store, const std::string& part);

/// Digests ("sha256:…") of the manifests under which registries have the image, as far as the store keeps their documents: those it
/// is named by, and the members of an index among them.
Result<std::vector<std::string>> known_manifests(const Store& store, const Store::Listed& image);

}  // namespace berth::image
