#include "image/store_files.h"

#include <algorithm>
#include <cerrno>

#include "image/media.h"

namespace berth::image {

std::string ref_file_name(const Reference& reference) {
    return cat(Digest::of_bytes(reference.full()).hex(), ".json");
}

std::string sharded(std::string_view hex) { return cat(hex.substr(0, 2), "/", hex); }

bool is_hex_key(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Result<Fd> open_part(const Store& store, const std::string& name) {
    return sys::openat(store.folder(), name, O_RDONLY | O_DIRECTORY);
}

Result<void> make_shard(const Store& store, const std::string& path) {
    const std::string folder = path.substr(0, path.rfind('/'));
    auto made = sys::mkdirat(store.folder(), folder, 0700);
    if (!made.ok() && made.error().code() == EEXIST) return {};
    return made;
}

Result<DirLock> lock_gc(const Store& store, LockMode mode) {
    return DirLock::wait_at(store.folder(), "locks/gc.lock", mode);
}

Result<DirLock> lock_refs(const Store& store) {
    return DirLock::wait_at(store.folder(), "locks/refs.lock", LockMode::exclusive);
}

Result<std::vector<NamedImage>> read_refs(const Store& store) {
    const Fd folder = TRY(open_part(store, "refs"));
    const std::vector<std::string> names = TRY(list_folder(folder));
    std::vector<NamedImage> refs;
    refs.reserve(names.size());
    for (const std::string& name : names) {
        if (!name.ends_with(".json")) continue;
        Result<RefRecord> record = read_record<RefRecord>(folder, name);
        if (!record.ok()) continue;
        Result<Reference> reference = Reference::parse(record.value().name);
        if (reference.ok()) refs.push_back({std::move(reference).value(), std::move(record.value().image), record.value().tagged});
    }
    return refs;
}

Result<std::map<std::string, ImageRecord>> read_images(const Store& store) {
    const Fd folder = TRY(open_part(store, "images"));
    const std::vector<std::string> names = TRY(list_folder(folder));
    std::map<std::string, ImageRecord> images;
    for (const std::string& name : names) {
        const std::string hex = name.substr(0, name.find('.'));
        if (!is_hex_key(hex) || name != image_file_name(hex)) continue;
        Result<ImageRecord> record = read_record<ImageRecord>(folder, name);
        if (record.ok()) images.emplace_hint(images.end(), hex, std::move(record).value());
    }
    return images;
}

Result<void> remove_ref(const Store& store, const Reference& reference) {
    const Fd folder = TRY(open_part(store, "refs"));
    auto removed = sys::unlinkat(folder, ref_file_name(reference));
    if (!removed.ok() && removed.error().code() != ENOENT) return removed;
    return sys::fsync(folder);
}

Result<void> write_new_file(const Fd& folder, const std::string& name, std::string_view text, mode_t mode) {
    Fd file = TRY(sys::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode), "create ", name);
    TRY(sys::write_all(file, text), "write ", name);
    return file.close();
}

Result<std::set<std::string>> leased(const Store& store) {
    const Fd folder = TRY(open_part(store, "leases"));
    const std::vector<std::string> names = TRY(list_folder(folder));
    std::set<std::string> held;
    for (const std::string& name : names) {
        Result<Fd> opened = sys::openat(folder, name, O_RDONLY | O_NOFOLLOW);
        if (!opened.ok()) continue;
        Fd probe = TRY(opened.value().duplicate());
        // A lock that can be had was its dead owner's.
        if (DirLock::try_now(std::move(probe), LockMode::exclusive).ok()) continue;
        const std::string text = TRY(read_all(opened.value(), 64u << 20), "lease ", name);
        for (std::string_view rest = text; rest.size() >= 65; rest.remove_prefix(65)) held.emplace(rest.substr(0, 64));
    }
    return held;
}

Result<std::vector<std::string>> list_sharded(const Store& store, const std::string& part) {
    const Fd folder = TRY(open_part(store, part));
    const std::vector<std::string> shards = TRY(list_folder(folder));
    std::vector<std::string> keys;
    for (const std::string& shard : shards) {
        const Result<Fd> opened = sys::openat(folder, shard, O_RDONLY | O_DIRECTORY);
        if (!opened.ok()) continue;
        const std::vector<std::string> names = TRY(list_folder(opened.value()));
        for (const std::string& name : names)
            if (is_hex_key(name)) keys.push_back(name);
    }
    return keys;
}

LayerRef layer_ref(const std::string& key, const LayerMeta& meta, const Digest& diff_id) {
    constexpr std::int64_t empty_tar = 1024;  // Two blocks of zeros.
    return LayerRef{diff_id, key, meta.size, meta.tar_size == empty_tar};
}

Result<std::vector<std::string>> known_manifests(const Store& store, const Store::Listed& image) {
    constexpr std::size_t most = 10'000;  // An index that names itself, or a tree of them, ends somewhere.
    std::vector<std::string> digests;
    for (const Reference& name : image.digests) digests.push_back(name.digest());
    for (std::size_t i = 0; i < digests.size() && digests.size() < most; ++i) {
        const Result<Digest> digest = Digest::parse(digests[i]);
        if (!digest.ok()) continue;
        const Result<std::string> text = store.read_blob(digest.value());
        if (!text.ok()) continue;
        const Result<Manifest> manifest = parse_manifest(text.value());
        if (!manifest.ok()) continue;
        for (const Descriptor& member : manifest.value().manifests)
            if (std::ranges::find(digests, member.digest) == digests.end()) digests.push_back(member.digest);
    }
    return digests;
}

}  // namespace berth::image
