#pragma once
// What goes on while a container runs: its ports are held, what the firewall cannot carry is relayed, and names are
// answered. One epoll descriptor over all of it, so that the monitor's loop sees one.

#include <memory>
#include <vector>

#include "network/dns.h"
#include "network/poller.h"
#include "network/relay.h"
#include "network/table_watch.h"

namespace berth::network {

class Service {
public:
    static Result<std::unique_ptr<Service>> create();

    Relay& relay() { return relay_; }
    /// Starts the name service, or gives the running one its new scope.
    Result<void> serve_names(const Fd& netns, DnsServer::Settings settings);

    /// Calls `heal` when the firewall's table may be gone.
    Result<void> watch_firewall(std::function<void()> heal);

    int events() const { return poller_.raw(); }
    void on_events() const { poller_.dispatch(); }

private:
    explicit Service(Poller poller) : poller_(std::move(poller)), relay_(poller_) {}
    Poller poller_;
    Relay relay_;
    std::unique_ptr<DnsServer> names_;
    std::unique_ptr<TableWatch> watch_;
};

}  // namespace berth::network
