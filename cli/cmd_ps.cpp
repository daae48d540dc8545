// ps: the list of containers (docker: ps).

#include <algorithm>

#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/status_text.h"
#include "cli/texts.h"
#include "container/prune.h"
#include "image/store.h"

namespace berth::cli {
namespace {

struct PsOptions {
    bool all = false, quiet = false, no_trunc = false, latest = false, size = false;
    std::optional<std::int64_t> last;
    Words filters;
    std::string format;
};

std::string sorted_labels(const std::map<std::string, std::string>& labels) {
    std::string out;
    for (const auto& [key, value] : labels) out += cat(out.empty() ? "" : ",", key, "=", value);
    return out;
}

/// What the names that containers were made from mean now; each is looked up once.
class ImageNames {
public:
    explicit ImageNames(container::Engine& engine) : engine_(engine) {}

    /// docker: the name used at creation, and the id once that name is gone or means another image.
    std::string column(const container::Definition& definition, bool whole) {
        if (definition.image_id.empty()) return definition.rootfs;
        if (id_of(definition.config.image) == definition.image_id) return definition.config.image;
        const std::string_view hex = std::string_view(definition.image_id).substr(7);
        return whole ? definition.image_id : std::string(hex.substr(0, 12));
    }

private:
    const std::string& id_of(const std::string& name) {
        const auto [known, is_new] = ids_.try_emplace(name);
        if (is_new) known->second = look_up(name);
        return known->second;
    }
    std::string look_up(const std::string& name) {
        const auto reference = image::Reference::parse_tagged(name);
        auto store = engine_.images();
        if (!reference.ok() || !store.ok()) return {};
        const auto found = store.value()->find(reference.value());
        return found.ok() && found.value() ? found.value()->str() : std::string();
    }

