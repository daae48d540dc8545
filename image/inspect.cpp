// `image inspect`, `history` and the numbers of `system df`: see views.h.

#include <algorithm>
#include <set>
#include <unordered_map>

#include "image/store_files.h"
#include "image/views.h"

namespace berth::image {
namespace {

Json names_json(const std::vector<Reference>& names) {
    Json::Array list;
    for (const Reference& name : names) list.emplace_back(name.str());
    return list;
}

std::string created_text(const std::optional<Moment>& created) {
    // 1970 is a real time here: reproducible builds set it.
    if (created && created->nanoseconds == 0) return "1970-01-01T00:00:00Z";
    return moment_text(created.value_or(Moment{}));
}

Json graph_driver(const Store& store, const ImageRecord& record) {
    Json data;
    const auto folder = [&](const std::string& key) { return cat(store.root(), "/", layer_path(key), "/fs"); };
    std::string lower;
    for (auto key = record.layers.rbegin(); key != record.layers.rend(); ++key)
        if (key != record.layers.rbegin()) lower += cat(lower.empty() ? "" : ":", folder(*key));
    if (!lower.empty()) data.set("LowerDir", lower);
    if (!record.layers.empty()) data.set("UpperDir", folder(record.layers.back()));
    Json driver;
    driver.set("Data", data.is_null() ? Json() : std::move(data));
    driver.set("Name", "overlay2");
    return driver;
}

Result<Moment> last_tag_time(const Store& store, const ImageId& id) {
    Moment last;
    const std::vector<NamedImage> refs = TRY(read_refs(store));
    for (const NamedImage& ref : refs)
        if (ref.image == id.str()) last = std::max(last, ref.tagged);
    return last;
}

Json root_fs(const RootFs& rootfs) {
    Json json;
    json.set("Type", rootfs.type);
    Json::Array layers;
    for (const Digest& diff_id : rootfs.diff_ids) layers.emplace_back(diff_id.str());
    if (!layers.empty()) json.set("Layers", std::move(layers));
    return json;
}

}  // namespace

Result<Json> inspect_image(const Store& store, const ImageId& id) {
    const Image image = TRY(store.load(id));
    const Store::Listed listed = TRY(store.list_one(id));
    const ImageConfig& config = image.config;
    const bool has_comment = config.comment.empty() && !config.history.empty();
    Json out;
    out.set("Id", id.str());
    out.set("RepoTags", names_json(listed.names));
    out.set("RepoDigests", names_json(listed.digests));
    out.set("Parent", image.record.parent);
    out.set("Comment", has_comment ? config.history.back().comment : config.comment);
    out.set("Created", created_text(config.created));
    out.set("DockerVersion", config.docker_version);
    out.set("Author", config.author);
    out.set("Config", to_json(config.config));
    out.set("Architecture", config.architecture);
    if (!config.variant.empty()) out.set("Variant", config.variant);
    out.set("Os", config.os);
    if (!config.os_version.empty()) out.set("OsVersion", config.os_version);
    out.set("Size", image.record.size);
    out.set("VirtualSize", image.record.size);
    out.set("GraphDriver", graph_driver(store, image.record));
    out.set("RootFS", root_fs(config.rootfs));
    Json metadata;
    metadata.set("LastTagTime", moment_text(TRY(last_tag_time(store, id))));
    out.set("Metadata", std::move(metadata));
    return out;
}

Result<std::vector<HistoryRow>> image_history(const Store& store, const ImageId& id) {
    const Image image = TRY(store.load(id));
    const std::vector<Store::Listed> all = TRY(store.list());
    const auto names_of = [&](const ImageId& wanted) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const Store::Listed& i) { return i.id == wanted; });
        return found == all.end() ? std::vector<Reference>() : found->names;
    };

    std::vector<HistoryRow> rows;
    std::size_t layer = 0;
    for (const HistoryEntry& entry : image.config.history) {
        HistoryRow row{{}, entry.created, entry.created_by, 0, entry.comment, {}};
        if (!entry.empty_layer && layer < image.record.layers.size()) {
            const LayerMeta meta = TRY(store.load_layer(image.record.layers[layer++]));
            row.size = meta.size;
        }
        rows.push_back(std::move(row));
    }
    std::reverse(rows.begin(), rows.end());

    // The image's own row is the newest; its parent's begins where the parent's history ends.
    std::optional<ImageId> ancestor = id;
    while (ancestor && !rows.empty()) {
        const Result<Image> loaded = store.load(*ancestor);
        if (!loaded.ok() || loaded.value().config.history.empty() || loaded.value().config.history.size() > rows.size()) break;
        HistoryRow& row = rows[rows.size() - loaded.value().config.history.size()];
        if (row.id) break;
        row.id = ancestor;
        row.names = names_of(*ancestor);
        Result<ImageId> parent = ImageId::parse(loaded.value().record.parent);
        ancestor = parent.ok() ? std::optional(std::move(parent).value()) : std::nullopt;
    }
    return rows;
}

Result<StoreUsage> store_usage(const Store& store, const std::vector<ImageUse>& uses) {
    const std::vector<Store::Listed> images = TRY(store.list());
    std::unordered_map<std::string, int> holders;
    for (const Store::Listed& image : images) {
        const std::set<std::string> layers(image.record.layers.begin(), image.record.layers.end());
        for (const std::string& key : layers) ++holders[key];
    }
    std::unordered_map<std::string, std::int64_t> sizes;
    StoreUsage usage;
    for (const auto& [key, count] : holders) {
        const Result<LayerMeta> meta = store.load_layer(key);
        sizes[key] = meta.ok() ? meta.value().size : 0;
        usage.total += sizes[key];
    }
    std::set<std::string> needed;  // by images with a container
    for (const Store::Listed& image : images) {
        ImageUsage row{image.id, image.names, image.record.created, image.record.size, 0, 0, 0};
        const std::set<std::string> layers(image.record.layers.begin(), image.record.layers.end());
        for (const std::string& key : layers) (holders[key] > 1 ? row.shared : row.unique) += sizes[key];
        row.containers = std::count_if(uses.begin(), uses.end(), [&](const ImageUse& use) { return use.image == image.id.str(); });
        if (row.containers > 0) {
            ++usage.active;
            needed.insert(layers.begin(), layers.end());
        }
        usage.images.push_back(std::move(row));
    }
    usage.reclaimable = usage.total;
    for (const std::string& key : needed) usage.reclaimable -= sizes[key];

    usage.cache = TRY(store.list_cache());
    std::set<std::string> cached;
    for (const Store::CacheListed& entry : usage.cache)
        for (const std::string& key : entry.entry.layers)
            if (!holders.contains(key) && cached.insert(key).second)
                if (const Result<LayerMeta> meta = store.load_layer(key); meta.ok()) usage.cache_total += meta.value().size;
    return usage;
}

}  // namespace berth::image
