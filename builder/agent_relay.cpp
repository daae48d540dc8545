#include "builder/agent_relay.h"

#include <cerrno>
#include <csignal>
#include <list>
#include <vector>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/unix_address.h"
#include "base/worker.h"

namespace berth::builder {
namespace {

constexpr std::size_t most_connections = 64;
constexpr std::size_t chunk = 16u << 10;

Result<Fd> stream_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    return socket;
}

Result<Fd> listen_at(const std::string& path, const SocketAccess& access) {
    const std::size_t slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    const Fd folder = TRY(sys::open(path.substr(0, slash), O_PATH | O_DIRECTORY));
    const UnixAddress address = TRY(unix_address_in(folder, name));
    Fd socket = TRY(stream_socket());
    if (::bind(socket.raw(), address.any(), address.size()) != 0) return Error::of_errno(errno, path);
    if (::fchownat(folder.raw(), name.c_str(), access.uid, access.gid, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, path);
    if (::fchmodat(folder.raw(), name.c_str(), access.mode, 0) != 0) return Error::of_errno(errno, path);
    if (::listen(socket.raw(), 16) != 0) return Error::of_errno(errno, path);
    return socket;
}

Result<Fd> connect_to_agent(const std::string& agent) {
    const UnixAddress address = TRY(unix_address(agent));
    Fd socket = TRY(stream_socket());
    if (::connect(socket.raw(), address.any(), address.size()) != 0) return Error::of_errno(errno, agent);
    return socket;
}

/// One direction of a connection: never more than a chunk is held, so that a side that does not read stops the other.
class Flow {
public:
    Flow(const Fd& from, const Fd& to) : from_(from), to_(to) {}
    /// What to poll for: of the source while there is room, of the destination while something is held.
    short wants_of_source() const { return held_.empty() && !source_ended_ ? POLLIN : 0; }
    short wants_of_destination() const { return held_.empty() ? 0 : POLLOUT; }
    bool has_ended() const { return source_ended_ && held_.empty(); }
    /// As far as it goes now; false when the connection is broken.
    bool pump() {
        if (held_.empty() && !source_ended_ && !pull()) return false;
        return held_.empty() || push();
    }

private:
    bool pull() {
        char bytes[chunk];
        const ssize_t got = ::recv(from_.raw(), bytes, sizeof bytes, 0);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got > 0) return held_.assign(bytes, static_cast<std::size_t>(got)), true;
        source_ended_ = true;
        ::shutdown(to_.raw(), SHUT_WR);
        return true;
    }
    bool push() {
        const ssize_t put = ::send(to_.raw(), held_.data(), held_.size(), MSG_NOSIGNAL);
        if (put < 0) return errno == EAGAIN || errno == EINTR;
        held_.erase(0, static_cast<std::size_t>(put));
        return true;
    }

    const Fd& from_;
    const Fd& to_;
    std::string held_;
    bool source_ended_ = false;
};

class Connection {
public:
    Connection(Fd step, Fd agent) : step_(std::move(step)), agent_(std::move(agent)), asked_(step_, agent_), answered_(agent_, step_) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void watch(std::vector<pollfd>& into) const {
        into.push_back(watch_of(step_, asked_.wants_of_source() | answered_.wants_of_destination()));
        into.push_back(watch_of(agent_, answered_.wants_of_source() | asked_.wants_of_destination()));
    }
    /// False when it is over.
    bool go_on() { return asked_.pump() && answered_.pump() && !(asked_.has_ended() && answered_.has_ended()); }

private:
    /// poll(2) tells of a hang-up also whom it does not concern now; a negative number it leaves out.
    static pollfd watch_of(const Fd& socket, int events) { return {events == 0 ? -1 : socket.raw(), static_cast<short>(events), 0}; }

    Fd step_, agent_;
    Flow asked_, answered_;
};

void accept_all(const Fd& listener, const std::string& agent, std::list<Connection>& connections) {
    for (;;) {
        Fd step(::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!step.valid()) return;
        auto server = connect_to_agent(agent);
        // No agent, or too many at once: the client sees its connection closed.
        if (server.ok() && connections.size() < most_connections) connections.emplace_back(std::move(step), std::move(server).value());
    }
}

[[noreturn]] void relay(const Fd& listener, const std::string& agent) {
    std::list<Connection> connections;
    std::vector<pollfd> wanted;
    for (;;) {
        wanted.assign(1, {listener.raw(), POLLIN, 0});
        for (const Connection& connection : connections) connection.watch(wanted);
        if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) ::_exit(1);
        std::size_t at = 1;
        for (auto connection = connections.begin(); connection != connections.end(); at += 2) {
            const bool is_ready = wanted[at].revents != 0 || wanted[at + 1].revents != 0;
            if (is_ready && !connection->go_on()) connection = connections.erase(connection);
            else ++connection;
        }
        accept_all(listener, agent, connections);
    }
}

}  // namespace

Result<AgentRelay> AgentRelay::start(const std::string& path, const std::string& agent, const SocketAccess& access) {
    Fd listener = TRY(listen_at(path, access));
    const pid_t parent = ::getpid();
    const int kept[] = {listener.raw()};
    Child child = TRY(fork_worker(kept, [&]() -> bool {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (::getppid() != parent) return false;
        relay(listener, agent);
    }));
    return AgentRelay(std::move(child));
}

Result<void> AgentRelay::stop() {
    ignore(child_.kill(Signal::of(SIGKILL)), "it may have ended");
    TRY(child_.wait());
    return {};
}

}  // namespace berth::builder
