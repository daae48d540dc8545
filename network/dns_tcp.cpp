#include "network/dns_tcp.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::network {

namespace {

constexpr Duration client_patience = Duration::of_seconds(10);
constexpr std::size_t most_clients = 32;

/// Messages with their length in front, on a non-blocking socket.
class Stream {
public:
    explicit Stream(Fd fd) : fd_(std::move(fd)) {}
    const Fd& fd() const { return fd_; }
    bool is_flushed() const { return out_.empty(); }

    void queue(dns::Bytes message) {
        out_.push_back(static_cast<std::uint8_t>(message.size() >> 8));
        out_.push_back(static_cast<std::uint8_t>(message.size()));
        out_.insert(out_.end(), message.begin(), message.end());
    }
    /// False when the connection is over.
    bool flush() {
        while (!out_.empty()) {
            const ssize_t put = ::send(fd_.raw(), out_.data(), out_.size(), MSG_NOSIGNAL);
            if (put < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
            out_.erase(out_.begin(), out_.begin() + put);
        }
        return true;
    }
    bool fill() {
        std::uint8_t buffer[4096];
        for (;;) {
            const ssize_t got = ::recv(fd_.raw(), buffer, sizeof buffer, 0);
            if (got < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
            if (got == 0) return false;
            in_.insert(in_.end(), buffer, buffer + got);
            // Nobody has more than one whole message and a part of the next before it is dealt with.
            if (in_.size() > 2 * 65537) return false;
        }
    }
    std::optional<dns::Message> next() {
        if (in_.size() < 2) return std::nullopt;
        const std::size_t length = static_cast<std::size_t>(in_[0] << 8 | in_[1]);
        if (in_.size() < 2 + length) return std::nullopt;
        const auto end = in_.begin() + static_cast<std::ptrdiff_t>(2 + length);
        dns::Message message(in_.begin() + 2, end);
        in_.erase(in_.begin(), end);
        return message;
    }

private:
    Fd fd_;
    dns::Message in_;
    dns::Message out_;
};

}  // namespace

/// One client: its questions are answered one after the other.
class DnsServer::Tcp::Client : public Watched {
public:
    Client(Tcp& owner, Fd fd) : owner_(owner), stream_(std::move(fd)), server_side_(*this), deadline_(tick_now() + client_patience) {}
    bool start() { return owner_.poller_.add(stream_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this).ok(); }
    bool is_late(Tick now) const { return now > deadline_; }

    void on_ready(std::uint32_t) override {
        if (!stream_.flush()) return owner_.finish(*this);
        // Who leaves answers unread is not listened to: its questions stay in its own memory, not in ours. The kernel calls
        // again when there is room, and who never reads runs into its deadline.
        if (!stream_.is_flushed()) return;
        const bool open = stream_.fill();
        if (!proceed() || !open) owner_.finish(*this);
    }

private:
    /// The connection to the host's server, while a question is there.
    class Server : public Watched {
    public:
        explicit Server(Client& client) : client_(client) {}
        void on_ready(std::uint32_t) override { client_.on_server(); }

    private:
        Client& client_;
    };

    /// Answers questions until one has to wait. False ends the client.
    bool proceed() {
        while (!server_ && stream_.is_flushed()) {
            std::optional<dns::Message> question = stream_.next();
            if (!question) return true;
            deadline_ = tick_now() + client_patience;
            const auto parsed = dns::parse_query(*question);
            if (!parsed) return false;
            query_ = parsed->query;
            if (parsed->code != dns::Code::ok) answer(dns::make_empty_answer(*question, query_, parsed->code));
            else if (const auto local = owner_.core_.answer(*question, query_, dns::Transport::tcp)) answer(*local);
            else if (!forward(std::move(*question))) answer(dns::make_empty_answer(question_, query_, dns::Code::server_failure));
        }
        return true;
    }
    void answer(const dns::Message& message) {
        stream_.queue(message);
        stream_.flush();
    }
    bool forward(dns::Message question) {
        question_ = std::move(question);
        servers_ = owner_.core_.upstream();
        next_server_ = 0;
        return connect_next();
    }
    bool connect_next() {
        server_.reset();
        while (next_server_ < servers_.size()) {
            auto fd = owner_.core_.connect(servers_[next_server_++], SOCK_STREAM);
            if (!fd.ok()) continue;
            server_.emplace(std::move(fd).value());
            server_->queue(question_);
            if (owner_.poller_.add(server_->fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, server_side_).ok()) return true;
            server_.reset();
        }
        return false;
    }
    void on_server() {
        const bool sent = server_->flush();
        const bool open = server_->fill();
        if (auto reply = server_->next(); reply && dns::is_answer_to(*reply, question_, query_)) {
            if (dns::is_failure(*reply) && connect_next()) return;
            server_.reset();
            answer(*reply);
        } else if (sent && open) {
            return;
        } else if (!connect_next()) {
            answer(dns::make_empty_answer(question_, query_, dns::Code::server_failure));
        }
        if (!proceed()) owner_.finish(*this);
    }

    Tcp& owner_;
    Stream stream_;
    Server server_side_;
    std::optional<Stream> server_;
    dns::Message question_;
    dns::Query query_;
    std::vector<IpAddress> servers_;
    std::size_t next_server_ = 0;
    Tick deadline_;
};

DnsServer::Tcp::Tcp(const Poller& poller, DnsCore& core, Fd listener) : poller_(poller), core_(core), listener_(std::move(listener)) {}
DnsServer::Tcp::~Tcp() = default;

Result<std::unique_ptr<DnsServer::Tcp>> DnsServer::Tcp::create(const Poller& poller, DnsCore& core, Fd listener) {
    std::unique_ptr<Tcp> tcp(new Tcp(poller, core, std::move(listener)));
    TRY(poller.add(tcp->listener_, EPOLLIN, *tcp));
    tcp->timer_ = TRY(Timer::create(poller, [server = tcp.get()] { server->expire(); }));
    return tcp;
}

void DnsServer::Tcp::on_ready(std::uint32_t) {
    Fd fd(::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    // The oldest makes room: it has had its answer, or never asked.
    if (clients_.size() >= most_clients) clients_.pop_front();
    clients_.push_back(std::make_unique<Client>(*this, std::move(fd)));
    if (!clients_.back()->start()) return clients_.pop_back();
    if (clients_.size() == 1) timer_->arm(client_patience);
}

void DnsServer::Tcp::expire() {
    const Tick now = tick_now();
    clients_.remove_if([&](const std::unique_ptr<Client>& client) { return client->is_late(now); });
    if (!clients_.empty()) timer_->arm(Duration::of_seconds(2));
}

void DnsServer::Tcp::finish(Client& client) {
    clients_.remove_if([&](const std::unique_ptr<Client>& other) { return other.get() == &client; });
}

}  // namespace berth::network
