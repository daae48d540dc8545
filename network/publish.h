#pragma once
// Publishing: from what `-p` asks for to host ports that are free, held and known to the firewall.

#include <optional>
#include <string>
#include <vector>

#include "network/firewall.h"
#include "network/reserve.h"
#include "network/tables.h"

namespace berth::network {

/// Where the ports of a container lead.
struct PublishTarget {
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
};

/// One held socket and where a connection that arrives on it goes.
struct Hold {
    HeldPort held;
    Protocol protocol;
    IpAddress host;
    IpAddress container;
    std::uint16_t container_port;
};

struct PublishRequest {
    std::string container;  ///< id
    std::string name;       ///< for error texts of others
    std::vector<PortMapping> mappings;
    PublishTarget target;
    std::string default_address;  ///< empty: 0.0.0.0 and [::]
    std::size_t held = 0;         ///< sockets that the container has already
};

struct Published {
    std::vector<PublishedPort> ports;
    std::vector<Hold> holds;
    std::string table;  ///< the port table with the new lines
};

/// Most sockets that a container holds; ports beyond are only checked.
constexpr std::size_t most_holds = 64;

/// Chooses and holds. Kind::exists with "port 80/tcp on 0.0.0.0 is in use by …".
Result<Published> plan_publish(const PublishRequest& request, std::string table);

/// The sockets of ports that are published already, for a new monitor. A port that another program has taken meanwhile
/// is passed over: the firewall goes on serving it.
std::vector<Hold> hold_published(const std::vector<PublishedPort>& ports, const PublishTarget& target);

/// Firewall elements of all these ports.
std::vector<nft::Element> elements_of(const std::vector<PublishedPort>& ports, const PublishTarget& target);

}  // namespace berth::network
