// system df: what takes room on disk (docker: system df).

#include <algorithm>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/status_text.h"
#include "cli/table.h"
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

std::string cache_details(const Df& df, Moment now) {
    std::int64_t cached = 0;
    Table cache({"CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "IN USE"});
    for (const builder::CacheEntry& entry : df.cache) {
        cached += static_cast<std::int64_t>(entry.size);
        cache.add({entry.id.substr(0, 12), entry.kind, decimal_size(static_cast<std::int64_t>(entry.size), 4),
                   age_words(entry.created, now), age_words(entry.last_used, now), entry.in_use ? "true" : "false"});
    }
    return cat("Build cache usage: ", decimal_size(cached, 4), "\n\n", cache.text());
}

std::string df_details(const Df& df) {
    const Moment now = berth::now();
    Table images({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"});
    for (const image::ImageUsage& image : df.images.images) {
        std::vector<std::pair<std::string, std::string>> names;
        for (const image::Reference& name : image.names)
            names.emplace_back(name.familiar_name(), name.tag().empty() ? "<none>" : name.tag());
        if (names.empty()) names.emplace_back("<none>", "<none>");
        for (const auto& [name, tag] : names)
            images.add({name, tag, std::string(image.id.short_id()), age_words(image.created, now), decimal_size(image.size, 4),
                        decimal_size(image.shared, 4), decimal_size(image.unique, 4), cat(image.containers)});
    }
    Table containers({"CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"});
    for (std::size_t i = 0; i < df.containers.size(); ++i) {
        const container::Record& record = df.containers[i];
        const auto volumes =
            std::ranges::count(record.definition.mounts, container::MountType::volume, &container::MountPoint::type);
        containers.add({std::string(record.short_id()), record.definition.config.image, command_column(record.definition, false),
                        cat(volumes), decimal_size(static_cast<std::int64_t>(df.container_sizes[i].rw_bytes), 4),
                        age_words(record.definition.created, now), status_text(record.run.state, now), record.name()});
    }
    Table volumes({"VOLUME NAME", "LINKS", "SIZE"});
    for (std::size_t i = 0; i < df.volumes.size(); ++i) {
        const auto users = df.users.find(df.volumes[i].name);
        volumes.add(
            {df.volumes[i].name, cat(users == df.users.end() ? 0 : users->second.size()), decimal_size(df.volume_sizes[i], 4)});
    }
    return cat("Images space usage:\n\n", images.text(), "\nContainers space usage:\n\n", containers.text(),
               "\nLocal Volumes space usage:\n\n", volumes.text(), "\n", cache_details(df, now));
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
        if (options->verbose) return print(df_details(df)), 0;
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
