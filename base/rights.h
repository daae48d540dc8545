#pragma once
// Bytes and descriptors in one message over an AF_UNIX socket (unix(7), SCM_RIGHTS).

#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace berth {

/// More than any message here carries; those beyond are lost, as the kernel closes them.
constexpr std::size_t most_rights = 8;

/// Sends `bytes` as one message; the receiver gets duplicates of `descriptors`, at most most_rights. `what` begins the
/// error's text: "send to monitor: Broken pipe". No SIGPIPE.
Result<void> send_rights(const Fd& socket, std::string_view bytes, std::span<const int> descriptors, std::string_view what);

struct ReceivedRights {
    std::size_t size = 0;  ///< bytes of the message that went into the buffer; 0: the peer is gone
    std::vector<Fd> descriptors;
};
/// Waits for one message. A peer that went without reading all of ours still has its last words heard. What of it does not fit into `buffer` is lost (a packet) or comes next (a stream).
Result<ReceivedRights> receive_rights(const Fd& socket, std::span<char> buffer, std::string_view what);

}  // namespace berth
