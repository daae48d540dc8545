#include "cli/prune.h"

#include <algorithm>

#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "container/history.h"
#include "image/views.h"

namespace berth::cli {

void describe_prune(Parser& p, PruneOptions& options) {
    describe_filters(p, "--filter", options.filters, "Only some: until=24h, label=KEY[=VALUE], label!=KEY[=VALUE]");
    p.flag("-f,--force", options.force, "Do not ask");
    p.flag("--dry-run", options.dry_run, "Tell what would go, remove nothing");
}

Result<container::PruneFilter> make_prune_filter(const FilterTerms& terms) {
    container::PruneFilter out;
    for (const auto& [key, value] : terms) {
        if (key == "until")
            out.until = TRY(parse_time_point(value, now()), "--filter until");
        else if (key == "label")
            out.labels.push_back(value);
        else if (key == "label!")
            out.labels_not.push_back(value);
        else
            return Error(Kind::invalid, cat("invalid filter '", key, "'")).with_hint("filters here are until, label and label!");
    }
    return out;
}

bool may_prune(const PruneOptions& options, std::string_view warning) {
    if (options.force || options.dry_run) return true;
    tell(cat("WARNING! This will remove ", warning, "\n"));
    if (!is_terminal(0)) {
        tell("Nothing was removed: standard input is not a terminal (use -f to do it without a question)\n");
        return false;
    }
    return ask_yes_no("Are you sure you want to continue?");
}

std::string reclaimed_text(const PruneOptions& options, std::uint64_t bytes) {
    return cat(options.dry_run ? "Would reclaim: " : "Total reclaimed space: ", decimal_size(static_cast<std::int64_t>(bytes), 4),
               "\n");
}

Result<std::pair<std::string, std::uint64_t>> prune_images(container::Engine& engine, const PruneOptions& options,
                                                           const FilterTerms& terms) {
    const image::Store* store = TRY(engine.images());
    FilterTerms rest;
    image::Store::PruneOptions choice;
    choice.all = options.all;
    choice.dry_run = options.dry_run;
    for (const auto& [key, value] : terms) {
        if (key == "dangling")
            choice.all = !TRY(parse_boolean(value), "--filter dangling");
        else
            rest.emplace_back(key, value);
    }
    if (!rest.empty()) choice.is_wanted = TRY(image::prune_filter(rest));
    if (options.keep) {
        // The newest of each repository stay; an image that has a name elsewhere too is judged by the first it has.
        std::map<std::string, std::int64_t> seen;
        std::vector<std::string> kept;
        for (const auto& listed : TRY(store->list()))
            if (!listed.names.empty() && seen[listed.names.front().name()]++ < *options.keep) kept.push_back(listed.id.str());
        choice.all = true;
        choice.is_wanted = [kept, before = choice.is_wanted](const image::Store::Listed& listed) {
            return std::ranges::find(kept, listed.id.str()) == kept.end() && (!before || before(listed));
        };
    }
    const std::vector<image::ImageUse> uses = TRY(image_uses(engine));
    const std::vector<container::NamedImage> before = container::named_images(*store);
    const image::Removal removal = TRY(store->prune(choice, uses));
    if (!options.dry_run) {
        std::vector<container::Event> events = container::removal_events(before, removal);
        events.push_back(container::prune_event("image", static_cast<std::uint64_t>(removal.freed)));
        container::note(store->root(), std::move(events));
    }
    std::string text = removal_text(removal, "untagged: ", "deleted: ");
    if (!text.empty()) text = cat("Deleted Images:\n", text, "\n");
    return std::pair(std::move(text), static_cast<std::uint64_t>(removal.freed));
}

}  // namespace berth::cli
