#include "base/rights.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>

namespace berth {

Result<void> send_rights(const Fd& socket, std::string_view bytes, std::span<const int> descriptors, std::string_view what) {
    if (descriptors.size() > most_rights) bug("send_rights: too many descriptors");
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_rights)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent;
    do sent = ::sendmsg(socket.raw(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return Error::of_errno(errno, what);
    return {};
}

Result<ReceivedRights> receive_rights(const Fd& socket, std::span<char> buffer, std::string_view what) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_rights)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got;
    // A peer that goes with a message of ours unread resets the connection, which is told once, before what it had sent
    // (unix_release_sock() in the kernel's net/unix/af_unix.c); that follows, then the end.
    do got = ::recvmsg(socket.raw(), &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0) return Error::of_errno(errno, what);
    ReceivedRights out;
    out.size = static_cast<std::size_t>(got);
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int raw = -1;
            std::memcpy(&raw, CMSG_DATA(head) + i * sizeof(int), sizeof raw);
            out.descriptors.emplace_back(raw);
        }
    }
    return out;
}

}  // namespace berth
