// images, history, tag, rmi, image prune, image rename (docker: images, history, tag, rmi, image prune).

#include <algorithm>

#include "cli/cmds.h"
#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/provide_image.h"
#include "cli/prune.h"
#include "cli/texts.h"
#include "container/history.h"
#include "image/views.h"

namespace berth::cli {
namespace {

using image::Reference;

// The store's error, with the nearest name there is.
Result<image::ImageId> resolve(container::Engine& engine, const std::string& name) {
    const image::Store* store = TRY(engine.images());
    auto id = store->resolve(name);
    if (!id.ok() && id.error().kind() == Kind::not_found) return no_such_image(engine, name);
    return id;
}

std::string shown_id(const image::ImageId& id, bool whole) { return whole ? id.str() : std::string(id.short_id()); }

struct ImagesOptions {
    bool all = false, digests = false, no_trunc = false, quiet = false;
    Words filters;
    std::string format;
};

Json make_image_row(const image::ImageRow& row, const ImagesOptions& options, std::int64_t containers, Moment now) {
    const std::string tag = row.name && !row.name->tag().empty() ? row.name->tag() : "<none>";
    return make_row({
        {"ID", shown_id(row.id, options.no_trunc)},
        {"Repository", row.name ? row.name->familiar_name() : "<none>"},
        {"Tag", tag},
        {"Digest", row.digest.empty() ? "<none>" : row.digest},
        {"CreatedSince", age_words(row.created, now)},
        {"CreatedAt", moment_words(row.created)},
        {"Size", decimal_size(row.size)},
        {"VirtualSize", decimal_size(row.size)},
        {"SharedSize", "N/A"},
        {"UniqueSize", "N/A"},
        {"Containers", containers < 0 ? "N/A" : cat(containers)},
    });
}

Result<int> images(Session& session, const ImagesOptions& options, const Words& arguments) {
    const image::Store* store = TRY(session.images());
    image::ImageFilters filters;
    filters.terms = TRY(parse_filters(options.filters));
    filters.name = arguments.empty() ? "" : arguments[0];
    filters.all = options.all;
    const std::vector<image::ImageRow> found = TRY(image::list_images(*store, filters));
    if (options.quiet && options.format.empty()) {
        for (const image::ImageRow& row : found) print_line(shown_id(row.id, options.no_trunc));
        return 0;
    }
    std::map<std::string, std::int64_t> users;
    const bool wants_users = options.format.find(".Containers") != std::string::npos;
    if (wants_users) {
        container::Engine* engine = TRY(session.engine());
        for (const image::ImageUse& use : TRY(image_uses(*engine))) ++users[use.image];
    }
    const Moment now = berth::now();
    std::vector<Json> rows;
    for (const image::ImageRow& row : found)
        rows.push_back(make_image_row(row, options, wants_users ? users[row.id.str()] : -1, now));
    ListingOptions listing;
    listing.format = options.format;
    listing.columns = {
        {"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"}, {"Size", "SIZE"}};
    if (options.digests) listing.columns.insert(listing.columns.begin() + 2, {"Digest", "DIGEST"});
    listing.more_headers = {{"CreatedAt", "CREATED AT"},
                            {"Digest", "DIGEST"},
                            {"SharedSize", "SHARED SIZE"},
                            {"UniqueSize", "UNIQUE SIZE"},
                            {"VirtualSize", "SIZE"}};
    TRY(print_listing(listing, rows));
    return 0;
}

struct HistoryOptions {
    bool human = true, no_trunc = false, quiet = false;
    std::string format;
};

Json make_history_row(const image::HistoryRow& row, const HistoryOptions& options, Moment now) {
    const Moment created = row.created.value_or(Moment{});
    std::string created_by = row.created_by;
    std::ranges::replace(created_by, '\t', ' ');
    return make_row({
        {"ID", row.id ? shown_id(*row.id, options.no_trunc) : "<missing>"},
        {"CreatedSince", options.human ? age_words(created, now) : moment_text(created)},
        {"CreatedAt", moment_text(created)},
        {"CreatedBy", options.no_trunc ? created_by : shortened(created_by, 45)},
        {"Size", options.human ? decimal_size(row.size) : cat(row.size)},
        {"Comment", row.comment},
    });
}

Result<int> history(Session& session, const HistoryOptions& options, const std::string& name) {
    container::Engine* engine = TRY(session.engine());
    const image::Store* store = TRY(engine->images());
    const image::ImageId id = TRY(resolve(*engine, name));
    const auto found = TRY(image::image_history(*store, id));
    if (options.quiet && options.format.empty()) {
        for (const image::HistoryRow& row : found) print_line(row.id ? shown_id(*row.id, options.no_trunc) : "<missing>");
        return 0;
    }
    const Moment now = berth::now();
    std::vector<Json> rows;
    for (const image::HistoryRow& row : found) rows.push_back(make_history_row(row, options, now));
    ListingOptions listing;
    listing.format = options.format;
    listing.columns = {
        {"ID", "IMAGE"}, {"CreatedSince", "CREATED"}, {"CreatedBy", "CREATED BY"}, {"Size", "SIZE"}, {"Comment", "COMMENT"}};
    listing.more_headers = {{"CreatedAt", "CREATED AT"}};
    TRY(print_listing(listing, rows));
    return 0;
}

struct RemoveOptions {
    bool force = false, no_prune = false;
    std::string platform;
};

Result<int> remove_images(Session& session, const RemoveOptions& options, const Words& names) {
    container::Engine* engine = TRY(session.engine());
    const image::Store* store = TRY(engine->images());
    const std::vector<image::ImageUse> uses = TRY(image_uses(*engine));
    const std::vector<container::NamedImage> before = container::named_images(*store);
    return Session::for_each(names, [&](const std::string& name) -> Result<void> {
        auto removed = store->remove(name, options.force ? image::Store::Force::yes : image::Store::Force::no,
                                     options.no_prune ? image::Store::Parents::keep : image::Store::Parents::prune, uses);
        if (!removed.ok() && removed.error().kind() == Kind::not_found) {
            Error error = no_such_image(*engine, name);
            if (!options.force) return error;
            Session::print_error(error);
            return {};
        }
        const image::Removal removal = TRY(std::move(removed));
        container::note(store->root(), container::removal_events(before, removal));
        print(removal_text(removal, "Untagged: ", "Deleted: "));
        return {};
    });
}

Result<Reference> parse_name(const std::string& text) {
    const Reference name = TRY(Reference::parse_tagged(text));
    if (!name.digest().empty())
        return Error(Kind::invalid, cat("reference '", text, "': a name with a digest cannot be given to an image"));
    return name;
}

}  // namespace

std::string removal_text(const image::Removal& removal, std::string_view untagged, std::string_view deleted) {
    std::string out;
    for (const Reference& name : removal.untagged) out += cat(untagged, name.str(), "\n");
    for (const image::ImageId& id : removal.deleted) out += cat(deleted, id.str(), "\n");
    for (const std::string& layer : removal.deleted_layers) out += cat(deleted, layer, "\n");
    return out;
}

Action define_images(Parser& p) {
    const auto options = std::make_shared<ImagesOptions>();
    p.usage("[REPOSITORY[:TAG]]", 0, 1, Values::image);
    p.flag("-a,--all", options->all, "Show images that builds left in between, too");
    p.flag("--digests", options->digests, "Show digests");
    describe_filters(p, "-f,--filter", options->filters, "Show some: reference, label, before, since, until, dangling");
    describe_format(p, options->format);
    p.flag("--no-trunc", options->no_trunc, "Show ids in full");
    p.flag("-q,--quiet", options->quiet, "Show ids only");
    p.example("berth images", "what is here");
    p.example("berth images --filter 'reference=me/*' --format '{{.Repository}} {{.Size}}'", "some, in your own form");
    p.see_also("build, load, history, rmi, image prune");
    return [options](Session& session, const Words& arguments) {
        if (!options->quiet) take_configured_format(options->format, "imagesFormat");
        return images(session, *options, arguments);
    };
}

Action define_history(Parser& p) {
    const auto options = std::make_shared<HistoryOptions>();
    p.usage("IMAGE", 1, 1, Values::image);
    describe_format(p, options->format);
    p.flag("-H,--human", options->human, "Sizes and times for people (default true)");
    p.flag("--no-trunc", options->no_trunc, "Show everything in full");
    p.flag("-q,--quiet", options->quiet, "Show ids only");
    p.example("berth history --no-trunc debian:12", "how an image was made");
    p.see_also("images, inspect");
    return [options](Session& session, const Words& arguments) { return history(session, *options, arguments[0]); };
}

Action define_tag(Parser& p) {
    p.usage("IMAGE[:TAG] NAME[:TAG]", 2, 2, Values::image);
    p.later_arguments_are(Values::image);
    p.about("Gives an image a further name. A name that meant another image is moved.");
    p.example("berth tag app:latest registry.example.org/team/app:1.0", "before a push");
    p.see_also("image rename, rmi");
    return [](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const Reference name = TRY(parse_name(arguments[1]));
        const image::Store* store = TRY(engine->images());
        const image::ImageId id = TRY(resolve(*engine, arguments[0]));
        TRY(store->tag(id, name));
        container::note(store->root(), {container::image_event(*store, id, "tag", name.str())});
        return 0;
    };
}

Action define_image_rename(Parser& p) {
    p.usage("NAME[:TAG] NEW-NAME[:TAG]", 2, 2, Values::image);
    p.about("Moves a name: the image has the new one, and the old one is gone.");
    p.example("berth image rename app:rc1 app:1.0", "a candidate becomes the release");
    p.see_also("tag, rmi");
    return [](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const image::Store* store = TRY(engine->images());
        const Reference old_name = TRY(parse_name(arguments[0]));
        const Reference new_name = TRY(parse_name(arguments[1]));
        const auto id = TRY(store->find(old_name));
        if (!id) return no_such_image(*engine, arguments[0]);
        if (old_name == new_name) return 0;
        TRY(store->tag(*id, new_name));
        const std::vector<image::ImageUse> uses = TRY(image_uses(*engine));
        TRY(store->remove(old_name.str(), image::Store::Force::no, image::Store::Parents::keep, uses));
        container::note(store->root(), {container::image_event(*store, *id, "tag", new_name.str()),
                                        container::image_event(*store, *id, "untag")});
        return 0;
    };
}

Action define_rmi(Parser& p) {
    const auto options = std::make_shared<RemoveOptions>();
    p.usage("IMAGE [IMAGE...]", 1, -1, Values::image);
    p.flag("-f,--force", options->force, "Also when it has several names or a stopped container");
    p.flag("--no-prune", options->no_prune, "Keep the nameless images it was made from");
    p.about("Takes a name away from an image, and removes the image with its last name.");
    p.example("berth rmi app:old", "one name");
    p.see_also("images, image prune, tag");
    return [options](Session& session, const Words& arguments) { return remove_images(session, *options, arguments); };
}

}  // namespace berth::cli
