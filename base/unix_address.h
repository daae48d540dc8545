#pragma once
// Addresses of AF_UNIX sockets that have a name in the file system (unix(7)).

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"

namespace berth {

struct UnixAddress {
    sockaddr_un name{};
    const sockaddr* any() const { return static_cast<const sockaddr*>(static_cast<const void*>(&name)); }
    static constexpr socklen_t size() { return sizeof(sockaddr_un); }
};

/// Kind::invalid for a path of 108 bytes and more, which no address holds.
Result<UnixAddress> unix_address(const std::string& path);
/// `name` in an open folder, however deep that lies: by the folder's descriptor, which must stay open until bind or connect.
Result<UnixAddress> unix_address_in(const Fd& folder, const std::string& name);

}  // namespace berth
