// container, image, network, volume and system prune; builder prune and du (docker: the same).

#include <algorithm>
#include <functional>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/prune.h"
#include "cli/texts.h"
#include "container/history.h"
#include "network/networks.h"

namespace berth::cli {
namespace {

using container::Engine;

container::PruneMode mode_of(const PruneOptions& options) {
    return options.dry_run ? container::PruneMode::only_tell : container::PruneMode::remove;
}

std::string titled(std::string_view title, const std::vector<std::string>& lines) {
    if (lines.empty()) return "";
    return cat(title, "\n", join_text(lines, "\n"), "\n\n");
}

Result<std::vector<std::string>> remove_networks(const Engine& engine, const network::Networks& networks,
                                                 const std::function<bool(const network::Network&)>& wanted) {
    const std::vector<network::Network> before = TRY(networks.list());
    std::vector<std::string> removed = TRY(networks.prune(wanted));
    std::vector<container::Event> events;
    for (const network::Network& network : before)
        if (std::ranges::find(removed, network.name) != removed.end())
            events.push_back(container::network_event(network, "destroy"));
    events.push_back(container::prune_event("network", 0));
    container::note(engine.paths().root, std::move(events));
    return removed;
}

Result<std::vector<std::string>> prune_networks(Engine& engine, const PruneOptions& options, const FilterTerms& terms) {
    const container::PruneFilter filter = TRY(make_prune_filter(terms));
    const network::Networks* networks = TRY(engine.networks());
    const auto wanted = [&](const network::Network& network) { return filter.matches(network.created, network.labels); };
    if (!options.dry_run) return remove_networks(engine, *networks, wanted);
    std::vector<std::string> names;
    for (const network::Network& network : TRY(networks->list()))
        if (network.is_user_defined() && wanted(network) && TRY(networks->members(network)).empty())
            names.push_back(network.name);
    return names;
}

Result<builder::PruneResult> prune_build_cache(Engine& engine, bool all, const Words& filters,
                                               std::optional<std::uint64_t> keep) {
    builder::PruneOptions options;
    options.all = all;
    options.filters = filters;
    options.keep_bytes = keep;
    builder::PruneResult result = TRY(builder::prune_cache(engine, options));
    container::note(engine.paths().root, {container::prune_event("builder", result.freed_bytes)});
    return result;
}

Result<int> system_prune(Session& session, const PruneOptions& options) {
    const FilterTerms terms = TRY(parse_filters(options.filters));
    const container::PruneFilter filter = TRY(make_prune_filter(terms));
    const bool may = may_prune(options, cat("all stopped containers, all unused networks, ",
                                            options.all ? "all images without a container" : "all images without a name",
                                            options.volumes ? ", all unused anonymous volumes" : "",
                                            terms.empty() ? " and unused build cache" : "", "."));
    if (!may) return 0;
    Engine* engine = TRY(session.engine());
    const auto containers = TRY(container::prune_containers(*engine, filter, mode_of(options)));
    std::string text = titled("Deleted Containers:", containers.removed);
    std::uint64_t freed = containers.freed_bytes;
    text += titled("Deleted Networks:", TRY(prune_networks(*engine, options, terms)));
    if (options.volumes) {
        const auto volumes = TRY(container::prune_volumes(*engine, filter, container::VolumeChoice::anonymous, mode_of(options)));
        text += titled("Deleted Volumes:", volumes.removed);
        freed += volumes.freed_bytes;
    }
    const auto [images, image_bytes] = TRY(prune_images(*engine, options, terms));
    text += images;
    freed += image_bytes;
    // A filter that the cache cannot answer must not empty it (docker does).
    if (terms.empty() && !options.dry_run) {
        const auto cache = TRY(prune_build_cache(*engine, options.all, {}, std::nullopt));
        text += titled("Deleted build cache objects:", cache.removed);
        freed += cache.freed_bytes;
    }
    print(cat(text, reclaimed_text(options, freed)));
    return 0;
}

}  // namespace

Action define_container_prune(Parser& p) {
    const auto options = std::make_shared<PruneOptions>();
    p.usage("", 0, 0);
    describe_prune(p, *options);
    p.about("Removes all containers that do not run.");
    p.see_also("rm, system prune");
    return [options](Session& session, const Words&) -> Result<int> {
        const FilterTerms terms = TRY(parse_filters(options->filters));
        const auto filter = TRY(make_prune_filter(terms));
        if (!may_prune(*options, "all stopped containers.")) return 0;
        container::Engine* engine = TRY(session.engine());
        const auto report = TRY(container::prune_containers(*engine, filter, mode_of(*options)));
        print(cat(titled("Deleted Containers:", report.removed), reclaimed_text(*options, report.freed_bytes)));
        return 0;
    };
}

Action define_image_prune(Parser& p) {
    const auto options = std::make_shared<PruneOptions>();
    p.usage("", 0, 0);
    p.flag("-a,--all", options->all, "All images without a container, not only those without a name");
    p.parsed<std::int64_t>("--keep", options->keep, parse_integer, "NUMBER", "Keep the newest so many of each repository");
    describe_prune(p, *options);
    p.about("Removes images that have no name, or with -a all that no container uses.");
    p.example("berth image prune -a --keep 3 --dry-run", "what would go if three of each stay");
    p.see_also("rmi, system df");
    return [options](Session& session, const Words&) -> Result<int> {
        const FilterTerms terms = TRY(parse_filters(options->filters));
        if (!may_prune(*options,
                       options->all ? "all images without at least one container associated to them." : "all dangling images."))
            return 0;
        container::Engine* engine = TRY(session.engine());
        const auto [text, freed] = TRY(prune_images(*engine, *options, terms));
        print(cat(text, reclaimed_text(*options, freed)));
        return 0;
    };
}

Action define_network_prune(Parser& p) {
    const auto options = std::make_shared<PruneOptions>();
    p.usage("", 0, 0);
    describe_prune(p, *options);
    p.about("Removes all networks that you made and no container uses.");
    p.see_also("network rm");
    return [options](Session& session, const Words&) -> Result<int> {
        const FilterTerms terms = TRY(parse_filters(options->filters));
        if (!may_prune(*options, "all custom networks not used by at least one container.")) return 0;
        container::Engine* engine = TRY(session.engine());
        const auto removed = TRY(prune_networks(*engine, *options, terms));
        print(titled("Deleted Networks:", removed));
        return 0;
    };
}

Action define_volume_prune(Parser& p) {
    const auto options = std::make_shared<PruneOptions>();
    p.usage("", 0, 0);
    p.flag("-a,--all", options->all, "Named volumes too, not only anonymous ones");
    describe_prune(p, *options);
    p.about("Removes volumes that no container has.");
    p.see_also("volume rm, system df");
    return [options](Session& session, const Words&) -> Result<int> {
        FilterTerms terms = TRY(parse_filters(options->filters));
        const auto all = std::ranges::find(terms, "all", [](const auto& term) { return term.first; });
        if (all != terms.end()) {
            options->all = TRY(parse_boolean(all->second), "--filter all");
            terms.erase(all);
        }
        const auto filter = TRY(make_prune_filter(terms));
        if (!may_prune(*options, options->all ? "all volumes not used by at least one container."
                                              : "anonymous local volumes not used by at least one container."))
            return 0;
        const auto choice = options->all ? container::VolumeChoice::all : container::VolumeChoice::anonymous;
        container::Engine* engine = TRY(session.engine());
        const auto report = TRY(container::prune_volumes(*engine, filter, choice, mode_of(*options)));
        print(cat(titled("Deleted Volumes:", report.removed), reclaimed_text(*options, report.freed_bytes)));
        return 0;
    };
}

Action define_system_prune(Parser& p) {
    const auto options = std::make_shared<PruneOptions>();
    p.usage("", 0, 0);
    p.flag("-a,--all", options->all, "All images without a container, not only those without a name");
    p.flag("--volumes", options->volumes, "Anonymous volumes that no container has, too");
    describe_prune(p, *options);
    p.about(
        "Removes what nothing uses: stopped containers, networks, images, build cache. With a filter the build cache stays, "
        "since it has no labels.");
    p.example("berth system prune --dry-run", "what would go");
    p.see_also("system df, container prune, image prune, volume prune, builder prune");
    return [options](Session& session, const Words&) { return system_prune(session, *options); };
}

Action define_builder_prune(Parser& p) {
    struct Options {
        PruneOptions prune;
        std::optional<std::int64_t> keep;
    };
    const auto options = std::make_shared<Options>();
    p.usage("", 0, 0);
    p.flag("-a,--all", options->prune.all, "Entries that images use too");
    p.parsed<std::int64_t>("--keep-storage,--reserved-space", options->keep, parse_size, "SIZE",
                           "Keep so much of what was used last");
    describe_filters(p, "--filter", options->prune.filters, "Only some: until=24h, type=…, id=…");
    p.flag("-f,--force", options->prune.force, "Do not ask");
    p.see_also("builder du, system prune");
    return [options](Session& session, const Words&) -> Result<int> {
        if (!may_prune(options->prune, options->prune.all ? "all build cache." : "all dangling build cache.")) return 0;
        std::optional<std::uint64_t> keep;
        if (options->keep) keep = static_cast<std::uint64_t>(*options->keep);
        container::Engine* engine = TRY(session.engine());
        const auto result = TRY(prune_build_cache(*engine, options->prune.all, options->prune.filters, keep));
        print(cat(titled("Deleted build cache objects:", result.removed), reclaimed_text(options->prune, result.freed_bytes)));
        return 0;
    };
}

Action define_builder_du(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("", 0, 0);
    describe_format(p, *format);
    p.see_also("builder prune, system df");
    return [format](Session& session, const Words&) -> Result<int> {
        const Moment now = berth::now();
        std::vector<Json> rows;
        std::uint64_t total = 0;
        container::Engine* engine = TRY(session.engine());
        for (const builder::CacheEntry& entry : TRY(builder::list_cache(*engine))) {
            total += entry.size;
            rows.push_back(make_row({{"ID", entry.id.substr(0, 12)},
                                     {"Type", entry.kind},
                                     {"Description", shortened(entry.description, 60)},
                                     {"Size", decimal_size(static_cast<std::int64_t>(entry.size))},
                                     {"InUse", entry.in_use},
                                     {"LastUsed", age_words(entry.last_used, now)},
                                     {"CreatedSince", age_words(entry.created, now)}}));
        }
        ListingOptions listing;
        listing.format = *format;
        listing.columns = {{"ID", "ID"},        {"Type", "TYPE"},
                           {"Size", "SIZE"},    {"LastUsed", "LAST USED"},
                           {"InUse", "IN USE"}, {"Description", "DESCRIPTION"}};
        TRY(print_listing(listing, rows));
        if (format->empty()) print(cat("Total:\t", decimal_size(static_cast<std::int64_t>(total), 4), "\n"));
        return 0;
    };
}

}  // namespace berth::cli
