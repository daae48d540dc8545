#include "cli/oci/notify.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rights.h"
#include "base/sys.h"
#include "base/unix_address.h"

namespace berth::cli {

namespace {

constexpr const char* folder_name = "notify";
constexpr const char* socket_name = "notify.sock";
constexpr const char* place_in_container = "/run/notify";
constexpr int barrier_milliseconds = 5000;

std::string host_socket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    return path == nullptr ? "" : path;
}

Result<Fd> datagram_socket() {
    Fd out(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!out.valid()) return Error::of_errno(errno, "socket");
    return out;
}

/// A leading @ is the abstract namespace (sd_notify(3)).
Result<void> connect_to(const Fd& socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Error(Kind::invalid, cat("NOTIFY_SOCKET: '", path, "' is too long"));
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
    if (::connect(socket.raw(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
        return Error::of_errno(errno, cat("NOTIFY_SOCKET ", path));
    return {};
}

/// Without the last newline, as sd_notify(3) itself sends.
Result<void> send_lines(const Fd& host, std::string_view text) {
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    if (::send(host.raw(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return Error::of_errno(errno, "NOTIFY_SOCKET");
    return {};
}

/// What a container may say: its pids and descriptors mean nothing outside.
std::string lines_to_pass_on(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        const bool internal = line.starts_with("MAINPID=") || line.starts_with("FDSTORE") || line.starts_with("FDNAME=") ||
                              line.starts_with("BARRIER=");
        if (!line.empty() && !internal) out += cat(line, "\n");
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

bool says_ready(std::string_view lines) { return lines.starts_with("READY=1\n") || lines.find("\nREADY=1\n") != std::string_view::npos; }

/// Waits until systemd has read all: it asks the kernel whose a message is, and that must still be there
/// (sd_notify_barrier(3): the reader closes the descriptor that comes with the message).
Result<void> wait_until_read(const Fd& host) {
    sys::Pipe pipe = TRY(sys::pipe());
    const int end = pipe.write.raw();
    TRY(send_rights(host, "BARRIER=1", {&end, 1}, "NOTIFY_SOCKET"));
    pipe.write.reset();
    pollfd wait{pipe.read.raw(), POLLIN, 0};
    while (::poll(&wait, 1, barrier_milliseconds) < 0 && errno == EINTR) continue;
    return {};
}

}  // namespace

bool relays_notices() { return !host_socket().empty(); }

Result<void> prepare_notify(const OciContainer& container, runtime::Spec& spec) {
    if (!relays_notices()) return {};
    if (::mkdirat(container.folder().raw(), folder_name, 0755) != 0) return Error::of_errno(errno, folder_name);
    runtime::Mount mount;
    mount.destination = place_in_container;
    mount.source = cat(container.path(), "/", folder_name);
    mount.type = "bind";
    mount.options = {"bind", "nosuid", "noexec", "nodev", "ro"};
    spec.mounts.push_back(std::move(mount));
    spec.process->env.push_back(cat("NOTIFY_SOCKET=", place_in_container, "/", socket_name));
    return {};
}

Result<std::optional<Fd>> open_notify(const OciContainer& container) {
    if (host_socket().empty()) return std::optional<Fd>();
    auto folder = sys::openat(container.folder(), folder_name, O_RDONLY | O_DIRECTORY);
    if (!folder.ok() && folder.error().code() == ENOENT) return std::optional<Fd>();
    const Fd there = TRY(std::move(folder));
    const UnixAddress address = TRY(unix_address_in(there, socket_name));
    Fd socket = TRY(datagram_socket());
    if (::bind(socket.raw(), address.any(), address.size()) != 0)
        return Error::of_errno(errno, cat("bind ", socket_name));
    if (::fchmodat(there.raw(), socket_name, 0777, 0) != 0) return Error::of_errno(errno, socket_name);
    return std::optional(std::move(socket));
}

Result<void> relay_notices(const Fd& socket, const Fd& process, pid_t main_pid, RelayUntil until) {
    const Fd host = TRY(datagram_socket());
    TRY(connect_to(host, host_socket()));
    for (;;) {
        pollfd wait[2] = {{socket.raw(), POLLIN, 0}, {process.raw(), POLLIN, 0}};
        while (::poll(wait, 2, -1) < 0 && errno == EINTR) continue;
        if ((wait[0].revents & POLLIN) == 0) return {};  // What it said before it ended has been read.
        char bytes[4096];
        const ssize_t got = ::recv(socket.raw(), bytes, sizeof bytes, 0);
        if (got < 0) return Error::of_errno(errno, socket_name);
        const std::string lines = lines_to_pass_on({bytes, static_cast<std::size_t>(got)});
        if (lines.empty()) continue;
        TRY(send_lines(host, lines));
        if (!says_ready(lines)) continue;
        TRY(send_lines(host, cat("MAINPID=", main_pid)));
        TRY(wait_until_read(host));
        if (until == RelayUntil::ready) return {};
    }
}

}  // namespace berth::cli
