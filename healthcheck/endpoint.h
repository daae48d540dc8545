#pragma once
// The built-in probes http://, tcp:// and grpc://: what to connect to, which bytes to send and what an answer means.
// Pure: the monitor owns the socket, opened in the container's network namespace, and hands over what it reads.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "healthcheck/probe.h"

namespace berth::healthcheck {

struct Endpoint {
    ProbeKind kind = ProbeKind::tcp;
    std::string address;  ///< an IP address; "localhost" became 127.0.0.1
    std::uint16_t port = 0;
    std::string authority;  ///< as written, for the Host header
    std::string path;       ///< http: "/…"; grpc: the service's name, "" for the whole server
    bool operator==(const Endpoint&) const = default;
};
/// "http://ADDRESS[:PORT]/PATH", "tcp://ADDRESS:PORT", "grpc://ADDRESS:PORT[/SERVICE]". Names other than localhost are
/// refused: the probe concerns this container, and nothing here may wait for a name server.
Result<Endpoint> parse_endpoint(std::string_view url);

/// The bytes to send once connected; empty for tcp, where being connected is the answer.
std::string request_bytes(const Endpoint& endpoint);

/// What is known after some bytes of the answer.
struct Verdict {
    enum class State { more, healthy, unhealthy } state = State::more;
    std::string output;  ///< for the log, as "HTTP/1.1 200 OK" or "grpc: not serving"
};
/// Judges all bytes received so far; `ended` says that the peer closed. HTTP: 200 to 399 is healthy, as Kubernetes has it.
Verdict judge_answer(const Endpoint& endpoint, std::string_view received, bool ended);

}  // namespace berth::healthcheck
