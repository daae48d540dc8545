#include "container/streams.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/sys.h"
#include "container/pages.h"

namespace berth::container {

namespace {

// Shared by all streams: one thread, and what was read leaves before more is read.
char buffer[128 * 1024];
constexpr std::size_t client_packet_bytes = stream_packet_bytes - 1;
static_assert(sizeof buffer >= client_packet_bytes);

// A read of more leaves pages behind that are worth giving back.
constexpr std::size_t small_read = 8 * 1024;

// How much of one source is taken before others get their turn.
constexpr int reads_in_a_row = 4;

// A program that writes much then seldom waits for us, nor we for it. The kernel may refuse: it bounds what a user holds.
constexpr int pipe_bytes = 1 << 20;

Result<void> make_fifo(const Fd& folder, const std::string& name) {
    if (auto gone = sys::unlinkat(folder, name); !gone.ok() && gone.error().code() != ENOENT) return gone;
    if (::mkfifoat(folder.raw(), name.c_str(), 0600) != 0) return Error::of_errno(errno, cat("make FIFO ", name));
    return {};
}

/// The folder as a mount of its own that nothing leads to. What is opened in it shows in the container's /proc/self/fd as
/// "/stdout", where the host's folder would tell the paths of its stores.
Result<Fd> open_hidden(const Fd& folder) {
    Fd tree(static_cast<int>(::syscall(SYS_open_tree, folder.raw(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!tree.valid()) return Error::of_errno(errno, "hide the run folder");
    return tree;
}

Result<Fd> open_reader(const Fd& folder, const std::string& name) {
    return sys::openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
}

void set_nonblocking(const Fd& fd) {
    const int flags = ::fcntl(fd.raw(), F_GETFL);
    ::fcntl(fd.raw(), F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

Streams::Streams(Loop& loop, LogWriter log) : loop_(loop), log_(std::move(log)) {}

Streams::~Streams() { loop_.cancel_alarm(rest_alarm_); }

Result<Fd> Streams::make_source(const Fd& run_folder, const std::string& name, StreamTag tag, std::string process) {
    TRY(make_fifo(run_folder, name));
    TRY(adopt_source(run_folder, name, tag, std::move(process)));
    ::fcntl(sources_.back().fd.raw(), F_SETPIPE_SZ, pipe_bytes);
    if (!hidden_.valid()) hidden_ = TRY(open_hidden(run_folder));
    return sys::openat(hidden_, name, O_RDWR | O_NOFOLLOW);
}

Result<void> Streams::adopt_source(const Fd& run_folder, const std::string& name, StreamTag tag, std::string process) {
    Fd reader = TRY(open_reader(run_folder, name));
    const LogStream kind = tag == StreamTag::output ? LogStream::output : LogStream::error_output;
    sources_.push_back({std::move(reader), 0, log_.add_stream(kind, std::move(process)), tag, false});
    return {};
}

Result<void> Streams::make(const Fd& run_folder, const Definition& definition) {
    const Config& config = definition.config;
    input_once_ = config.stdin_once;
    if (!definition.host.processes.empty()) {
        auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
        orders_ = std::move(ours);
        extra_ends_.push_back(std::move(theirs));
    }
    for (const ProcessRequest& process : definition.host.processes) {
        extra_ends_.push_back(TRY(make_source(run_folder, cat("stdout.", process.name), StreamTag::output, process.name)));
        extra_ends_.push_back(TRY(make_source(run_folder, cat("stderr.", process.name), StreamTag::error_output, process.name)));
    }
    if (config.tty) return {};
    if (config.open_stdin) {
        sys::Pipe pipe = TRY(sys::pipe());
        ends_[0] = std::move(pipe.read);
        input_ = std::move(pipe.write);
        set_nonblocking(input_);
    }
    ends_[1] = TRY(make_source(run_folder, "stdout", StreamTag::output, {}));
    ends_[2] = TRY(make_source(run_folder, "stderr", StreamTag::error_output, {}));
    return {};
}

std::vector<const Fd*> Streams::extra_ends() const {
    std::vector<const Fd*> out;
    for (const Fd& end : extra_ends_) out.push_back(&end);
    return out;
}

Result<void> Streams::order(std::string_view text) const {
    if (!orders_.valid()) return Error(Kind::wrong_state, "the container has no declared processes (--proc)");
    return sys::write_all(orders_, text);
}

std::array<const Fd*, 3> Streams::ends() const {
    const auto end = [this](std::size_t number) { return ends_[number].valid() ? &ends_[number] : nullptr; };
    return {end(0), end(1), end(2)};
}

Result<void> Streams::give_ends_to(const runtime::ResolvedUser& user) const {
    if (user.uid == 0 && user.gid == 0) return {};
    for (const Fd& end : ends_)
        if (end.valid()) TRY(sys::fchown(end, user.uid, user.gid));
    for (const Fd& end : extra_ends_) TRY(sys::fchown(end, user.uid, user.gid));
    return {};
}

void Streams::close_ends() {
    for (Fd& end : ends_) end.reset();
    extra_ends_.clear();
}

Result<void> Streams::take_console(Fd master) {
    console_ = std::move(master);
    set_nonblocking(console_);
    const int slave = ::ioctl(console_.raw(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return Error::of_errno(errno, "open the terminal's other end");
    console_slave_ = Fd(slave);
    input_ = TRY(console_.duplicate());
    sources_.push_back({TRY(console_.duplicate()), 0, log_.add_stream(LogStream::output), StreamTag::output, false});
    return {};
}

Result<void> Streams::adopt(const Fd& run_folder, const Definition& definition) {
    for (const ProcessRequest& process : definition.host.processes) {
        TRY(adopt_source(run_folder, cat("stdout.", process.name), StreamTag::output, process.name));
        TRY(adopt_source(run_folder, cat("stderr.", process.name), StreamTag::error_output, process.name));
    }
    // A terminal went with the monitor that held its master, and an open stdin with its pipe: both ended for the program.
    if (definition.config.tty) return {};
    TRY(adopt_source(run_folder, "stdout", StreamTag::output, {}));
    return adopt_source(run_folder, "stderr", StreamTag::error_output, {});
}

void Streams::begin() {
    hidden_.reset();  // The starter has its answer.
    for (Source& source : sources_) watch_source(source);
}

void Streams::watch_source(Source& source) {
    source.watch = loop_.watch(source.fd.raw(), EPOLLIN, [this, &source](std::uint32_t) {
        for (int i = 0; i < reads_in_a_row && !sources_held_; ++i)
            if (!read_source(source)) return;
    });
}

// True when there may be more to read.
bool Streams::read_source(Source& source) {
    const ssize_t got = ::read(source.fd.raw(), buffer, clients_.empty() ? sizeof buffer : client_packet_bytes);
    if (got > 0) {
        const std::string_view bytes(buffer, static_cast<std::size_t>(got));
        const std::uint64_t dropped = log_.dropped();
        log_.write(source.log_stream, bytes);
        if (log_.dropped() != dropped && on_loss_) on_loss_();
        broadcast(source.tag, bytes);
        if (bytes.size() > small_read) rest_soon();
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    // The end: every holder closed it (a FIFO), or the terminal is gone (EIO).
    loop_.unwatch(source.watch);
    source.ended = true;
    return false;
}

/// A second of much output must not leave the monitor larger for ever. While it goes on, this costs some page faults a second.
void Streams::rest_soon() {
    if (rest_alarm_ != 0) return;
    rest_alarm_ = loop_.set_alarm(tick_now() + Duration::of_seconds(1), [this] {
        rest_alarm_ = 0;
        release_pages(buffer, sizeof buffer);
        log_.driver().give_back_memory();
        release_idle_memory();
    });
}

void Streams::broadcast(StreamTag tag, std::string_view bytes) {
    for (Client& client : clients_) {
        if (client.gone) continue;
        const bool wants = tag == StreamTag::output ? client.wishes.output : client.wishes.error_output;
        if (wants) send_to(client, tag, bytes);
    }
    hold_sources(blocked_ > 0);
    std::erase_if(clients_, [](const Client& client) { return client.gone && client.watch == 0; });
}

// True when nothing is left to send.
bool Streams::flush(Client& client) {
    if (client.pending.empty()) return true;
    const ssize_t sent = ::send(client.socket.raw(), client.pending.data(), client.pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (sent < 0) return drop(client), false;
    client.pending.clear();
    --blocked_;
    update(client);
    return true;
}

void Streams::send_to(Client& client, StreamTag tag, std::string_view bytes) {
    if (!flush(client)) return;
    char head = static_cast<char>(tag);
    iovec parts[2] = {{&head, 1}, {const_cast<char*>(bytes.data()), bytes.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t sent;
    do sent = ::sendmsg(client.socket.raw(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) return;
    if (errno != EAGAIN) return drop(client);
    ++blocked_;
    client.pending.assign(1, head);
    client.pending.append(bytes);
    update(client);
}

void Streams::hold_sources(bool hold) {
    if (hold == sources_held_) return;
    sources_held_ = hold;
    // Not watched at all meanwhile: epoll reports a hang-up even when nothing is asked for.
    for (Source& source : sources_) {
        if (source.ended) continue;
        if (hold) loop_.unwatch(source.watch);
        else watch_source(source);
    }
}

void Streams::add_client(Fd socket, StreamWishes wishes) {
    Client& client = clients_.emplace_back();
    client.socket = std::move(socket);
    client.wishes = wishes;
    client.watch = loop_.watch(client.socket.raw(), EPOLLIN, [this, &client](std::uint32_t events) { on_client(client, events); });
}

void Streams::update(Client& client) {
    if (client.watch == 0) return;
    std::uint32_t events = client.waits_for_input ? 0 : static_cast<std::uint32_t>(EPOLLIN);
    if (!client.pending.empty()) events |= EPOLLOUT;
    loop_.change(client.watch, events);
}

void Streams::on_client(Client& client, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && flush(client)) hold_sources(blocked_ > 0);
    if (client.gone) return;
    if ((events & EPOLLIN) != 0 && !client.waits_for_input) return take_packet(client);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) drop(client);
}

void Streams::take_packet(Client& client) {
    const ssize_t got = ::recv(client.socket.raw(), buffer, client_packet_bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(client);
    const std::string_view body(buffer + 1, static_cast<std::size_t>(got) - 1);
    switch (static_cast<StreamTag>(buffer[0])) {
        case StreamTag::input:
            if (!client.wishes.input || !input_.valid()) return;
            input_pending_.append(body);
            return write_input();
        case StreamTag::close_input:
            if (client.wishes.input && input_once_) close_input();
            return;
        case StreamTag::resize:
            if (body.size() == 4) {
                unsigned short size[2];
                std::memcpy(size, body.data(), sizeof size);
                // Without success there is no terminal, or no longer.
                if (resize(size[0], size[1]).ok() && on_resize) on_resize(size[0], size[1]);
            }
            return;
        default: return drop(client);
    }
}

// Takes no further packets while bytes wait: what clients send then stays in their sockets and holds them up.
void Streams::write_input() {
    while (!input_pending_.empty() && input_.valid()) {
        const ssize_t put = ::write(input_.raw(), input_pending_.data(), input_pending_.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno != EAGAIN) return close_input();
        if (put < 0) break;
        input_pending_.erase(0, static_cast<std::size_t>(put));
    }
    const bool waits = !input_pending_.empty();
    if (waits && input_watch_ == 0)
        input_watch_ = loop_.watch(input_.raw(), EPOLLOUT, [this](std::uint32_t) { write_input(); });
    if (!waits) loop_.unwatch(input_watch_);
    for (Client& client : clients_) {
        if (client.waits_for_input == waits) continue;
        client.waits_for_input = waits;
        update(client);
    }
}

void Streams::close_input() {
    if (console_.valid()) return;  // A terminal ends with the container only.
    loop_.unwatch(input_watch_);
    input_pending_.clear();
    input_.reset();
    for (Client& client : clients_) {
        client.waits_for_input = false;
        update(client);
    }
}

void Streams::drop(Client& client) {
    if (client.gone) return;
    client.gone = true;
    if (!client.pending.empty()) --blocked_;
    client.pending.clear();
    loop_.unwatch(client.watch);
    const bool closes_input = client.wishes.input && input_once_;
    client.socket.reset();
    hold_sources(blocked_ > 0);
    if (closes_input) close_input();
}

Result<void> Streams::resize(unsigned short rows, unsigned short columns) const {
    if (!console_.valid()) return Error(Kind::wrong_state, "the container has no terminal");
    const winsize size{rows, columns, 0, 0};
    if (::ioctl(console_.raw(), TIOCSWINSZ, &size) != 0) return Error::of_errno(errno, "resize terminal");
    return {};
}

void Streams::finish() {
    // What slow clients have not read yet fits into a larger queue: a FIFO holds no more than 1 MiB.
    const int queue_bytes = 4 << 20;
    for (const Client& client : clients_)
        if (!client.gone) ::setsockopt(client.socket.raw(), SOL_SOCKET, SO_SNDBUFFORCE, &queue_bytes, sizeof queue_bytes);
    for (Source& source : sources_) {
        while (source.fd.valid() && read_source(source)) continue;
        loop_.unwatch(source.watch);
        source.ended = true;
        log_.end_of(source.log_stream);
    }
    log_.close();
    sources_.clear();
    sources_held_ = false;
    loop_.unwatch(input_watch_);
    input_.reset();
    console_.reset();
    console_slave_.reset();
    close_ends();
}

void Streams::send_end(int exit_code) {
    for (Client& client : clients_) {
        if (client.gone) continue;
        send_to(client, StreamTag::ended, cat(exit_code));
        loop_.unwatch(client.watch);
        client.socket.reset();
        client.gone = true;
    }
    blocked_ = 0;
    clients_.clear();
}

}  // namespace berth::container
