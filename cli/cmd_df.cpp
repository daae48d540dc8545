// system df: what takes room on disk (docker: system df).

#include <algorithm>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/status_text.h"
#include "cli/texts.h"
#include "container/prune.h"
#include "image/views.h"

namespace berth::cli {
namespace {

struct DfLine {
    std::string type;
    std::int64_t total = 0, active = 0, size = 0, reclaimable = 0;
};

struct Df {
    image::StoreUsage images;
    std::vector<container::Record> containers;
    std::vector<container::ContainerSize> container_sizes;
    std::vector<container::Volume> volumes;
    std::vector<std::int64_t> volume_sizes;
    std::map<std::string, std::vector<std::string>> users;
    std::vector<builder::CacheEntry> cache;
};

Result<Df> measure(container::Engine& engine) {
    Df out;
    const image::Store* store = TRY(engine.images());
    const std::vector<image::ImageUse> uses = TRY(image_uses(engine));
    out.images = TRY(image::store_usage(*store, uses));
    out.containers = TRY(container::list(engine));
    for (const container::Record& record : out.containers)
        out.container_sizes.push_back(TRY(container::container_size(engine, record)));
    const container::Volumes* volumes = TRY(engine.volumes());
    out.volumes = TRY(volumes->list());
    for (const container::Volume& volume : out.volumes) out.volume_sizes.push_back(TRY(volumes->size_bytes(volume)));
    out.users = TRY(container::volume_users(engine));
    out.cache = TRY(builder::list_cache(engine));
    return out;
}

std::vector<DfLine> summarise(const Df& df) {
    DfLine images{"Images", static_cast<std::int64_t>(df.images.images.size()), df.images.active, df.images.total,
                  df.images.reclaimable};
    DfLine containers{"Containers", static_cast<std::int64_t>(df.containers.size()), 0, 0, 0};
    for (std::size_t i = 0; i < df.containers.size(); ++i) {
        const auto bytes = static_cast<std::int64_t>(df.container_sizes[i].rw_bytes);
        const bool runs = df.containers[i].run.state.running();
        containers.size += bytes;
        containers.active += runs;
        if (!runs) containers.reclaimable += bytes;
    }
    DfLine volumes{"Local Volumes", static_cast<std::int64_t>(df.volumes.size()), 0, 0, 0};
    for (std::size_t i = 0; i < df.volumes.size(); ++i) {
        const bool is_used = df.users.contains(df.volumes[i].name);
        volumes.size += df.volume_sizes[i];
        volumes.active += is_used;
        if (!is_used) volumes.reclaimable += df.volume_sizes[i];
    }
    DfLine cache{"Build Cache", static_cast<std::int64_t>(df.cache.size()), 0, 0, 0};
    for (const builder::CacheEntry& entry : df.cache) {
        cache.size += static_cast<std::int64_t>(entry.size);
        cache.active += entry.in_use;
        if (!entry.in_use) cache.reclaimable += static_cast<std::int64_t>(entry.size);
    }
    return {images, containers, volumes, cache};
}

std::string reclaimable_text(const DfLine& line) {
    const std::string size = decimal_size(line.reclaimable, 4);
    return line.size > 0 ? cat(size, " (", line.reclaimable * 100 / line.size, "%)") : size;
}

std::vector<Json> image_rows(const Df& df, bool whole, Moment now) {
    std::vector<Json> rows;
    for (const image::ImageUsage& image : df.images.images) {
        std::vector<std::pair<std::string, std::string>> names;
        for (const image::Reference& name : image.names)
            names.emplace_back(name.familiar_name(), name.tag().empty() ? "<none>" : name.tag());
        if (names.empty()) names.emplace_back("<none>", "<none>");
        for (const auto& [name, tag] : names)
            rows.push_back(make_row({{"Repository", name},
                                     {"Tag", tag},
                                     {"ID", whole ? image.id.str() : std::string(image.id.short_id())},
                                     {"CreatedAt", moment_words(image.created)},
                                     {"CreatedSince", age_words(image.created, now)},
                                     {"Size", decimal_size(image.size)},
                                     {"SharedSize", decimal_size(image.shared, 4)},
                                     {"UniqueSize", decimal_size(image.unique, 4)},
                                     {"Containers", cat(image.containers)}}));
    }
    return rows;
}

std::vector<Json> container_rows(const Df& df, bool whole, Moment now) {
    std::vector<Json> rows;
    for (std::size_t i = 0; i < df.containers.size(); ++i) {
        const container::Record& record = df.containers[i];
        const container::Definition& d = record.definition;
        const auto volumes = std::ranges::count(d.mounts, container::MountType::volume, &container::MountPoint::type);
        rows.push_back(make_row({{"ID", whole ? record.id() : std::string(record.short_id())},
                                 {"Image", d.config.image},
                                 {"Command", command_column(d, whole)},
                                 {"LocalVolumes", cat(volumes)},
                                 {"Size", decimal_size(static_cast<std::int64_t>(df.container_sizes[i].rw_bytes))},
                                 {"CreatedAt", moment_words(d.created)},
                                 {"RunningFor", age_words(d.created, now)},
                                 {"State", std::string(container::status_word(record.run.state.status))},
                                 {"Status", status_text(record.run.state, now)},
                                 {"Names", record.name()}}));
    }
    return rows;
}

std::vector<Json> volume_rows(const Df& df) {
    std::vector<Json> rows;
    for (std::size_t i = 0; i < df.volumes.size(); ++i) {
        const container::Volume& volume = df.volumes[i];
        const auto users = df.users.find(volume.name);
        rows.push_back(make_row({{"Name", volume.name},
                                 {"Driver", volume.driver},
                                 {"Scope", volume.scope},
                                 {"Mountpoint", volume.mountpoint},
                                 {"Links", cat(users == df.users.end() ? 0 : users->second.size())},
                                 {"Size", decimal_size(df.volume_sizes[i])}}));
    }
    return rows;
}

std::vector<Json> cache_rows(const Df& df, bool whole, Moment now) {
    std::vector<Json> rows;
    for (const builder::CacheEntry& entry : df.cache)
        rows.push_back(make_row({{"ID", whole ? entry.id : entry.id.substr(0, 12)},
                                 {"CacheType", entry.kind},
                                 {"Description", entry.description},
                                 {"Size", decimal_size(static_cast<std::int64_t>(entry.size))},
                                 {"CreatedAt", moment_words(entry.created)},
                                 {"CreatedSince", age_words(entry.created, now)},
                                 {"LastUsedAt", moment_words(entry.last_used)},
                                 {"LastUsedSince", age_words(entry.last_used, now)},
                                 {"InUse", entry.in_use ? "true" : "false"}}));
    return rows;
}

Result<std::string> df_tables(const Df& df) {
    const Moment now = berth::now();
    const auto table = [](std::vector<Column> columns, const std::vector<Json>& rows) {
        ListingOptions listing;
        listing.columns = std::move(columns);
        return listing_text(listing, rows);
    };
    const std::string images = TRY(table({{"Repository", "REPOSITORY"},
                                          {"Tag", "TAG"},
                                          {"ID", "IMAGE ID"},
                                          {"CreatedSince", "CREATED"},
                                          {"Size", "SIZE"},
                                          {"SharedSize", "SHARED SIZE"},
                                          {"UniqueSize", "UNIQUE SIZE"},
                                          {"Containers", "CONTAINERS"}},
                                         image_rows(df, false, now)));
    const std::string containers = TRY(table({{"ID", "CONTAINER ID"},
                                              {"Image", "IMAGE"},
                                              {"Command", "COMMAND"},
                                              {"LocalVolumes", "LOCAL VOLUMES"},
                                              {"Size", "SIZE"},
                                              {"RunningFor", "CREATED"},
                                              {"Status", "STATUS"},
                                              {"Names", "NAMES"}},
                                             container_rows(df, false, now)));
    const std::string volumes = TRY(table({{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}, volume_rows(df)));
    const std::string cache = TRY(table({{"ID", "CACHE ID"},
                                         {"CacheType", "CACHE TYPE"},
                                         {"Size", "SIZE"},
                                         {"CreatedSince", "CREATED"},
                                         {"LastUsedSince", "LAST USED"},
                                         {"InUse", "IN USE"}},
                                        cache_rows(df, false, now)));
    return cat("Images space usage:\n\n", images, "\nContainers space usage:\n\n", containers, "\nLocal Volumes space usage:\n\n",
               volumes, "\nBuild cache usage: ", decimal_size(summarise(df)[3].size, 4), "\n\n", cache);
}

/// All rows of -v as one object, for --format.
Json df_document(const Df& df) {
    const Moment now = berth::now();
    return Json(Json::Object{{"Images", image_rows(df, true, now)},
                             {"Containers", container_rows(df, true, now)},
                             {"Volumes", volume_rows(df)},
                             {"BuildCache", cache_rows(df, true, now)}});
}

}  // namespace

Action define_system_df(Parser& p) {
    struct Options {
        bool verbose = false;
        std::string format;
    };
    const auto options = std::make_shared<Options>();
    p.usage("", 0, 0);
    p.flag("-v,--verbose", options->verbose, "Show each image, container, volume and cache entry");
    describe_format(p, options->format);
    p.about(
        "Shows how much images, containers, volumes and the build cache take on disk, and how much of it nothing uses. Layers "
        "that images share are counted once.");
    p.see_also("system prune, images, ps");
    return [options](Session& session, const Words&) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const Df df = TRY(measure(*engine));
        const bool is_table = options->format.empty() || options->format == "table";
        if (options->verbose) return print(TRY(is_table ? df_tables(df) : formatted_object(options->format, df_document(df)))), 0;
        std::vector<Json> rows;
        for (const DfLine& line : summarise(df))
            rows.push_back(make_row({{"Type", line.type},
                                     {"TotalCount", cat(line.total)},
                                     {"Active", cat(line.active)},
                                     {"Size", decimal_size(line.size, 4)},
                                     {"Reclaimable", reclaimable_text(line)}}));
        ListingOptions listing;
        listing.format = options->format;
        listing.columns = {
            {"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}};
        TRY(print_listing(listing, rows));
        return 0;
    };
}

}  // namespace berth::cli
