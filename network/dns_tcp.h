#pragma once
// DNS over TCP (RFC 7766): for answers that do not fit a datagram. Private to dns.cpp.

#include <list>
#include <memory>

#include "network/dns.h"

namespace berth::network {

class DnsServer::Tcp : public Watched {
public:
    static Result<std::unique_ptr<Tcp>> create(const Poller& poller, DnsCore& core, Fd listener);
    ~Tcp() override;
    void on_ready(std::uint32_t events) override;

private:
    class Client;
    Tcp(const Poller& poller, DnsCore& core, Fd listener);
    void expire();
    void finish(Client& client);

    const Poller& poller_;
    DnsCore& core_;
    Fd listener_;
    std::unique_ptr<Timer> timer_;
    std::list<std::unique_ptr<Client>> clients_;
};

}  // namespace berth::network
