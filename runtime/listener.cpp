#include "runtime/listener.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/json.h"
#include "base/rights.h"
#include "base/sys.h"

namespace berth::runtime {

Result<Fd> connect_to_socket(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string reachable = path;
    Fd node;
    if (path.size() >= sizeof address.sun_path) {
        // 108 bytes are all that the address holds; a descriptor has a short name.
        node = TRY(sys::open(path, O_PATH));
        reachable = cat("/proc/self/fd/", node.raw());
    }
    std::memcpy(address.sun_path, reachable.c_str(), reachable.size() + 1);
    if (::connect(socket.raw(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) != 0)
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
