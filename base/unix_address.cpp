#include "base/unix_address.h"

#include <cstring>

#include "base/cat.h"

namespace berth {

Result<UnixAddress> unix_address(const std::string& path) {
    UnixAddress address;
    address.name.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.name.sun_path) return Error(Kind::invalid, cat(path, ": path too long for a socket"));
    std::memcpy(address.name.sun_path, path.data(), path.size());
    return address;
}

Result<UnixAddress> unix_address_in(const Fd& folder, const std::string& name) {
    return unix_address(cat("/proc/self/fd/", folder.raw(), "/", name));
}

}  // namespace berth
