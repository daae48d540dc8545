#pragma once
// The name server of one container: listens on 127.0.0.11 in its namespace, answers what names.h knows, and passes the
// rest to the host's servers, from the host's namespace. One thread, non-blocking, everything with a time limit.

#include <memory>
#include <vector>

#include "network/names.h"
#include "network/poller.h"

namespace berth::network {

/// What both transports need; owned by the server.
struct DnsCore {
    NameScope scope;
    std::vector<IpAddress> servers;  ///< --dns: asked from inside the container, as docker does. Empty: the host's own
    Fd netns;
    unsigned turn = 0;

    /// Read anew each time: the host may have moved to another network.
    std::vector<IpAddress> upstream() const;
    /// A non-blocking socket, connected (udp) or connecting (tcp) to port 53 of the server.
    Result<Fd> connect(const IpAddress& server, int type) const;
    std::optional<dns::Message> answer(dns::Bytes question, const dns::Query& query, dns::Transport transport);
};

class DnsServer {
public:
    struct Settings {
        NameScope scope;
        std::vector<IpAddress> servers;
    };
    static Result<std::unique_ptr<DnsServer>> create(const Poller& poller, const Fd& netns, Settings settings);
    ~DnsServer();
    /// After connect and disconnect.
    void set_scope(NameScope scope);

private:
    class Udp;
    class Tcp;
    DnsServer();
    DnsCore core_;
    std::unique_ptr<Udp> udp_;
    std::unique_ptr<Tcp> tcp_;
};

}  // namespace berth::network
