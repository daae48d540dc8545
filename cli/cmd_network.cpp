// network create, ls, rm, connect, disconnect (docker: network). inspect and prune stand with their like.

#include <algorithm>

#include "base/log.h"
#include "cli/cmds.h"
#include "cli/key_values.h"
#include "cli/listing.h"
#include "cli/texts.h"
#include "container/filter.h"
#include "container/history.h"
#include "network/networks.h"

namespace berth::cli {
namespace {

using network::Network;

struct CreateOptions {
    network::CreateNetwork network;
    Words labels, options;
    bool has_ipv4 = true;
};

struct ListOptions {
    bool no_trunc = false, quiet = false;
    Words filters;
    std::string format;
};

std::string labels_text(const std::map<std::string, std::string>& labels) {
    std::string out;
    for (const auto& [key, value] : labels) out += cat(out.empty() ? "" : ",", key, "=", value);
    return out;
}

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

Result<bool> matches_one(const network::Networks& networks, const Network& network, const std::string& key,
                         const std::string& value) {
    if (key == "name") return container::name_matches(network.name, value);
    if (key == "id") return network.id.starts_with(value);
    if (key == "driver") return network.driver == value;
    if (key == "scope") return value == "local";
    if (key == "label") return has_label(network.labels, value);
    if (key == "type" && value != "custom" && value != "builtin")
        return Error(Kind::invalid, cat("invalid filter 'type=", value, "'")).with_hint("a network is of type custom or builtin");
    if (key == "type") return (value == "custom") == network.is_user_defined();
    const bool wanted = TRY(parse_boolean(value), "--filter dangling");
    const bool is_unused = network.is_user_defined() && TRY(networks.members(network)).empty();
    return wanted == is_unused;
}

// The same key again is another possibility; labels and different keys must all be right.
Result<bool> matches(const network::Networks& networks, const Network& network, const FilterTerms& terms) {
    std::map<std::string, bool> outcome;
    for (const auto& [key, value] : terms) {
        const bool fits = TRY(matches_one(networks, network, key, value));
        const auto [at, is_first] = outcome.emplace(key, fits);
        if (!is_first) at->second = key == "label" ? at->second && fits : at->second || fits;
    }
    return std::ranges::all_of(outcome, [](const auto& pair) { return pair.second; });
}

Result<int> list(Session& session, const ListOptions& options) {
    const network::Networks* networks = TRY(session.networks());
    const FilterTerms terms = TRY(parse_filters(options.filters));
    TRY(require_keys(terms, "name|id|driver|label|type|scope|dangling", "networks"));
    std::vector<Json> rows;
    ListingOptions listing;
    std::string ids;
    for (const Network& network : TRY(networks->list())) {
        if (!TRY(matches(*networks, network, terms))) continue;
        const std::string id = options.no_trunc ? network.id : network.id.substr(0, 12);
        ids += id + '\n';
        listing.labels.push_back(network.labels);
        rows.push_back(make_row({{"ID", id},
                                 {"Name", network.name},
                                 {"Driver", network.driver},
                                 {"Scope", "local"},
                                 {"IPv4", network.ipv4 ? "true" : "false"},
                                 {"IPv6", network.ipv6 ? "true" : "false"},
                                 {"Internal", network.internal ? "true" : "false"},
                                 {"Labels", labels_text(network.labels)},
                                 {"CreatedAt", moment_words(network.created)}}));
    }
    if (options.quiet && options.format.empty()) return print(ids), 0;
    listing.format = options.format;
    listing.columns = {{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}};
    listing.more_headers = {{"CreatedAt", "CREATED AT"}};
    TRY(print_listing(listing, rows));
    return 0;
}

}  // namespace

Action define_network_create(Parser& p) {
    const auto options = std::make_shared<CreateOptions>();
    network::CreateNetwork& n = options->network;
    p.usage("NETWORK", 1, 1);
    p.text("-d,--driver", n.driver, "DRIVER", "bridge, macvlan or ipvlan (default bridge)");
    p.last_choices("bridge|macvlan|ipvlan");
    p.list("--subnet", n.subnets, "CIDR", "Subnet, such as 10.5.0.0/24 (default: a free one)");
    p.list("--gateway", n.gateways, "ADDRESS", "Gateway of a subnet (default: its first address)");
    p.list("--ip-range", n.ranges, "CIDR", "Part of the subnet that containers get addresses from");
    p.list("--aux-address", n.reserved, "NAME=ADDRESS", "Address that no container gets");
    p.flag("--ipv4", n.ipv4, "Addresses of IPv4 (default true)");
    p.flag("--ipv6", n.ipv6, "Addresses of IPv6");
    p.flag("--internal", n.internal, "No way out of the network");
    p.flag("--attachable", n.attachable, "Kept for docker's sake; any container may join");
    p.list("--label", options->labels, "KEY[=VALUE]", "Set a label");
    p.list("-o,--opt", options->options, "KEY=VALUE", "Option of the driver, such as parent=LINK or macvlan_mode=private");
    for (const std::string_view swarm : {"--scope", "--config-from"})
        p.refused(swarm, "VALUE", "networks of swarms do not exist here");
    for (const std::string_view swarm : {"--config-only", "--ingress"})
        p.refused(swarm, "", "networks of swarms do not exist here");
    p.ignored("--ipam-driver", "DRIVER", "addresses are always berth's to give");
    p.ignored("--ipam-opt", "KEY=VALUE", "addresses are always berth's to give");
    p.about("Makes a network and prints its id. Containers on it find each other by name.");
    p.example("berth network create back --subnet 10.5.0.0/24", "with addresses of your choice");
    p.example("berth run -d --network back --name db postgres", "a container on it");
    p.example("berth network create -d macvlan -o parent=eth0.10 --subnet 192.168.10.0/24 lab",
              "on the wire of VLAN 10, whose link comes and goes with the network");
    p.see_also("network connect, network ls, run");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        options->network.name = arguments[0];
        options->network.labels = TRY(read_labels({}, options->labels));
        options->network.options = TRY(parse_map("--opt", options->options));
        const network::Networks* networks = TRY(session.networks());
        const Network network = TRY(networks->create(options->network));
        container::note(session.paths().root, {container::network_event(network, "create")});
        print_line(network.id);
        return 0;
    };
}

