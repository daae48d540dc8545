#pragma once
// What goes on while a container runs: its ports are held, connections that the firewall cannot carry are relayed, and
// names are answered. One epoll descriptor over all of it, so that the monitor's loop sees one.

#include <memory>
#include <vector>

#include "network/publish.h"

namespace berth::network {

class Service {
public:
    Service();
    ~Service();

    void add_holds(std::vector<Hold> holds);
    /// Closes the sockets of these ports.
    void remove_holds(const std::vector<PublishedPort>& ports);
    std::size_t hold_count() const { return holds_.size(); }
    bool is_idle() const { return holds_.empty(); }

    int events() const { return -1; }
    void on_events() {}

private:
    std::vector<Hold> holds_;
};

}  // namespace berth::network
