// events: what happens, or happened (docker: events).

#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/texts.h"
#include "container/events.h"

namespace berth::cli {
namespace {

std::string event_line(const container::Event& event) {
    std::string attributes;
    for (const auto& [key, value] : event.actor.attributes) attributes += cat(attributes.empty() ? "" : ", ", key, "=", value);
    return cat(moment_text_fixed(event.time), " ", event.type, " ", event.action, " ", event.actor.id,
               attributes.empty() ? "" : cat(" (", attributes, ")"));
}

// docker up to API 1.51 also gave status, id and from, which templates still ask for.
Json event_document(const container::Event& event) {
    Json out;
    if (event.type == "container" || event.type == "image") {
        out.set("status", event.action);
        out.set("id", event.actor.id);
        const auto image = event.actor.attributes.find("image");
        if (image != event.actor.attributes.end()) out.set("from", image->second);
    }
    const Json members = to_json(event);
    for (const auto& [name, value] : *members.object()) out.set(name, value);
    return out;
}

// They are empty in events of other things.
std::optional<Json> old_member(const Json& receiver, std::string_view name, const std::vector<Json>& arguments) {
    const std::string folded = lower_case(name);
    const bool is_known = receiver.find("Actor") != nullptr && (folded == "status" || folded == "id" || folded == "from");
    return is_known && arguments.empty() ? std::optional(Json("")) : std::nullopt;
}

// A wrong template is told at once and not when the first event comes (docker: exit status 64).
int refuse_events_template(const std::string& format) {
    if (format.empty() || format == "json") return 0;
    if (const int status = refuse_template(format); status != 0) return status;
    const auto tried = Template::parse(format).value().execute(event_document({}), old_member);
    if (tried.ok()) return 0;
    Session::print_error(tried.error());
    return 64;
}

struct EventsOptions {
    std::string since, until, format;
    Words filters;
};

Result<int> events(Session& session, const EventsOptions& options) {
    if (const int status = refuse_events_template(options.format); status != 0) return status;
    container::EventQuery query;
    const Moment now = berth::now();
    if (!options.since.empty()) query.since = TRY(parse_time_point(options.since, now), "--since");
    if (!options.until.empty()) query.until = TRY(parse_time_point(options.until, now), "--until");
    for (const auto& [key, value] : TRY(parse_filters(options.filters))) TRY(query.filter.add(key, value));
    std::optional<Template> shown;
    if (!options.format.empty() && options.format != "json") shown = TRY(Template::parse(options.format));
    const auto log = TRY(container::EventLog::open(session.paths().root));
    const auto show = [&](const container::Event& event) -> Result<bool> {
        if (options.format.empty())
            print_line(event_line(event));
        else if (!shown)
            print_line(json_text(event_document(event)));
        else
            print_line(TRY(shown->execute(event_document(event), old_member)));
        return true;
    };
    TRY(log.read(query, show));
    return 0;
}

}  // namespace

Action define_events(Parser& p) {
    const auto options = std::make_shared<EventsOptions>();
    p.usage("", 0, 0);
    describe_filters(p, "-f,--filter", options->filters,
                     "Show some: container, image, network, volume, event, label, type, scope");
    p.text("--format", options->format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.text("--since", options->since, "TIME", "From then on: 7d is not known, 168h is, and dates");
    p.text("--until", options->until, "TIME", "Up to then");
    p.about(
        "Shows what happens to containers, images, volumes and networks, from now on or since a time. The history is kept on "
        "disk, over restarts, up to 16 MB. Several values of one filter are alternatives; different filters, and labels, must "
        "all fit.");
    p.example("berth events --filter type=image --filter event=pull --format '{{.Actor.ID}}'", "what is pulled, as it comes");
    p.example("berth events --since 24h --until 0s --filter event=die", "what ended today");
    p.see_also("logs, ps");
    return [options](Session& session, const Words&) { return events(session, *options); };
}

}  // namespace berth::cli
