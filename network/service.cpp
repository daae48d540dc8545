#include "network/service.h"

#include <algorithm>

namespace berth::network {

Service::Service() = default;
Service::~Service() = default;

void Service::add_holds(std::vector<Hold> holds) {
    for (Hold& hold : holds) holds_.push_back(std::move(hold));
}

void Service::remove_holds(const std::vector<PublishedPort>& ports) {
    std::erase_if(holds_, [&](const Hold& hold) {
        return std::any_of(ports.begin(), ports.end(), [&](const PublishedPort& port) {
            return port.protocol == hold.protocol && port.host_ip == hold.host.str() && port.host.contains(hold.held.port);
        });
    });
}

}  // namespace berth::network
