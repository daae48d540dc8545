#pragma once
// What goes on while a container runs: its ports are held, what the firewall cannot carry is relayed, and names are
// answered. One epoll descriptor over all of it, so that the monitor's loop sees one.

#include <memory>
#include <vector>

#include "network/dns.h"
#include "network/poller.h"
#include "network/relay.h"

namespace berth::network {

class Service {
public:
    static Result<std::unique_ptr<Service>> create();

    Relay& relay() { return relay_; }
    /// Starts the name service, or gives the running one its new scope.
    Result<void> serve_names(const Fd& netns, DnsServer::Settings settings);

    int events() const { return poller_.raw(); }
    void on_events() const { poller_.dispatch(); }

private:
    explicit Service(Poller poller) : poller_(std::move(poller)), relay_(poller_) {}
    Poller poller_;
    Relay relay_;
    std::unique_ptr<DnsServer> names_;
};

}  // namespace berth::network
