#include "runtime/listener.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include "base/json.h"
#include "base/rights.h"
#include "base/sys.h"
#include "base/unix_address.h"

namespace berth::runtime {

Result<Fd> connect_to_socket(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    auto address = unix_address(path);
    Fd node;
    if (!address.ok()) {
        // A descriptor has a short name.
        node = TRY(sys::open(path, O_PATH));
        address = unix_address(cat("/proc/self/fd/", node.raw()));
    }
    const UnixAddress found = TRY(std::move(address));
    if (::connect(socket.raw(), found.any(), found.size()) != 0)
        return Error::of_errno(errno, cat("connect to ", path));
    return socket;
}

Result<void> send_descriptor(const Fd& socket, const std::string& document, const Fd& descriptor) {
    const int raw = descriptor.raw();
    return send_rights(socket, document, {&raw, 1}, "send a descriptor");
}

Result<void> send_to_socket(const std::string& path, const std::string& document, const Fd& descriptor) {
    const Fd socket = TRY(connect_to_socket(path));
    return send_descriptor(socket, document, descriptor);
}

std::string process_state_document(const std::string& state, pid_t pid, const std::string& metadata) {
    Json document;
    auto parsed = parse_json(state);
    document.set("ociVersion", "0.2.0");
    document.set("fds", Json::Array{Json("seccompFd")});
    document.set("pid", pid);
    if (!metadata.empty()) document.set("metadata", metadata);
    if (parsed.ok()) document.set("state", std::move(parsed).value());
    return json_text(document);
}

}  // namespace berth::runtime
