// The grammar is docker's (go-connections/nat); error texts name the part that is wrong, which docker's do not always.

#include "network/ports.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "network/address.h"

namespace berth::network {

namespace {

Result<std::uint16_t> parse_number(std::string_view text, bool zero_allowed) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool number = !text.empty() && end == text.data() + text.size() && code != std::errc::invalid_argument;
    if (!number) return Error(Kind::invalid, cat("'", text, "' is not a port number"));
    if (code != std::errc() || value > 65535 || (value == 0 && !zero_allowed))
        return Error(Kind::invalid, cat("port ", text, " is not between 1 and 65535"));
    return static_cast<std::uint16_t>(value);
}

enum class Zero { refused, allowed };

Result<PortRange> parse_range(std::string_view text, Zero zero) {
    const std::size_t dash = text.find('-');
    const std::uint16_t first = TRY(parse_number(text.substr(0, dash), zero == Zero::allowed));
    if (dash == std::string_view::npos) return PortRange{first, first};
    const std::uint16_t last = TRY(parse_number(text.substr(dash + 1), false));
    if (first == 0) return Error(Kind::invalid, "port 0 cannot begin a range");
    if (last < first) return Error(Kind::invalid, cat("range ", text, " ends before it begins"));
    return PortRange{first, last};
}

Result<Protocol> parse_protocol(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (lower == "tcp") return Protocol::tcp;
    if (lower == "udp") return Protocol::udp;
    if (lower == "sctp") return Protocol::sctp;
    return Error(Kind::invalid, cat("protocol '", text, "' is not tcp, udp or sctp"));
}

/// Cuts "/PROTOCOL" off the end.
Result<Protocol> take_protocol(std::string_view& text) {
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return Protocol::tcp;
    const Protocol protocol = TRY(parse_protocol(text.substr(slash + 1)));
    text = text.substr(0, slash);
    return protocol;
}

Result<std::string> parse_host_ip(std::string_view text) {
    if (text.empty()) return std::string();
    const bool bracketed = text.size() > 1 && text.front() == '[' && text.back() == ']';
    const IpAddress address = TRY(IpAddress::parse(bracketed ? text.substr(1, text.size() - 2) : text));
    return address.str();
}

Result<void> check_lengths(const PortMapping& mapping) {
    if (mapping.host.first == 0 || mapping.host.size() == mapping.container.size()) return {};
    if (mapping.container.size() == 1) return {};
    return Error(Kind::invalid, cat("ranges differ in length: ", mapping.host.str(), " has ", mapping.host.size(), " ports, ",
                                    mapping.container.str(), " has ", mapping.container.size()));
}

Result<PortMapping> parse_short(std::string_view text) {
    PortMapping mapping;
    std::string_view rest = text;
    mapping.protocol = TRY(take_protocol(rest));
    // From the right: an IPv6 address has colons of its own.
    const std::size_t last = rest.rfind(':');
    mapping.container = TRY(parse_range(last == std::string_view::npos ? rest : rest.substr(last + 1), Zero::refused));
    if (last == std::string_view::npos) return mapping;
    rest = rest.substr(0, last);
    const std::size_t before = rest.rfind(':');
    const std::string_view host = before == std::string_view::npos ? rest : rest.substr(before + 1);
    if (!host.empty()) mapping.host = TRY(parse_range(host, Zero::allowed));
    if (before != std::string_view::npos) mapping.host_ip = TRY(parse_host_ip(rest.substr(0, before)));
    TRY(check_lengths(mapping));
    return mapping;
}

Result<void> set_member(PortMapping& mapping, std::string_view key, std::string_view value) {
    if (key == "published") {
        // Compose writes an address in front here; docker's flag does not, and neither do we.
        if (!value.empty()) mapping.host = TRY(parse_range(value, Zero::allowed), "published");
    } else if (key == "target") {
        mapping.container = TRY(parse_range(value, Zero::refused), "target");
    } else if (key == "protocol") {
        mapping.protocol = TRY(parse_protocol(value));
    } else if (key == "mode") {
        // Both mean the same without a swarm.
        if (value != "host" && value != "ingress") return Error(Kind::invalid, cat("mode '", value, "' is not host or ingress"));
    } else {
        return Error(Kind::invalid, cat("key '", key, "' is not published, target, protocol or mode"));
    }
    return {};
}

Result<PortMapping> parse_long(std::string_view text) {
    PortMapping mapping;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        const std::string_view member = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        const std::size_t equals = member.find('=');
        if (equals == std::string_view::npos) return Error(Kind::invalid, cat("'", member, "' has no '='"));
        TRY(set_member(mapping, member.substr(0, equals), member.substr(equals + 1)));
    }
    if (mapping.container.first == 0) return Error(Kind::invalid, "target is missing");
    TRY(check_lengths(mapping));
    return mapping;
}

