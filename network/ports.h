#pragma once
// Ports, as a user writes and reads them: docker's `-p` and `--expose` grammars to values, values to the texts of `port`,
// `ps` and `inspect`. Pure. A range stays one value all the way to the firewall: ten thousand ports cost what one costs,
// and are spelled out only where docker's documents have a line for each.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace berth::network {

enum class Protocol { tcp, udp, sctp };
std::string_view protocol_text(Protocol protocol);

/// Both ends belong to it. {0, 0} stands for "any free port" where a host port is wanted.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    unsigned size() const { return static_cast<unsigned>(last) - first + 1; }
    bool contains(std::uint16_t port) const { return first <= port && port <= last; }
    bool overlaps(const PortRange& other) const { return first <= other.last && other.first <= last; }
    /// "80" or "8000-8010"
    std::string str() const;
    auto operator<=>(const PortRange&) const = default;
};

/// A port of a container: "80/tcp". Ordered by number, then protocol.
struct ContainerPort {
    std::uint16_t number = 0;
    Protocol protocol = Protocol::tcp;
    /// `N[/PROTOCOL]`, protocol in any case.
    static Result<ContainerPort> parse(std::string_view text);
    std::string str() const;
    auto operator<=>(const ContainerPort&) const = default;
};

/// What one `-p` asks for.
struct PortMapping {
    std::string host_ip;  ///< canonical address; empty: every address of the host
    PortRange host;       ///< {0, 0}: any free port for each. Longer than `container`: one free port out of it
    PortRange container;
    Protocol protocol = Protocol::tcp;

    /// `[ip:][host[-host]:]container[-container][/tcp|udp|sctp]`, IPv6 in brackets, or the long form
    /// `published=,target=,protocol=,mode=`. Ranges pair one to one; a host range with one container port picks one.
    static Result<PortMapping> parse(std::string_view text);
    /// The text that parse takes, canonical: "127.0.0.1:8080:80/tcp".
    std::string str() const;
    auto operator<=>(const PortMapping&) const = default;
};

/// `N[-M][/PROTOCOL]` of `--expose` and EXPOSE.
Result<std::vector<ContainerPort>> parse_expose(std::string_view text);

/// `-P`: a random host port for each exposed port that no mapping names yet.
std::vector<PortMapping> plan_publish_all(std::span<const ContainerPort> exposed, std::span<const PortMapping> published);

/// Ports that are open on the host now: host and container ranges have equal lengths, host_ip is "0.0.0.0", "::" or one
/// of the host's addresses.
struct PublishedPort {
    std::string host_ip;
    PortRange host;
    PortRange container;
    Protocol protocol = Protocol::tcp;
    auto operator<=>(const PublishedPort&) const = default;
};
template <class Io>
void fields(Io& io, PublishedPort& port);

/// docker: PortBinding.
struct PortBinding {
    std::string host_ip;
    std::string host_port;
    bool operator==(const PortBinding&) const = default;
};
template <class Io>
void fields(Io& io, PortBinding& binding) {
    io.required("HostIp", binding.host_ip);
    io.required("HostPort", binding.host_port);
}
/// docker: PortMap, keys "80/tcp". An exposed port without a binding has null (absent optional).
using PortMap = std::map<std::string, std::optional<std::vector<PortBinding>>>;

/// HostConfig.PortBindings of what was asked for, and back (for documents written by others).
PortMap port_bindings(std::span<const PortMapping> mappings);
Result<std::vector<PortMapping>> parse_port_bindings(const PortMap& bindings);
/// NetworkSettings.Ports of a running container.
PortMap port_map(std::span<const PublishedPort> published, std::span<const ContainerPort> exposed);

/// The PORTS column of `ps`: "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 21/tcp", neighbours joined to ranges.
std::string ports_column(std::span<const PublishedPort> published, std::span<const ContainerPort> exposed);
/// The lines of `port CONTAINER`: "80/tcp -> 0.0.0.0:8080", sorted as docker sorts them.
std::vector<std::string> port_lines(std::span<const PublishedPort> published);
/// The lines of `port CONTAINER 80/tcp`: "0.0.0.0:8080"; empty when it is not published.
std::vector<std::string> addresses_of_port(std::span<const PublishedPort> published, ContainerPort port);

}  // namespace berth::network

namespace berth {

template <>
struct JsonText<network::Protocol> {
    static Result<network::Protocol> parse(std::string_view text);
    static std::string text(const network::Protocol& protocol) { return std::string(protocol_text(protocol)); }
};
template <>
struct JsonText<network::PortRange> {
    static Result<network::PortRange> parse(std::string_view text);
    static std::string text(const network::PortRange& range) { return range.str(); }
};
template <>
struct JsonText<network::PortMapping> {
    static Result<network::PortMapping> parse(std::string_view text) { return network::PortMapping::parse(text); }
    static std::string text(const network::PortMapping& mapping) { return mapping.str(); }
};
template <>
struct JsonText<network::ContainerPort> {
    static Result<network::ContainerPort> parse(std::string_view text) { return network::ContainerPort::parse(text); }
    static std::string text(const network::ContainerPort& port) { return port.str(); }
};

}  // namespace berth

template <class Io>
void berth::network::fields(Io& io, PublishedPort& port) {
    io.required("hostIp", port.host_ip);
    io.required("hostPort", port.host);
    io.required("containerPort", port.container);
    io.required("protocol", port.protocol);
}
