#pragma once
// sockaddr_in and sockaddr_in6 as one value.

#include <cstring>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "network/address.h"

namespace berth::network {

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;

    SocketAddress() { std::memset(this, 0, sizeof *this); }

    socklen_t fill(const IpAddress& address, std::uint16_t port) {
        std::memset(this, 0, sizeof *this);
        if (address.is_v6()) {
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(port);
            std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
        } else {
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
        }
        return length();
    }
    socklen_t length() const { return any.sa_family == AF_INET6 ? sizeof v6 : sizeof v4; }
    std::uint16_t port() const { return ntohs(any.sa_family == AF_INET6 ? v6.sin6_port : v4.sin_port); }
    /// Alike for what is equal: nothing in it is left to chance.
    std::string_view as_bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
    bool operator==(const SocketAddress& other) const { return as_bytes() == other.as_bytes(); }
};

}  // namespace berth::network
