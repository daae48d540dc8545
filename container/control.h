#pragma once
// How commands talk to a container's monitor: <run>/containers/<id>/control.sock, AF_UNIX SOCK_SEQPACKET, reachable by
// root only (its folder is 0700). One connection carries one request.
//
//   client → monitor   one packet, a JSON object {"Op": …}; exec adds its descriptors (SCM_RIGHTS)
//   monitor → client   one packet, {"OK": true, …} or {"OK": false, "Kind": …, "Error": …, "Hint": …, "Code": …}
//
// What follows the answer:
//   attach   stream packets both ways until the end (the first byte is a StreamTag)
//   exec     one more packet {"Exit": code} when the process has ended; with a tty the first answer carries its master
//   stop, kill, wait, restart: the answer itself comes when it is done
//   others   nothing; the monitor closes
// The start of a container uses the same packets on a socket pair that the monitor inherits: an answer that says ready or
// failed, then, when the caller attached, the stream.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "container/record.h"

namespace berth::container {

enum class Op { attach, exec, stop, kill, wait, pause, unpause, update, resize, reload, health, connect, disconnect, state };

/// One request; members that do not belong to `op` stay at their defaults and are not sent.
struct Request {
    Op op = Op::state;
    // attach, resize
    bool input = false;
    bool output = false;
    bool error_output = false;
    unsigned short rows = 0;
    unsigned short columns = 0;
    // stop, kill
    int signal = 0;
    std::int64_t timeout_seconds = 10;
    bool for_restart = false;  ///< stop: not the user's wish to keep it down, nor to remove it (--rm)
    bool for_boot = false;     ///< stop: the host goes down; start --boot decides as if it still ran
    std::string process;
    // wait
    std::string condition;
    // exec
    Words argv;
    Words env;
    std::string user;
    std::string working_dir;
    bool tty = false;
    bool privileged = false;
    bool detach = false;
    // connect, disconnect
    std::optional<network::EndpointRequest> endpoint;
};

/// A monitor's answer.
struct Answer {
    bool ok = true;
    std::string kind;
    std::string error;
    std::string hint;
    int code = 0;  ///< 125, 126, 127 of a failure; the exit code of `wait`
    int exit = -1;
    std::int64_t pid = 0;
    bool killed = false;
    bool ignored_signal = false;
    Words warnings;
    std::optional<healthcheck::Health> health;
};

/// First byte of a stream packet.
enum class StreamTag : char {
    input = 0,         ///< to the monitor: bytes for stdin
    output = 1,        ///< to the client
    error_output = 2,  ///< to the client
    close_input = 3,
    resize = 4,  ///< two little-endian 16-bit numbers: rows, columns
    ended = 5,   ///< to the client: the exit code as decimal text
    detached = 6,
};
/// Largest request or answer. An exec's arguments and environment fit: the kernel takes 2 MiB of them (execve(2)), and JSON
/// may need six bytes for one.
constexpr std::size_t control_packet_bytes = 16u << 20;
/// Largest stream packet, tag included.
constexpr std::size_t stream_packet_bytes = 32 * 1024 + 1;

Answer answer_of(const Error& error);
/// The failure an answer carries, or nothing when it is ok.
std::optional<Error> error_of(const Answer& answer);

/// Connects to the monitor in `run_folder`. Kind::not_found when none listens.
Result<Fd> connect_control(const std::string& run_folder);
/// Listens in `run_folder`, replacing a dead socket. Never waits in accept(2).
Result<Fd> listen_control(const std::string& run_folder);

Result<void> send_request(const Fd& socket, const Request& request, std::span<const int> descriptors = {});
Result<void> send_answer(const Fd& socket, const Answer& answer, std::span<const int> descriptors = {});

/// A packet and the descriptors that came with it; `bytes` is empty at the end of the connection.
struct Packet {
    std::string bytes;
    std::vector<Fd> descriptors;
    bool went_unread = false;  ///< The peer left without having read what was sent to it (unix(7): ECONNRESET).
};
Result<Packet> receive_packet(const Fd& socket, std::size_t limit);
Result<Request> parse_request(std::string_view text);
Result<Answer> parse_answer(std::string_view text);
/// Waits for the answer to a request that was sent; its failure becomes this function's error. Kind::wrong_state when the
/// monitor ended before it answered.
Result<Answer> receive_answer(const Fd& socket);

}  // namespace berth::container