    container::Engine& engine_;
    std::map<std::string, std::string> ids_;
};

std::vector<network::ContainerPort> exposed_ports(const container::Config& config) {
    std::vector<network::ContainerPort> out;
    for (const auto& [text, nothing] : config.exposed_ports)
        if (const auto port = network::ContainerPort::parse(text); port.ok()) out.push_back(port.value());
    std::ranges::sort(out);
    return out;
}

std::string mounts_column(const std::vector<container::MountPoint>& mounts, bool whole, bool volumes_only) {
    std::string out;
    for (const container::MountPoint& mount : mounts) {
        if (volumes_only && mount.type != container::MountType::volume) continue;
        const std::string name = mount.name.empty() ? mount.source : mount.name;
        out += cat(out.empty() ? "" : ",", whole ? name : shortened(name, 15));
    }
    return out;
}

std::string networks_column(const container::Record& record) {
    std::vector<std::string> names;
    for (const network::EndpointRequest& request : record.definition.networks) names.push_back(request.network);
    if (names.empty() && record.definition.host.network_mode != "default") return record.definition.host.network_mode;
    return names.empty() ? "bridge" : join_text(names, ",");
}

// docker: also asked for by a template, but not by `--format json`.
bool wants_size(const PsOptions& options) {
    return options.size || options.format.find(".Size") != std::string::npos || options.format.find("{{json .}}") != std::string::npos;
}

Result<Json> make_ps_row(container::Engine& engine, ImageNames& images, const container::Record& record, const PsOptions& options,
                         Moment now) {
    const container::Definition& d = record.definition;
    const container::State& state = record.run.state;
    std::string size = "0B";
    if (wants_size(options)) {
        const container::ContainerSize bytes = TRY(container::container_size(engine, record));
        size = cat(decimal_size(static_cast<std::int64_t>(bytes.rw_bytes)), " (virtual ",
                   decimal_size(static_cast<std::int64_t>(bytes.root_bytes)), ")");
    }
    const auto exposed = exposed_ports(d.config);
    std::int64_t volumes = 0;
    for (const container::MountPoint& mount : d.mounts) volumes += mount.type == container::MountType::volume;
    return make_row({
        {"ID", options.no_trunc ? record.id() : std::string(record.short_id())},
        {"Names", record.name()},
        {"Image", images.column(d, options.no_trunc)},
        {"Command", command_column(d, options.no_trunc)},
        {"CreatedAt", moment_words(d.created)},
        {"RunningFor", age_words(d.created, now)},
        {"Ports", state.running() && state.status != container::Status::restarting
                      ? network::ports_column(record.run.network.ports, exposed)
                      : ""},
        {"State", std::string(container::status_word(state.status))},
        {"Status", status_text(state, now)},
        {"HealthStatus", std::string(state.health ? healthcheck::status_text(state.health->status) : "none")},
        {"Size", size},
        {"Labels", sorted_labels(d.config.labels)},
        {"LocalVolumes", cat(volumes)},
        {"Mounts", mounts_column(d.mounts, options.no_trunc, false)},
        {"Networks", networks_column(record)},
        {"Platform", d.platform},
    });
}

Result<std::vector<container::Record>> choose(container::Engine& engine, const PsOptions& options) {
    const FilterTerms filters = TRY(parse_filters(options.filters));
    std::vector<container::Record> records = TRY(container::list(engine));
    // docker: asking for a state or for the last ones looks at all containers.
    const bool names_state =
        std::ranges::any_of(filters, [](const auto& term) { return term.first == "status" || term.first == "exited"; });
    const std::int64_t last = options.latest ? 1 : options.last.value_or(0);
    if (!options.all && !names_state && last <= 0)
        std::erase_if(records, [](const auto& record) { return !record.run.state.running(); });
    records = TRY(container::filter(engine, std::move(records), filters));
    if (last > 0 && static_cast<std::size_t>(last) < records.size()) records.erase(records.begin() + last, records.end());
    return records;
}

Result<int> ps(Session& session, const PsOptions& options) {
    container::Engine* engine = TRY(session.engine());
    const std::vector<container::Record> records = TRY(choose(*engine, options));
    if (options.quiet && options.format.empty()) {
        for (const container::Record& record : records)
            print_line(options.no_trunc ? std::string_view(record.id()) : record.short_id());
        return 0;
    }
    const Moment now = berth::now();
    std::vector<Json> rows;
    ImageNames images(*engine);
    for (const container::Record& record : records) rows.push_back(TRY(make_ps_row(*engine, images, record, options, now)));
    ListingOptions listing;
    listing.format = options.format;
    listing.columns = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"}, {"RunningFor", "CREATED"},
                       {"Status", "STATUS"},   {"Ports", "PORTS"}, {"Names", "NAMES"}};
    if (options.size) listing.columns.push_back({"Size", "SIZE"});
    listing.more_headers = {{"CreatedAt", "CREATED AT"},
                            {"LocalVolumes", "LOCAL VOLUMES"},
                            {"Mounts", "MOUNTS"},
                            {"Networks", "NETWORKS"},
                            {"Labels", "LABELS"},
                            {"State", "STATE"},
                            {"Size", "SIZE"},
                            {"HealthStatus", "HEALTH"},
                            {"Platform", "PLATFORM"}};
    for (const container::Record& record : records) listing.labels.push_back(record.definition.config.labels);
    TRY(print_listing(listing, rows));
    return 0;
}

}  // namespace

Action define_ps(Parser& p) {
    const auto options = std::make_shared<PsOptions>();
    p.usage("", 0, 0);
    p.flag("-a,--all", options->all, "Show those that do not run, too");
    describe_filters(p, "-f,--filter", options->filters,
           "Show some: name, id, label, status, exited, health, ancestor, network, volume, publish, expose, before, since");
    describe_format(p, options->format);
    p.parsed<std::int64_t>("-n,--last", options->last, parse_integer, "NUMBER", "The last so many, in any state");
    p.flag("-l,--latest", options->latest, "The last one, in any state");
    p.flag("--no-trunc", options->no_trunc, "Show everything in full");
    p.flag("-q,--quiet", options->quiet, "Show ids only");
    p.flag("-s,--size", options->size, "Show how much they take on disk");
    p.example("berth ps -a", "all containers, also those that have ended");
    p.example("berth ps --filter health=unhealthy --format '{{.Names}}'", "names of those that are not well");
    p.see_also("run, inspect, logs, dash");
    return [options](Session& session, const Words&) {
        if (!options->quiet) take_configured_format(options->format, "psFormat");
        return ps(session, *options);
    };
}

}  // namespace berth::cli
