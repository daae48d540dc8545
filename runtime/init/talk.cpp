// Messages to and from the parent (the diagram stands in runtime/plan.h).

#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

long send_message(const Context& context, const Message& message, int descriptor) {
    Message copy = message;
    iovec part{&copy, sizeof copy};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        __builtin_memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    }
    return raw::call_again(SYS_sendmsg, context.socket, &header, MSG_NOSIGNAL);
}

long wait_for_go(const Context& context) {
    Message answer{};
    const long got = raw::call_again(SYS_recvfrom, context.socket, &answer, sizeof answer, 0, nullptr, nullptr);
    if (got < 0) return got;
    // End of file: the parent is gone, and nobody will read why this child ends.
    if (got != sizeof answer || answer.type != MessageType::go) return -ECONNRESET;
    return 0;
}

long meet_parent(const Context& context, MessageType type, int descriptor) {
    const long sent = send_message(context, Message{type, 0, 0, 0, {}}, descriptor);
    return sent < 0 ? sent : wait_for_go(context);
}

}  // namespace berth::runtime::init
