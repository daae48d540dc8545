#pragma once
// The sockets that hold a container's ports, and what to do when something arrives on one: that is traffic which address
// translation cannot carry ([::1], IPv6 to a container without it), or all of it while the firewall's table is missing.
// It is passed on in this process: tcp by splice(2), udp by a socket for each client. How many at once is a matter of this
// process's limit of descriptors; who comes when it is reached waits in the kernel's queue until a connection ends.

#include <map>
#include <memory>
#include <vector>

#include "network/poller.h"
#include "network/publish.h"

namespace berth::network {

class Relay {
public:
    explicit Relay(const Poller& poller);
    ~Relay();
    void add(std::vector<Hold> holds);
    /// Closes the sockets of these ports; connections that go on are left to end.
    void remove(const std::vector<PublishedPort>& ports);
    /// The container has another address.
    void retarget(const PublishTarget& target);
    std::size_t size() const { return doors_.size(); }

private:
    class Door;
    class TcpDoor;
    class UdpDoor;
    class Connection;
    class Session;
    class Share;
    void finish(const Connection& connection);

    const Poller& poller_;
    std::size_t room_;  ///< descriptors that connections and sessions may still take
    std::vector<std::unique_ptr<Door>> doors_;
    std::map<const Connection*, std::unique_ptr<Connection>> connections_;
};

}  // namespace berth::network
