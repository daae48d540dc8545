// `system check`: what the store says about itself against what is there. See views.h.

#include <set>
#include <unordered_map>

#include "image/store_files.h"
#include "image/views.h"

namespace berth::image {
namespace {

class Checker {
public:
    Checker(const Store& store, const CheckOptions& options) : store_(store), options_(options) {}
    Result<CheckReport> run(const std::vector<ImageUse>& uses);

private:
    void problem(std::string text) { report_.problems.push_back(std::move(text)); }
    void repaired(std::string text) { report_.repairs.push_back(std::move(text)); }
    Result<void> check_refs();
    Result<void> check_records();
    Result<void> check_image(const Store::Listed& image);
    bool is_sound(const std::string& key);
    std::string judge_layer(const std::string& key);
    Result<void> repair(const std::vector<Store::Listed>& broken, const std::vector<ImageUse>& uses);

    const Store& store_;
    const CheckOptions& options_;
    CheckReport report_;
    std::unordered_map<std::string, std::string> layers_;  ///< key to what is wrong, "" when nothing is
};

/// Files in refs/ that cannot be read or name an image that is gone.
Result<void> Checker::check_refs() {
    const Fd folder = TRY(open_part(store_, "refs"));
    const std::vector<std::string> files = TRY(list_folder(folder));
    for (const std::string& file : files) {
        const Result<RefRecord> record = read_record<RefRecord>(folder, file);
        std::string wrong;
        if (!file.ends_with(".json")) wrong = cat("name file ", file, ": left over from an interrupted write");
        else if (!record.ok()) wrong = cat("name file ", file, ": ", record.error().text());
        else if (const Result<ImageId> id = ImageId::parse(record.value().image); !id.ok() || !store_.load_record(id.value()).ok())
            wrong = cat("name ", record.value().name, ": its image ", record.value().image, " is gone");
        if (wrong.empty()) continue;
        problem(wrong);
        if (!options_.repair) continue;
        const DirLock lock = TRY(lock_refs(store_));
        TRY(sys::unlinkat(folder, file));
        repaired(cat("removed: ", wrong));
    }
    return {};
}

Result<void> Checker::check_records() {
    const Fd folder = TRY(open_part(store_, "images"));
    const std::vector<std::string> files = TRY(list_folder(folder));
    for (const std::string& file : files) {
        const Result<ImageRecord> record = read_record<ImageRecord>(folder, file);
        if (record.ok() && file.size() == 64 + 5) continue;
        problem(cat("image file ", file, ": ", record.ok() ? "left over from an interrupted write" : record.error().text()));
        if (!options_.repair) continue;
        TRY(sys::unlinkat(folder, file));
        repaired(cat("removed image file ", file));
    }
    return {};
}

/// What is wrong with a layer, "" when nothing is.
std::string Checker::judge_layer(const std::string& key) {
    const Result<Fd> folder = store_.open_layer(key);
    if (!folder.ok()) return "is missing";
    const Result<LayerMeta> meta = store_.load_layer(key);
    if (!meta.ok()) return meta.error().text();
    if (!options_.deep && is_trusted(folder.value(), meta.value())) return {};
    DigestSink sink;
    if (const Result<void> read = write_layer_tar(folder.value(), sink); !read.ok()) return read.error().text();
    return sink.finish().str() == meta.value().diff_id ? std::string() : std::string("content does not match its digest");
}

bool Checker::is_sound(const std::string& key) {
    const auto [known, is_new] = layers_.try_emplace(key);
    if (is_new) {
        ++report_.layers;
        known->second = judge_layer(key);
        if (!known->second.empty()) problem(cat("layer ", key, ": ", known->second));
    }
    return known->second.empty();
}

Result<void> Checker::check_image(const Store::Listed& image) {
    const Image loaded = TRY(store_.load(image.id));
    const auto& diff_ids = loaded.config.rootfs.diff_ids;
    if (diff_ids.size() != image.record.layers.size()) return Error(Kind::corrupt, "record and configuration name different layers");
    std::size_t damaged = 0;
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        if (!is_sound(image.record.layers[i])) {
            ++damaged;
            continue;
        }
        const LayerMeta meta = TRY(store_.load_layer(image.record.layers[i]));
        if (meta.diff_id != diff_ids[i].str()) return Error(Kind::corrupt, cat("layer ", i + 1, " is not the one its configuration names"));
    }
    return damaged == 0 ? Result<void>() : Error(Kind::corrupt, cat(damaged, " of its layers are damaged"));
}

/// Images that cannot run any more go; so do damaged layers, to be made or fetched again.
Result<void> Checker::repair(const std::vector<Store::Listed>& broken, const std::vector<ImageUse>& uses) {
    for (const Store::Listed& image : broken) {
        Result<Removal> removed = store_.remove(image.id.str(), Store::Force::yes, Store::Parents::keep, uses);
        if (removed.ok()) repaired(cat("removed image ", image.id.short_id()));
        else problem(removed.error().text());
    }
    for (const auto& [key, wrong] : layers_) {
        if (wrong.empty() || wrong == "is missing") continue;
        const DirLock gc = TRY(lock_gc(store_, LockMode::exclusive));
        Result<void> moved = sys::renameat(store_.folder(), layer_path(key), store_.folder(), cat("trash/", key, "-", random_hex(4)));
        if (moved.ok()) repaired(cat("removed layer ", key));
    }
    TRY(empty_trash(store_));
    TRY(store_.sweep(uses));
    return {};
}

Result<CheckReport> Checker::run(const std::vector<ImageUse>& uses) {
    TRY(check_records());
    TRY(check_refs());
    std::vector<Store::Listed> broken;
    const std::vector<Store::Listed> images = TRY(store_.list());
    for (const Store::Listed& image : images) {
        ++report_.images;
        Result<void> good = check_image(image);
        if (good.ok()) continue;
        problem(cat("image ", image.id.short_id(), image.names.empty() ? "" : " ", image.names.empty() ? "" : image.names.front().str(), ": ", good.error().text()));
        broken.push_back(image);
    }
    const std::vector<NamedCacheEntry> cache = TRY(read_cache(store_));
    for (const NamedCacheEntry& cached : cache)
        for (const std::string& key : cached.entry.layers) is_sound(key);
    for (const ImageUse& use : uses)
        for (const std::string& key : use.layers)
            if (!is_sound(key)) problem(cat("container ", use.container_name, ": stands on the damaged layer ", key));
    if (options_.repair) TRY(repair(broken, uses));
    return std::move(report_);
}

}  // namespace

Result<CheckReport> check_store(const Store& store, const CheckOptions& options, const std::vector<ImageUse>& uses) {
    return Checker(store, options).run(uses);
}

}  // namespace berth::image
