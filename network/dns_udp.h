#pragma once
// DNS over UDP: the listening socket and the questions that are on their way to another server. Private to dns.cpp.

#include <list>
#include <memory>

#include <netinet/in.h>

#include "network/dns.h"

namespace berth::network {

class DnsServer::Udp : public Watched {
public:
    static Result<std::unique_ptr<Udp>> create(const Poller& poller, DnsCore& core, Fd socket);
    ~Udp() override;
    void on_ready(std::uint32_t events) override;

private:
    class Pending;
    Udp(const Poller& poller, DnsCore& core, Fd socket);

    void take(dns::Bytes question, const sockaddr_in& client);
    void reply(const dns::Message& answer, const sockaddr_in& client) const;
    void expire();
    void finish(Pending& pending);

    const Poller& poller_;
    DnsCore& core_;
    const std::size_t most_pending_;
    Fd socket_;
    std::unique_ptr<Timer> timer_;
    std::list<std::unique_ptr<Pending>> pending_;
};

}  // namespace berth::network