bool is_wildcard(std::string_view ip) { return ip == "0.0.0.0" || ip == "::"; }

std::string shown_address(std::string_view ip) {
    return ip.find(':') == std::string_view::npos ? std::string(ip) : cat('[', ip, ']');
}

/// Mappings that continue each other (same address and protocol, ports and host ports one behind the other) become one.
std::vector<PublishedPort> join_neighbours(std::vector<PublishedPort> ports) {
    const auto key = [](const PublishedPort& p) { return std::tie(p.host_ip, p.protocol, p.container, p.host); };
    std::sort(ports.begin(), ports.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    std::vector<PublishedPort> joined;
    for (const PublishedPort& port : ports) {
        PublishedPort* last = joined.empty() ? nullptr : &joined.back();
        const bool continues = last != nullptr && last->host_ip == port.host_ip && last->protocol == port.protocol &&
                               last->container.last + 1 == port.container.first && last->host.last + 1 == port.host.first;
        if (!continues) joined.push_back(port);
        else last->container.last = port.container.last, last->host.last = port.host.last;
    }
    return joined;
}

bool is_published(std::span<const PublishedPort> published, ContainerPort port) {
    return std::any_of(published.begin(), published.end(), [&](const PublishedPort& p) {
        return p.protocol == port.protocol && p.container.contains(port.number);
    });
}

struct Shown {
    bool is_moved;  ///< to another number
    unsigned sort_port;
    Protocol protocol;
    bool v6;
    std::string text;
};

}  // namespace

std::string_view protocol_text(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp: return "tcp";
        case Protocol::udp: return "udp";
        case Protocol::sctp: return "sctp";
    }
    bug("a protocol without a name");
}

std::string PortRange::str() const { return first == last ? cat(first) : cat(first, '-', last); }

Result<ContainerPort> ContainerPort::parse(std::string_view text) {
    std::string_view rest = text;
    ContainerPort port;
    port.protocol = TRY(take_protocol(rest), "port '", text, "'");
    port.number = TRY(parse_number(rest, false), "port '", text, "'");
    return port;
}

std::string ContainerPort::str() const { return cat(number, '/', protocol_text(protocol)); }

Result<PortMapping> PortMapping::parse(std::string_view text) {
    const bool is_long = text.find('=') != std::string_view::npos;
    return TRY(is_long ? parse_long(text) : parse_short(text), "publish '", text, "'");
}

std::string PortMapping::str() const {
    std::string text;
    if (!host_ip.empty()) text = cat(shown_address(host_ip), ':');
    if (host.first != 0) text += host.str();
    if (!text.empty()) text += ':';  // Also behind an address alone: "127.0.0.1::80".
    return cat(text, container.str(), '/', protocol_text(protocol));
}

Result<std::vector<ContainerPort>> parse_expose(std::string_view text) {
    std::string_view rest = text;
    const Protocol protocol = TRY(take_protocol(rest), "expose '", text, "'");
    const PortRange range = TRY(parse_range(rest, Zero::refused), "expose '", text, "'");
    std::vector<ContainerPort> ports;
    for (unsigned port = range.first; port <= range.last; ++port)
        ports.push_back({static_cast<std::uint16_t>(port), protocol});
    return ports;
}

std::vector<PortMapping> plan_publish_all(std::span<const ContainerPort> exposed, std::span<const PortMapping> published) {
    std::vector<PortMapping> added;
    for (const ContainerPort& port : exposed) {
        const bool named = std::any_of(published.begin(), published.end(), [&](const PortMapping& mapping) {
            return mapping.protocol == port.protocol && mapping.container.contains(port.number);
        });
        if (!named) added.push_back({"", {0, 0}, {port.number, port.number}, port.protocol});
    }
    return added;
}

PortMap port_bindings(std::span<const PortMapping> mappings) {
    PortMap map;
    for (const PortMapping& mapping : mappings) {
        const bool pairwise = mapping.host.first != 0 && mapping.host.size() == mapping.container.size();
        for (unsigned i = 0; i < mapping.container.size(); ++i) {
            const ContainerPort port{static_cast<std::uint16_t>(mapping.container.first + i), mapping.protocol};
            std::string host = mapping.host.first == 0 ? std::string() : mapping.host.str();
            if (pairwise) host = std::to_string(mapping.host.first + i);
            auto& bindings = map[port.str()];
            if (!bindings) bindings.emplace();
            bindings->push_back({mapping.host_ip, std::move(host)});
        }
    }
    return map;
}

