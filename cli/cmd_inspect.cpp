// inspect: the documents of containers, images, networks and volumes (docker: inspect).

#include <algorithm>

#include "cli/as_run.h"
#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/provide_image.h"
#include "image/views.h"
#include "network/attach.h"
#include "network/networks.h"

namespace berth::cli {
namespace {

struct InspectOptions {
    std::string format, type;
    bool size = false, as_run = false;
};

using Finder = Result<Json> (*)(container::Engine&, const std::string&, const InspectOptions&);

Result<Json> find_container(container::Engine& engine, const std::string& name, const InspectOptions& options) {
    const container::Record record = TRY(container::find(engine, name));
    if (options.as_run) return Json(TRY(run_command_of(record)));
    return container::inspect(engine, record, options.size ? container::Sizes::with : container::Sizes::without);
}
Result<Json> find_image(container::Engine& engine, const std::string& name, const InspectOptions&) {
    const image::Store* store = TRY(engine.images());
    auto id = store->resolve(name);
    if (!id.ok() && id.error().kind() == Kind::not_found) return no_such_image(engine, name);
    return image::inspect_image(*store, TRY(std::move(id)));
}
Result<Json> find_network(container::Engine& engine, const std::string& name, const InspectOptions&) {
    const network::Networks* networks = TRY(engine.networks());
    const network::Network found = TRY(networks->find(name));
    // Whoever looks at its containers shall not see those that were killed.
    ignore(network::sweep(*networks), "then they are seen once more");
    return networks->inspect(found);
}
Result<Json> find_volume(container::Engine& engine, const std::string& name, const InspectOptions&) {
    const container::Volumes* volumes = TRY(engine.volumes());
    return to_json(TRY(volumes->get(name)));
}

struct Kindred {
    std::string_view type;
    Finder find;
};
constexpr Kindred kinds[] = {
    {"container", find_container}, {"image", find_image}, {"network", find_network}, {"volume", find_volume}};

// docker: without --type the kinds are tried in this order, and only "not there" goes on to the next.
Result<Json> find_any(container::Engine& engine, const std::string& name, const InspectOptions& options) {
    for (const Kindred& kind : kinds) {
        if (!options.type.empty() && kind.type != options.type) continue;
        auto found = kind.find(engine, name, options);
        const bool is_last_word = !options.type.empty() || found.ok() ||
                                  (found.error().kind() != Kind::not_found && found.error().kind() != Kind::invalid);
        if (is_last_word) return found;
    }
    return Error(Kind::not_found, cat("No such object: ", name));
}

Result<int> inspect(Session& session, const InspectOptions& options, const Words& arguments) {
    if (const int status = refuse_template(options.format); status != 0) return status;
    container::Engine* engine = TRY(session.engine());
    Json::Array found;
    std::string formatted;
    const int status = Session::for_each(arguments, [&](const std::string& name) -> Result<void> {
        Json document = TRY(find_any(*engine, name, options));
        if (options.as_run)
            formatted += cat(*document.string(), "\n");
        else if (!options.format.empty() && options.format != "json")
            formatted += TRY(formatted_object(options.format, document));
        found.push_back(std::move(document));
        return {};
    });
    if (options.format == "json")
        print_line(json_text(Json(std::move(found))));
    else if (options.as_run || !options.format.empty())
        print(formatted.empty() ? "\n" : formatted);  // docker: a line, also when there is nothing to say
    else
        print_line(found.empty() ? "[]" : json_text(Json(std::move(found)), JsonStyle::indented));
    return status;
}

void describe(Parser& p, InspectOptions& options) {
    p.text("-f,--format", options.format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
}

Action define_typed(Parser& p, std::string_view type, Values values) {
    const auto options = std::make_shared<InspectOptions>();
    options->type = type;
    p.usage("NAME [NAME...]", 1, -1, values);
    describe(p, *options);
    if (type == "container") p.flag("-s,--size", options->size, "Add how much it takes on disk");
    if (type == "network") p.ignored("-v,--verbose", "", "there is no more to tell");
    p.see_also("inspect");
    return [options](Session& session, const Words& arguments) { return inspect(session, *options, arguments); };
}

}  // namespace

Action define_inspect(Parser& p) {
    const auto options = std::make_shared<InspectOptions>();
    p.usage("NAME [NAME...]", 1, -1, Values::container_or_image);
    describe(p, *options);
    p.flag("-s,--size", options->size, "Add how much a container takes on disk");
    p.text("--type", options->type, "TYPE", "Look for this kind only: container, image, network or volume");
    p.last_choices("container|image|network|volume");
    p.flag("--as-run", options->as_run, "Show the 'berth run' command that would make this container");
    p.about(
        "Prints everything that is known of containers, images, networks and volumes as a JSON array, or what a template picks "
        "from it. Field names may be written .Id or .ID.");
    p.example("berth inspect -f '{{.State.Status}}' web", "one value");
    p.example("berth inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' db", "addresses");
    p.example("berth inspect --as-run web", "the command line of a container");
    p.see_also("ps, images, port");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        if (options->as_run) options->type = "container";
        const bool is_known = std::ranges::any_of(kinds, [&](const Kindred& kind) { return kind.type == options->type; });
        if (!options->type.empty() && !is_known)
            return Error(Kind::invalid, cat("unknown type '", options->type, "'")).with_hint("types are container, image, network, volume");
        return inspect(session, *options, arguments);
    };
}
Action define_container_inspect(Parser& p) { return define_typed(p, "container", Values::container); }
Action define_image_inspect(Parser& p) { return define_typed(p, "image", Values::image); }
Action define_network_inspect(Parser& p) { return define_typed(p, "network", Values::network); }
Action define_volume_inspect(Parser& p) { return define_typed(p, "volume", Values::volume); }

}  // namespace berth::cli
