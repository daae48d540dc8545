#include "network/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <string_view>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/descriptor_limit.h"
#include "base/sys.h"
#include "network/socket_address.h"

namespace berth::network {

namespace {

constexpr std::size_t descriptors_of_connection = 6;  // Two sockets, two pipes.
constexpr std::size_t most_sessions = 1024;  // Of one port: so many clients with an answer still to come.
constexpr Duration session_patience = Duration::of_seconds(90);  // docker-proxy's
constexpr std::size_t chunk = 64u << 10;

/// What the relay may take of this process's descriptors: the monitor needs some itself, for questions of its
/// name service and for an exec above all.
std::size_t room_for_relay() {
    constexpr std::uint64_t kept = 4096;
    const std::uint64_t all = descriptor_limit().soft;
    return static_cast<std::size_t>(all - std::min(all / 2, kept));
}

Result<Fd> connect_to(const IpAddress& address, std::uint16_t port, int type) {
    Fd socket(::socket(address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    SocketAddress name;
    const socklen_t length = name.fill(address, port);
    if (::connect(socket.raw(), &name.any, length) != 0 && errno != EINPROGRESS) return Error::of_errno(errno, "connect");
    return socket;
}

/// Bytes from one socket to the other through a pipe, which is how the kernel moves them without copying (splice(2)).
struct Flow {
    sys::Pipe pipe;
    std::size_t held = 0;
    bool source_ended = false;
    bool ended = false;

    /// As far as it goes now. False when the connection is broken.
    bool pump(const Fd& from, const Fd& to) {
        for (bool progress = true; progress && !ended;) {
            progress = false;
            if (!source_ended && held < chunk && !pull(from, progress)) return false;
            if (held > 0 && !push(to, progress)) return false;
            if (source_ended && held == 0) {
                ::shutdown(to.raw(), SHUT_WR);
                ended = true;
            }
        }
        return true;
    }

private:
    bool pull(const Fd& from, bool& progress) {
        const ssize_t got = ::splice(from.raw(), nullptr, pipe.write.raw(), nullptr, chunk, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) source_ended = true;
        held += static_cast<std::size_t>(got);
        progress = true;
        return true;
    }
    bool push(const Fd& to, bool& progress) {
        const ssize_t put = ::splice(pipe.read.raw(), nullptr, to.raw(), nullptr, held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (put < 0) return errno == EAGAIN || errno == EINTR;
        held -= static_cast<std::size_t>(put);
        progress = progress || put > 0;
        return true;
    }
};

}  // namespace

/// Descriptors that count as taken for as long as it lives.
class Relay::Share {
public:
    Share(Relay& owner, std::size_t count) : owner_(owner), count_(count) { owner_.room_ -= count_; }
    ~Share() { owner_.room_ += count_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

private:
    Relay& owner_;
    const std::size_t count_;
};

/// A held port.
class Relay::Door : public Watched {
public:
    Door(Relay& owner, Hold hold) : owner_(owner), hold_(std::move(hold)) {}
    const Hold& hold() const { return hold_; }
    virtual Result<void> start() = 0;
    /// There is room again.
    virtual void resume() {}
    void retarget(const IpAddress& container) { hold_.container = container; }

protected:
    Relay& owner_;
    Hold hold_;
};

// --- tcp ---------------------------------------------------------------------------------------------------------------

class Relay::Connection : public Watched {
public:
    Connection(Relay& owner, Fd client, Fd server)
        : owner_(owner), share_(owner, descriptors_of_connection), client_(std::move(client)), server_(std::move(server)) {}

    Result<void> start() {
        up_.pipe = TRY(sys::pipe(O_NONBLOCK));
        down_.pipe = TRY(sys::pipe(O_NONBLOCK));
        constexpr std::uint32_t all = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        TRY(owner_.poller_.add(server_, all, *this));
        return owner_.poller_.add(client_, all, *this);
    }
    void on_ready(std::uint32_t) override {
        if (!connected_ && !check_connected()) return;
        const bool whole = up_.pump(client_, server_) && down_.pump(server_, client_);
        if (!whole || (up_.ended && down_.ended)) owner_.finish(*this);
    }

private:
    /// False while it is being made, and when it could not be: then this is gone.
    bool check_connected() {
        int code = 0;
        socklen_t length = sizeof code;
        ::getsockopt(server_.raw(), SOL_SOCKET, SO_ERROR, &code, &length);
        if (code != 0) return owner_.finish(*this), false;
        SocketAddress peer;
        socklen_t size = sizeof peer;
        return connected_ = ::getpeername(server_.raw(), &peer.any, &size) == 0;
    }

    Relay& owner_;
    Share share_;
    Fd client_;
    Fd server_;
    Flow up_;
    Flow down_;
    bool connected_ = false;
};

class Relay::TcpDoor : public Relay::Door {
public:
    using Door::Door;
    // Edge-triggered: when descriptors run out, waiting clients must not keep the loop turning.
    Result<void> start() override { return owner_.poller_.add(hold_.held.socket, EPOLLIN | EPOLLET, *this); }

    void on_ready(std::uint32_t) override {
        waits_ = true;
        while (owner_.room_ >= descriptors_of_connection) {
            Fd client(::accept4(hold_.held.socket.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (client.valid()) relay(std::move(client));
            else if (errno != ECONNABORTED && errno != EINTR) return void(waits_ = errno != EAGAIN);
        }
    }
    void resume() override {
        if (waits_) on_ready(0);
    }

private:
    /// Where nobody is there the client sees its connection closed.
    void relay(Fd client) {
        auto server = connect_to(hold_.container, hold_.container_port, SOCK_STREAM);
        if (!server.ok()) return;
        const int on = 1;
        ::setsockopt(client.raw(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        auto connection = std::make_unique<Connection>(owner_, std::move(client), std::move(server).value());
        if (connection->start().ok()) owner_.connections_.emplace(connection.get(), std::move(connection));
    }

    bool waits_ = false;  ///< clients may be in the queue, and no edge will tell of them
};

// --- udp ---------------------------------------------------------------------------------------------------------------

class Relay::UdpDoor : public Relay::Door {
public:
    using Door::Door;
    Result<void> start() override {
        const int on = 1;
        const bool v6 = hold_.host.is_v6();
        ::setsockopt(hold_.held.socket.raw(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
        return owner_.poller_.add(hold_.held.socket, EPOLLIN, *this);
    }
    void on_ready(std::uint32_t) override;

    const Fd& socket() const { return hold_.held.socket; }
    void note_use(Session& session);

private:
    Session* find_or_open(const SocketAddress& client, std::span<const char> local);
    void make_room();
    void drop_oldest();

    std::list<Session> sessions_;  ///< the one longest unused first
    std::map<std::string_view, Session*> by_client_;
};

/// One client of a udp port: answers of the container go back to it, from the address that it had called.
class Relay::Session : public Watched {
public:
    Session(Relay& owner, UdpDoor& door, const SocketAddress& client, std::span<const char> local)
        : share_(owner, 1), door_(door), client_(client), local_(local.begin(), local.end()) {}
    Result<void> start(const Poller& poller, const Hold& hold) {
        server_ = TRY(connect_to(hold.container, hold.container_port, SOCK_DGRAM));
        return poller.add(server_, EPOLLIN, *this);
    }
    std::string_view client() const { return client_.as_bytes(); }

    void send(std::span<const char> bytes) {
        door_.note_use(*this);
        ::send(server_.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    void on_ready(std::uint32_t) override {
        std::array<char, 65536> buffer;
        const ssize_t got = ::recv(server_.raw(), buffer.data(), buffer.size(), 0);
        if (got < 0) return;
        door_.note_use(*this);
        iovec part{buffer.data(), static_cast<std::size_t>(got)};
        msghdr message{};
        message.msg_name = &client_.any;
        message.msg_namelen = client_.length();
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = local_.empty() ? nullptr : local_.data();
        message.msg_controllen = local_.size();
        ::sendmsg(door_.socket().raw(), &message, MSG_NOSIGNAL);
    }

    Tick used{};
    std::list<Session>::iterator place;

private:
    Share share_;
    UdpDoor& door_;
    SocketAddress client_;
    std::vector<char> local_;  // the IP_PKTINFO or IPV6_PKTINFO that its first packet came with
    Fd server_;
};

void Relay::UdpDoor::on_ready(std::uint32_t) {
    std::array<char, 65536> buffer;
    std::array<char, 128> control;
    SocketAddress client;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &client.any;
    message.msg_namelen = sizeof client;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(hold_.held.socket.raw(), &message, 0);
    if (got < 0) return;
    Session* session = find_or_open(client, {control.data(), message.msg_controllen});
    if (session != nullptr) session->send({buffer.data(), static_cast<std::size_t>(got)});
}

void Relay::UdpDoor::note_use(Session& session) {
    session.used = tick_now();
    sessions_.splice(sessions_.end(), sessions_, session.place);
}

Relay::Session* Relay::UdpDoor::find_or_open(const SocketAddress& client, std::span<const char> local) {
    if (const auto found = by_client_.find(client.as_bytes()); found != by_client_.end()) return found->second;
    make_room();
    if (owner_.room_ == 0) return nullptr;
    Session& session = sessions_.emplace_back(owner_, *this, client, local);
    session.place = std::prev(sessions_.end());
    if (!session.start(owner_.poller_, hold_).ok()) return sessions_.pop_back(), nullptr;
    by_client_.emplace(session.client(), &session);
    return &session;
}

/// Only a new client makes it look for idle ones: no timer for what is rarely there.
void Relay::UdpDoor::make_room() {
    const Tick now = tick_now();
    while (!sessions_.empty() && now - sessions_.front().used > session_patience) drop_oldest();
    if (!sessions_.empty() && (sessions_.size() >= most_sessions || owner_.room_ == 0)) drop_oldest();
}

void Relay::UdpDoor::drop_oldest() {
    by_client_.erase(sessions_.front().client());
    sessions_.pop_front();
}

// --- all of them -------------------------------------------------------------------------------------------------------

Relay::Relay(const Poller& poller) : poller_(poller), room_(room_for_relay()) {}
Relay::~Relay() = default;

void Relay::add(std::vector<Hold> holds) {
    for (Hold& hold : holds) {
        std::unique_ptr<Door> door;
        if (hold.protocol == Protocol::udp) door = std::make_unique<UdpDoor>(*this, std::move(hold));
        else door = std::make_unique<TcpDoor>(*this, std::move(hold));
        // Even unwatched it holds the port, which is its first task.
        ignore(door->start(), "without it only the relay is missing");
        doors_.push_back(std::move(door));
    }
}

void Relay::remove(const std::vector<PublishedPort>& ports) {
    std::erase_if(doors_, [&](const std::unique_ptr<Door>& door) {
        const Hold& hold = door->hold();
        return std::any_of(ports.begin(), ports.end(), [&](const PublishedPort& port) {
            return port.protocol == hold.protocol && port.host_ip == hold.host.str() && port.host.contains(hold.held.port);
        });
    });
}

void Relay::retarget(const PublishTarget& target) {
    for (const auto& door : doors_) {
        const bool v6 = door->hold().host.is_v6();
        const auto& same = v6 ? target.v6 : target.v4;
        const auto& other = v6 ? target.v4 : target.v6;
        if (same) door->retarget(*same);
        else if (other) door->retarget(*other);
    }
}

void Relay::finish(const Connection& connection) {
    connections_.erase(&connection);
    for (const auto& door : doors_) door->resume();
}

}  // namespace berth::network
