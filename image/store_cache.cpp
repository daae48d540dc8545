// The builder's results: cache/<key>.json. An entry keeps its layers in the store; when it was used last is the time of its
// file, so that a hit writes nothing.

#include "image/store_cache.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include <sys/stat.h>

#include "image/store_files.h"

namespace berth::image {
namespace {

struct CacheRecord {
    std::int64_t version = 1;
    std::vector<std::string> layers;
    Json value;
    Moment created;
};
template <class Io>
void fields(Io& io, CacheRecord& r) {
    io.required("version", r.version);
    io.required("layers", r.layers);
    io.required("value", r.value);
    io.required("created", r.created);
}

Result<CacheEntry> read_entry(const Fd& folder, const std::string& name) {
    CacheRecord record = TRY(read_record<CacheRecord>(folder, name));
    const struct stat status = TRY(sys::fstatat(folder, name));
    const Moment used{status.st_mtim.tv_sec * 1'000'000'000ll + status.st_mtim.tv_nsec};
    return CacheEntry{std::move(record.layers), std::move(record.value), record.created, used};
}

}  // namespace

Result<std::vector<NamedCacheEntry>> read_cache(const Store& store) {
    const Fd folder = TRY(open_part(store, "cache"));
    const std::vector<std::string> names = TRY(list_folder(folder));
    std::vector<NamedCacheEntry> entries;
    for (const std::string& name : names) {
        const std::string hex = name.substr(0, name.find('.'));
        if (!is_hex_key(hex) || name != hex + ".json") continue;
        // A damaged entry is only a step that runs again.
        Result<CacheEntry> entry = read_entry(folder, name);
        Result<Digest> key = Digest::parse("sha256:" + hex);
        if (entry.ok() && key.ok()) entries.push_back({std::move(key).value(), std::move(entry).value()});
    }
    return entries;
}

Result<std::optional<CacheEntry>> Store::find_cached(const Lease& lease, const Digest& key) const {
    const Fd folder = TRY(open_part(*this, "cache"));
    const std::string name = cat(key.hex(), ".json");
    Result<CacheEntry> entry = read_entry(folder, name);
    if (!entry.ok()) return std::optional<CacheEntry>();
    for (const std::string& layer : entry.value().layers)
        if (!TRY(pin(lease, layer))) return std::optional<CacheEntry>();
    ignore(::utimensat(folder.raw(), name.c_str(), nullptr, 0) == 0 ? Result<void>() : Result<void>(Error::of_errno(errno, name)),
           "when an entry was used decides only when it goes");
    return std::optional(std::move(entry).value());
}

Result<void> Store::store_cached(const Digest& key, const std::vector<std::string>& layers, const Json& value) const {
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
    const Fd folder = TRY(open_part(*this, "cache"));
    const CacheRecord record{1, layers, value, now()};
    // Not flushed: an entry that a power cut takes is a step that runs again.
    return TRY(publish_file(*this, folder, cat(key.hex(), ".json"), json_text(to_json(record)), Durability::boot), "build cache"), Result<void>();
}

Result<void> drop_cached(const Store& store, const Digest& key) {
    const Fd folder = TRY(open_part(store, "cache"));
    auto removed = sys::unlinkat(folder, cat(key.hex(), ".json"));
    if (!removed.ok() && removed.error().code() != ENOENT) return std::move(removed).error().context("build cache");
    return {};
}

Result<std::vector<Store::CacheListed>> Store::list_cache() const {
    std::map<std::string, bool> has_image;
    const auto images = TRY(read_images(*this));
    for (const auto& [hex, record] : images)
        for (const std::string& layer : record.layers) has_image[layer] = true;
    std::vector<CacheListed> list;
    std::vector<NamedCacheEntry> entries = TRY(read_cache(*this));
    for (NamedCacheEntry& named : entries) {
        std::int64_t size = 0;
        for (const std::string& layer : named.entry.layers)
            if (!has_image.contains(layer))
                if (const Result<LayerMeta> meta = load_layer(layer); meta.ok()) size += meta.value().size;
        list.push_back({std::move(named.key), std::move(named.entry), size});
    }
    std::sort(list.begin(), list.end(), [](const CacheListed& a, const CacheListed& b) { return a.entry.used > b.entry.used; });
    return list;
}

Result<std::int64_t> Store::prune_cache(const std::function<bool(const CacheListed&)>& is_wanted, const std::vector<ImageUse>& uses) const {
    const std::vector<CacheListed> list = TRY(list_cache());
    for (const CacheListed& cached : list)
        if (is_wanted(cached)) TRY(drop_cached(*this, cached.key));
    return sweep(uses);
}

}  // namespace berth::image