Action define_network_ls(Parser& p) {
    const auto options = std::make_shared<ListOptions>();
    p.usage("", 0, 0);
    describe_filters(p, "-f,--filter", options->filters, "Show some: name, id, driver, label, type, dangling");
    describe_format(p, options->format);
    p.flag("--no-trunc", options->no_trunc, "Show ids in full");
    p.flag("-q,--quiet", options->quiet, "Show ids only");
    p.see_also("network create, network inspect");
    return [options](Session& session, const Words&) {
        if (!options->quiet) take_configured_format(options->format, "networksFormat");
        return list(session, *options);
    };
}

Action define_network_rm(Parser& p) {
    const auto force = std::make_shared<bool>(false);
    p.usage("NETWORK [NETWORK...]", 1, -1, Values::network);
    p.flag("-f,--force", *force, "One that is not there is no error");
    p.see_also("network prune, network disconnect");
    return [force](Session& session, const Words& arguments) -> Result<int> {
        const network::Networks* networks = TRY(session.networks());
        return Session::for_each(arguments, [&](const std::string& name) -> Result<void> {
            auto network = networks->find(name);
            if (!network.ok() && *force && network.error().kind() == Kind::not_found) return {};
            if (!network.ok()) return std::move(network).error();
            TRY(networks->remove(network.value()));
            container::note(session.paths().root, {container::network_event(network.value(), "destroy")});
            print_line(name);
            return {};
        });
    };
}

Action define_network_connect(Parser& p) {
    struct Options {
        network::EndpointRequest endpoint;
        Words driver_options;
        std::optional<std::int64_t> priority;
    };
    const auto options = std::make_shared<Options>();
    network::EndpointRequest& e = options->endpoint;
    p.usage("NETWORK CONTAINER", 2, 2, Values::network);
    p.later_arguments_are(Values::container);
    p.list("--alias", e.aliases, "NAME", "Further name on this network");
    p.text("--ip", e.ip, "ADDRESS", "IPv4 address");
    p.text("--ip6", e.ip6, "ADDRESS", "IPv6 address");
    p.list("--link", e.links, "CONTAINER[:ALIAS]", "Name of another container, for this one only", Values::container);
    p.list("--link-local-ip", e.link_local_ips, "ADDRESS", "Link-local address");
    p.list("--driver-opt", options->driver_options, "KEY=VALUE", "Option of the driver");
    p.parsed<std::int64_t>("--gw-priority", options->priority, parse_integer, "NUMBER",
                           "The network with the highest has the default route");
    p.about("Puts a container on a further network, at once when it runs.");
    p.see_also("network disconnect, run");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const container::Record record = TRY(container::find(*engine, arguments[1]));
        network::EndpointRequest endpoint = options->endpoint;
        endpoint.network = arguments[0];
        endpoint.driver_options = TRY(parse_map("--driver-opt", options->driver_options));
        endpoint.gateway_priority = options->priority.value_or(0);
        for (std::string& link : endpoint.links)
            if (link.find(':') == std::string::npos) link += cat(":", link);
        TRY(container::connect_network(*engine, record, endpoint));
        return 0;
    };
}

Action define_network_disconnect(Parser& p) {
    const auto force = std::make_shared<bool>(false);
    p.usage("NETWORK CONTAINER", 2, 2, Values::network);
    p.later_arguments_are(Values::container);
    p.flag("-f,--force", *force, "Also when the container is in no state for it");
    p.see_also("network connect");
    return [force](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const container::Record record = TRY(container::find(*engine, arguments[1]));
        TRY(container::disconnect_network(*engine, record, arguments[0], *force));
        return 0;
    };
}

}  // namespace berth::cli