Result<std::vector<PortMapping>> parse_port_bindings(const PortMap& bindings) {
    std::vector<PortMapping> mappings;
    for (const auto& [key, hosts] : bindings) {
        const ContainerPort port = TRY(ContainerPort::parse(key));
        if (!hosts) continue;
        for (const PortBinding& binding : *hosts) {
            const std::string host_ip = TRY(parse_host_ip(binding.host_ip), key);
            PortMapping mapping{host_ip, {}, {port.number, port.number}, port.protocol};
            if (!binding.host_port.empty()) mapping.host = TRY(parse_range(binding.host_port, Zero::allowed), key);
            mappings.push_back(std::move(mapping));
        }
    }
    return mappings;
}

PortMap port_map(std::span<const PublishedPort> published, std::span<const ContainerPort> exposed) {
    PortMap map;
    for (const ContainerPort& port : exposed) map[port.str()];
    for (const PublishedPort& port : published)
        for (unsigned i = 0; i < port.container.size(); ++i) {
            const ContainerPort inside{static_cast<std::uint16_t>(port.container.first + i), port.protocol};
            auto& bindings = map[inside.str()];
            if (!bindings) bindings.emplace();
            bindings->push_back({port.host_ip, std::to_string(port.host.first + i)});
        }
    return map;
}

std::string ports_column(std::span<const PublishedPort> published, std::span<const ContainerPort> exposed) {
    std::vector<Shown> shown;
    for (const PublishedPort& port : join_neighbours({published.begin(), published.end()}))
        shown.push_back({port.host != port.container, port.container.first, port.protocol, port.host_ip.find(':') != std::string::npos,
                         cat(shown_address(port.host_ip), ':', port.host.str(), "->", port.container.str(), '/', protocol_text(port.protocol))});
    std::vector<PublishedPort> closed;
    for (const ContainerPort& port : exposed)
        if (!is_published(published, port)) closed.push_back({"", {port.number, port.number}, {port.number, port.number}, port.protocol});
    for (const PublishedPort& port : join_neighbours(std::move(closed)))
        shown.push_back({false, port.container.first, port.protocol, false, cat(port.container.str(), '/', protocol_text(port.protocol))});
    // docker: ports that keep their number and those that are not published come first.
    std::stable_sort(shown.begin(), shown.end(), [](const Shown& a, const Shown& b) {
        return std::tie(a.is_moved, a.sort_port, a.protocol, a.v6, a.text) < std::tie(b.is_moved, b.sort_port, b.protocol, b.v6, b.text);
    });
    std::string column;
    for (const Shown& port : shown) column += cat(column.empty() ? "" : ", ", port.text);
    return column;
}

std::vector<std::string> port_lines(std::span<const PublishedPort> published) {
    std::vector<PublishedPort> sorted(published.begin(), published.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const PublishedPort& a, const PublishedPort& b) {
        const bool a_v6 = a.host_ip.find(':') != std::string::npos, b_v6 = b.host_ip.find(':') != std::string::npos;
        return std::tie(a.container.first, a.protocol, a_v6, a.host) < std::tie(b.container.first, b.protocol, b_v6, b.host);
    });
    std::vector<std::tuple<unsigned, Protocol, std::size_t, std::string>> lines;
    for (std::size_t at = 0; at < sorted.size(); ++at)
        for (unsigned i = 0; i < sorted[at].container.size(); ++i) {
            const PublishedPort& port = sorted[at];
            const unsigned inside = port.container.first + i;
            lines.emplace_back(inside, port.protocol, at,
                               cat(inside, '/', protocol_text(port.protocol), " -> ", shown_address(port.host_ip), ':', port.host.first + i));
        }
    std::sort(lines.begin(), lines.end());
    std::vector<std::string> texts;
    for (auto& line : lines) texts.push_back(std::move(std::get<3>(line)));
    return texts;
}

std::vector<std::string> addresses_of_port(std::span<const PublishedPort> published, ContainerPort port) {
    std::vector<std::string> lines;
    for (const bool wildcard_first : {true, false})
        for (const PublishedPort& p : published)
            if (p.protocol == port.protocol && p.container.contains(port.number) && is_wildcard(p.host_ip) == wildcard_first)
                lines.push_back(cat(shown_address(p.host_ip), ':', p.host.first + (port.number - p.container.first)));
    return lines;
}

}  // namespace berth::network

berth::Result<berth::network::Protocol> berth::JsonText<berth::network::Protocol>::parse(std::string_view text) {
    return network::parse_protocol(text);
}

berth::Result<berth::network::PortRange> berth::JsonText<berth::network::PortRange>::parse(std::string_view text) {
    return network::parse_range(text, network::Zero::allowed);
}
