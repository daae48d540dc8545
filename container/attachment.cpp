// The client's end of a stream connection (engine.h, control.h).

#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/socket.h>

#include "container/control.h"
#include "container/engine.h"

namespace berth::container {

namespace {

Result<void> send_tagged(const Fd& socket, StreamTag tag, std::string_view bytes) {
    char head = static_cast<char>(tag);
    iovec parts[2] = {{&head, 1}, {const_cast<char*>(bytes.data()), bytes.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t sent;
    do sent = ::sendmsg(socket.raw(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    // The container ended meanwhile: next() tells.
    if (sent < 0 && errno != EPIPE && errno != ECONNRESET) return Error::of_errno(errno, "send to container");
    return {};
}

}  // namespace

Result<Attachment::Event> Attachment::next() {
    buffer_.resize(stream_packet_bytes);
    ssize_t got;
    // A reset tells that input of ours was not taken any more; what was sent to us before is still there.
    do got = ::recv(socket_.raw(), buffer_.data(), buffer_.size(), 0);
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0) return Error::of_errno(errno, "receive from container");
    if (got <= 0) return Error(Kind::wrong_state, "the connection to the container's monitor broke").with_hint("look at it with: berth ps -a");
    Event event;
    event.bytes = std::string_view(buffer_).substr(1, static_cast<std::size_t>(got) - 1);
    switch (static_cast<StreamTag>(buffer_[0])) {
        case StreamTag::output: event.what = Event::What::output; break;
        case StreamTag::error_output: event.what = Event::What::error_output; break;
        case StreamTag::detached: event.what = Event::What::detached; break;
        default:
            event.what = Event::What::ended;
            std::from_chars(event.bytes.data(), event.bytes.data() + event.bytes.size(), event.exit_code);
    }
    return event;
}

Result<void> Attachment::send_input(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, 16 * 1024);
        TRY(send_tagged(socket_, StreamTag::input, part));
        bytes.remove_prefix(part.size());
    }
    return {};
}

Result<void> Attachment::close_input() { return send_tagged(socket_, StreamTag::close_input, {}); }

Result<void> Attachment::resize(unsigned short rows, unsigned short columns) {
    const unsigned short size[2] = {rows, columns};
    char bytes[sizeof size];
    std::memcpy(bytes, size, sizeof size);
    return send_tagged(socket_, StreamTag::resize, std::string_view(bytes, sizeof bytes));
}

}  // namespace berth::container
