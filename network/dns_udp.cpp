#include "network/dns_udp.h"

#include <algorithm>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/descriptor_limit.h"

namespace berth::network {

namespace {

// A resolver asks again after 5 seconds (resolv.conf(5)); by then three servers have had their chance. One that is asked the
// next one's question meanwhile may still answer: a name that others have to be asked for takes seconds at times.
constexpr Duration server_patience = Duration::of_milliseconds(1500);
constexpr Duration patience = Duration::of_milliseconds(4500);
constexpr std::size_t most_servers = 3;
constexpr std::size_t most_pending = 1024;  // docker's

/// Each may take three descriptors: a container that floods must leave the monitor those by which it is stopped.
std::size_t pending_that_fit() { return std::min<std::size_t>(most_pending, descriptor_limit().soft / 8); }

}  // namespace

/// One question with a socket for each server, whose random port is half of what makes an answer hard to forge (RFC 5452).
class DnsServer::Udp::Pending : public Watched {
public:
    Pending(Udp& owner, dns::Message question, dns::Query query, const sockaddr_in& client)
        : owner_(owner), question_(std::move(question)), query_(std::move(query)), client_(client), servers_(owner.core_.upstream()) {
        if (servers_.size() > most_servers) servers_.resize(most_servers);
    }

    /// Asks the next server; false when there is none left.
    bool ask_next() {
        while (next_ < servers_.size()) {
            auto socket = owner_.core_.connect(servers_[next_++], SOCK_DGRAM);
            if (!socket.ok()) continue;
            if (::send(socket.value().raw(), question_.data(), question_.size(), 0) < 0) continue;
            if (!owner_.poller_.add(socket.value(), EPOLLIN, *this).ok()) continue;
            sockets_.push_back(std::move(socket).value());
            deadline_ = next_ < servers_.size() ? tick_now() + server_patience : began_ + patience;
            return true;
        }
        return false;
    }
    void on_ready(std::uint32_t) override {
        const std::size_t asked = sockets_.size();
        for (auto socket = sockets_.begin(); socket != sockets_.end();) {
            const Heard heard = hear(*socket);
            if (heard == Heard::answer) return owner_.finish(*this);
            socket = heard == Heard::failure ? sockets_.erase(socket) : std::next(socket);
        }
        if (sockets_.size() < asked && !ask_next() && sockets_.empty()) give_up();
    }
    bool is_late(Tick now) const { return now > deadline_; }
    void give_up() {
        owner_.reply(failure_ ? *failure_ : dns::make_empty_answer(question_, query_, dns::Code::server_failure), client_);
        owner_.finish(*this);
    }

private:
    enum class Heard { nothing, answer, failure };

    /// What one server says. One that cannot tell is no reason not to ask another, as libc would.
    Heard hear(const Fd& socket) {
        std::uint8_t buffer[4096 + 1];
        const ssize_t got = ::recv(socket.raw(), buffer, sizeof buffer, 0);
        // An ICMP refusal shows as an error here: the next server need not wait for the time-out.
        if (got < 0) return errno == EAGAIN || errno == EINTR ? Heard::nothing : Heard::failure;
        dns::Message answer(buffer, buffer + got);
        if (!dns::is_answer_to(answer, question_, query_)) return Heard::nothing;
        if (!dns::is_failure(answer)) return owner_.reply(answer, client_), Heard::answer;
        failure_ = std::move(answer);
        return Heard::failure;
    }

    Udp& owner_;
    dns::Message question_;
    dns::Query query_;
    sockaddr_in client_;
    std::vector<IpAddress> servers_;
    std::size_t next_ = 0;
    std::vector<Fd> sockets_;  ///< of those that may still answer
    std::optional<dns::Message> failure_;
    const Tick began_ = tick_now();
    Tick deadline_;
};

DnsServer::Udp::Udp(const Poller& poller, DnsCore& core, Fd socket) : poller_(poller), core_(core), most_pending_(pending_that_fit()), socket_(std::move(socket)) {}
DnsServer::Udp::~Udp() = default;

Result<std::unique_ptr<DnsServer::Udp>> DnsServer::Udp::create(const Poller& poller, DnsCore& core, Fd socket) {
    std::unique_ptr<Udp> udp(new Udp(poller, core, std::move(socket)));
    TRY(poller.add(udp->socket_, EPOLLIN, *udp));
    udp->timer_ = TRY(Timer::create(poller, [server = udp.get()] { server->expire(); }));
    return udp;
}

void DnsServer::Udp::on_ready(std::uint32_t) {
    std::uint8_t buffer[4096];
    sockaddr_in client{};
    socklen_t length = sizeof client;
    const ssize_t got = ::recvfrom(socket_.raw(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&client), &length);
    if (got > 0) take({buffer, static_cast<std::size_t>(got)}, client);
}

void DnsServer::Udp::take(dns::Bytes question, const sockaddr_in& client) {
    const auto parsed = dns::parse_query(question);
    if (!parsed) return;
    if (parsed->code != dns::Code::ok) return reply(dns::make_empty_answer(question, parsed->query, parsed->code), client);
    if (const auto answer = core_.answer(question, parsed->query, dns::Transport::udp)) return reply(*answer, client);
    // A container that floods waits for itself only: dropping makes it ask again.
    if (pending_.size() >= most_pending_) return;
    pending_.push_back(std::make_unique<Pending>(*this, dns::Message(question.begin(), question.end()), parsed->query, client));
    Pending& added = *pending_.back();
    if (!added.ask_next()) return added.give_up();
    if (pending_.size() == 1) timer_->arm(server_patience);
}

void DnsServer::Udp::reply(const dns::Message& answer, const sockaddr_in& client) const {
    ::sendto(socket_.raw(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&client), sizeof client);
}

void DnsServer::Udp::expire() {
    const Tick now = tick_now();
    for (auto at = pending_.begin(); at != pending_.end();) {
        Pending& pending = **at++;  // It may remove itself.
        if (pending.is_late(now) && !pending.ask_next()) pending.give_up();
    }
    if (!pending_.empty()) timer_->arm(Duration::of_milliseconds(250));
}

void DnsServer::Udp::finish(Pending& pending) {
    pending_.remove_if([&](const std::unique_ptr<Pending>& other) { return other.get() == &pending; });
}

}  // namespace berth::network
