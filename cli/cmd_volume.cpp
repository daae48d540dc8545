// volume create, ls, rm (docker: volume). inspect and prune stand with their like.

#include <algorithm>

#include "cli/cmds.h"
#include "cli/key_values.h"
#include "cli/listing.h"
#include "cli/texts.h"
#include "container/filter.h"
#include "container/prune.h"

namespace berth::cli {
namespace {

using container::Volume;

struct ListOptions {
    bool quiet = false;
    Words filters;
    std::string format;
};

bool has_label(const Volume& volume, const std::string& wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = volume.labels.find(wanted.substr(0, equals));
    return found != volume.labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

using Users = std::map<std::string, std::vector<std::string>>;

Result<bool> matches_one(const Volume& volume, const Users& users, const std::string& key, const std::string& value) {
    if (key == "name") return container::name_matches(volume.name, value);
    if (key == "driver") return volume.driver == value;
    if (key == "label") return has_label(volume, value);
    return TRY(parse_boolean(value), "--filter dangling") == !users.contains(volume.name);
}

Result<bool> matches(const Volume& volume, const Users& users, const FilterTerms& terms) {
    std::map<std::string, bool> outcome;
    for (const auto& [key, value] : terms) {
        const bool fits = TRY(matches_one(volume, users, key, value));
        const auto [at, is_first] = outcome.emplace(key, fits);
        if (!is_first) at->second = key == "label" ? at->second && fits : at->second || fits;
    }
    return std::ranges::all_of(outcome, [](const auto& pair) { return pair.second; });
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
    std::string out;
    for (const auto& [key, value] : labels) out += cat(out.empty() ? "" : ",", key, "=", value);
    return out;
}

Result<int> list(Session& session, const ListOptions& options) {
    container::Engine* engine = TRY(session.engine());
    const container::Volumes* volumes = TRY(engine->volumes());
    const FilterTerms terms = TRY(parse_filters(options.filters));
    TRY(require_keys(terms, "name|driver|label|dangling", "volumes"));
    const bool wants_users = std::ranges::any_of(terms, [](const auto& term) { return term.first == "dangling"; }) ||
                             options.format.find(".Links") != std::string::npos;
    const Users users = wants_users ? TRY(container::volume_users(*engine)) : Users{};
    const bool wants_size = options.format.find(".Size") != std::string::npos;
    std::vector<Json> rows;
    ListingOptions listing;
    std::string names;
    for (const Volume& volume : TRY(volumes->list())) {
        if (!TRY(matches(volume, users, terms))) continue;
        names += volume.name + '\n';
        listing.labels.push_back(volume.labels);
        const auto used = users.find(volume.name);
        rows.push_back(make_row({{"Name", volume.name},
                                 {"Driver", volume.driver},
                                 {"Scope", volume.scope},
                                 {"Mountpoint", volume.mountpoint},
                                 {"Labels", labels_text(volume.labels)},
                                 {"Links", !wants_users ? "N/A" : cat(used == users.end() ? 0 : used->second.size())},
                                 {"Size", wants_size ? decimal_size(TRY(volumes->size_bytes(volume))) : "N/A"},
                                 {"Availability", "N/A"},
                                 {"Group", "N/A"},
                                 {"Status", "N/A"}}));
    }
    if (options.quiet && options.format.empty()) return print(names), 0;
    listing.format = options.format;
    listing.columns = {{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}};
    TRY(print_listing(listing, rows));
    return 0;
}

}  // namespace

Action define_volume_create(Parser& p) {
    struct Options {
        container::VolumeRequest request;
        Words labels, options;
    };
    const auto options = std::make_shared<Options>();
    p.usage("[VOLUME]", 0, 1);
    p.text("-d,--driver", options->request.driver, "DRIVER", "local is the only one");
    p.text("--name", options->request.name, "NAME", "Name of the volume");
    p.last_is_hidden();
    p.list("--label", options->labels, "KEY[=VALUE]", "Set a label");
    p.list("-o,--opt", options->options, "KEY=VALUE", "type, device and o, as for mount(8)");
    p.about("Makes a volume and prints its name. One that is there already is no error.");
    p.example("berth volume create data", "a named volume");
    p.example("berth volume create -o type=tmpfs -o device=tmpfs -o o=size=100m fast", "one in memory");
    p.see_also("volume ls, run");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        container::VolumeRequest request = options->request;
        if (!arguments.empty() && !request.name.empty())
            return Error(Kind::invalid, "the name is given twice: as an argument and by --name");
        if (!arguments.empty()) request.name = arguments[0];
        request.labels = TRY(read_labels({}, options->labels));
        request.options = TRY(parse_map("--opt", options->options));
        const container::Volumes* volumes = TRY(session.volumes());
        print_line(TRY(volumes->create(request)).name);
        return 0;
    };
}

Action define_volume_ls(Parser& p) {
    const auto options = std::make_shared<ListOptions>();
    p.usage("", 0, 0);
    describe_filters(p, "-f,--filter", options->filters, "Show some: name, driver, label, dangling");
    describe_format(p, options->format);
    p.flag("-q,--quiet", options->quiet, "Show names only");
    p.see_also("volume create, volume inspect, system df");
    return [options](Session& session, const Words&) {
        if (!options->quiet) take_configured_format(options->format, "volumesFormat");
        return list(session, *options);
    };
}

Action define_volume_rm(Parser& p) {
    const auto force = std::make_shared<bool>(false);
    p.usage("VOLUME [VOLUME...]", 1, -1, Values::volume);
    p.flag("-f,--force", *force, "One that is not there is no error");
    p.see_also("volume prune");
    return [force](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        return Session::for_each(arguments, [&](const std::string& name) -> Result<void> {
            auto removed = container::remove_volume(*engine, name);
            const bool is_fine = removed.ok() || (*force && removed.error().kind() == Kind::not_found);
            if (!is_fine) return removed;
            print_line(name);
            return {};
        });
    };
}

}  // namespace berth::cli
