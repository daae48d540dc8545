#include "container/links.h"

#include <algorithm>

#include "network/ports.h"

namespace berth::container {

namespace {

using network::ContainerPort;
using network::Protocol;

/// docker: tcp first, then by name of the protocol, then by number.
std::vector<ContainerPort> exposed_in_order(const Config& config) {
    std::vector<ContainerPort> ports;
    for (const auto& [text, unused] : config.exposed_ports)
        if (const auto port = ContainerPort::parse(text); port.ok()) ports.push_back(port.value());
    const auto rank = [](const ContainerPort& port) { return port.protocol == Protocol::tcp ? 0 : port.protocol == Protocol::sctp ? 1 : 2; };
    std::sort(ports.begin(), ports.end(), [&](const ContainerPort& a, const ContainerPort& b) {
        return rank(a) != rank(b) ? rank(a) < rank(b) : a.number < b.number;
    });
    return ports;
}

std::string upper_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

std::string url(const ContainerPort& port, const std::string& address) {
    return cat(network::protocol_text(port.protocol), "://", address, ':', port.number);
}

/// "DB_PORT_80_TCP"
std::string port_prefix(const std::string& alias, const ContainerPort& port) {
    return cat(alias, "_PORT_", port.number, '_', upper_case(network::protocol_text(port.protocol)));
}

void add_port(Words& env, const std::string& alias, const ContainerPort& port, const std::string& address) {
    const std::string prefix = port_prefix(alias, port);
    env.push_back(cat(prefix, '=', url(port, address)));
    env.push_back(cat(prefix, "_ADDR=", address));
    env.push_back(cat(prefix, "_PORT=", port.number));
    env.push_back(cat(prefix, "_PROTO=", network::protocol_text(port.protocol)));
}

/// Ports that follow each other are told as a range too.
void add_ranges(Words& env, const std::string& alias, const std::vector<ContainerPort>& ports, const std::string& address) {
    for (std::size_t first = 0, last; first < ports.size(); first = last + 1) {
        for (last = first; last + 1 < ports.size() && ports[last + 1].protocol == ports[first].protocol &&
                           ports[last + 1].number == ports[last].number + 1;) ++last;
        if (first == last) continue;
        const std::string prefix = port_prefix(alias, ports[first]);
        env.push_back(cat(prefix, "_START=", url(ports[first], address)));
        env.push_back(cat(prefix, "_PORT_START=", ports[first].number));
        env.push_back(cat(prefix, "_END=", url(ports[last], address)));
        env.push_back(cat(prefix, "_PORT_END=", ports[last].number));
    }
}

/// Those say where things are in the other's file system, which is of no use here.
bool is_of_its_own(std::string_view entry) { return entry.starts_with("HOME=") || entry.starts_with("PATH="); }

bool is_on_default_network(const Definition& definition) {
    const auto is_default = [](const network::EndpointRequest& request) { return request.network == "bridge" || request.network == "default"; };
    return std::any_of(definition.networks.begin(), definition.networks.end(), is_default);
}

Result<Link> find_link(Engine& engine, const Definition& definition, const std::string& text) {
    const std::size_t colon = text.find(':');
    const Record other = TRY(find(engine, text.substr(0, colon)), "--link ", text);
    Link link;
    link.alias = colon == std::string::npos ? other.name() : text.substr(colon + 1);
    link.name = other.name();
    link.short_id = other.short_id();
    if (!other.run.state.running())
        return Error(Kind::wrong_state, cat("cannot link to a non running container: /", other.name(), " AS /", definition.name, '/', link.alias))
            .with_hint(cat("start it first: berth start ", other.name()));
    for (const network::Endpoint& endpoint : other.run.network.endpoints)
        if (endpoint.network == "bridge") link.address = endpoint.ip;
    if (link.address.empty())
        return Error(Kind::wrong_state, cat("cannot link to /", other.name(), ", as it does not belong to the default network"))
            .with_hint("put both on a network of their own, where containers find each other by name");
    link.environment = link_environment(definition.name, link, other.definition.config);
    return link;
}

}  // namespace

Result<std::vector<Link>> find_links(Engine& engine, const Definition& definition) {
    std::vector<Link> links;
    if (!is_on_default_network(definition)) return links;
    for (const std::string& text : definition.host.links) links.push_back(TRY(find_link(engine, definition, text)));
    return links;
}

Words link_environment(std::string_view owner, const Link& link, const Config& other) {
    std::string alias = upper_case(link.alias);
    std::replace(alias.begin(), alias.end(), '-', '_');
    const std::vector<ContainerPort> ports = exposed_in_order(other);
    Words env;
    // The lowest of all protocols, as docker 20.10 has it.
    const auto lowest = std::min_element(ports.begin(), ports.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    if (lowest != ports.end()) env.push_back(cat(alias, "_PORT=", url(*lowest, link.address)));
    for (const ContainerPort& port : ports) add_port(env, alias, port, link.address);
    add_ranges(env, alias, ports, link.address);
    env.push_back(cat(alias, "_NAME=/", owner, '/', link.alias));
    for (const std::string& entry : other.env)
        if (entry.find('=') != std::string::npos && !is_of_its_own(entry)) env.push_back(cat(alias, "_ENV_", entry));
    return env;
}

}  // namespace berth::container
