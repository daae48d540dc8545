// HTTP needs only its status line. gRPC speaks HTTP/2 (RFC 9113): the client's preface, one HEADERS frame whose fields are
// written as literals (RFC 7541 §6.2.2, no table and no Huffman code to keep), one DATA frame with the request of
// grpc.health.v1.Health/Check. Of the answer only DATA is looked at: the message says SERVING or it is no answer.

#include "healthcheck/endpoint.h"

#include <charconv>

#include <arpa/inet.h>

#include "base/cat.h"

namespace berth::healthcheck {

namespace {

constexpr std::size_t answer_limit = 64 * 1024;

Error bad_endpoint(std::string_view url, std::string_view what) {
    return Error(Kind::invalid, cat("health check '", url, "': ", what));
}

bool is_address(const std::string& text) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::string_view scheme_of(ProbeKind kind) {
    switch (kind) {
        case ProbeKind::http: return "http://";
        case ProbeKind::grpc: return "grpc://";
        default: return "tcp://";
    }
}

/// "[::1]:80", "127.0.0.1", "localhost:8080" into address and port text.
Result<std::pair<std::string, std::string>> split_authority(std::string_view url, std::string_view authority) {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return bad_endpoint(url, "']' is missing");
        const std::string_view rest = authority.substr(end + 1);
        if (!rest.empty() && rest[0] != ':') return bad_endpoint(url, "expected ':' behind ']'");
        return std::pair(std::string(authority.substr(1, end - 1)), std::string(rest.empty() ? rest : rest.substr(1)));
    }
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos) return std::pair(std::string(authority), std::string());
    return std::pair(std::string(authority.substr(0, colon)), std::string(authority.substr(colon + 1)));
}

void append_number(std::string& out, std::uint32_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xFF));
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
    std::string out;
    append_number(out, static_cast<std::uint32_t>(payload.size()), 3);
    append_number(out, type, 1);
    append_number(out, flags, 1);
    append_number(out, stream, 4);
    out += payload;
    return out;
}

/// A literal header field without indexing, both parts as plain strings under 127 bytes.
void append_field(std::string& block, std::string_view name, std::string_view value) {
    block.push_back('\0');
    append_number(block, static_cast<std::uint32_t>(name.size()), 1);
    block += name;
    append_number(block, static_cast<std::uint32_t>(value.size()), 1);
    block += value;
}

constexpr std::uint8_t frame_data = 0, frame_headers = 1, frame_settings = 4;
constexpr std::uint8_t flag_end_stream = 1, flag_ack = 1, flag_end_headers = 4, flag_padded = 8;

std::string grpc_request(const Endpoint& endpoint) {
    std::string block;
    append_field(block, ":method", "POST");
    append_field(block, ":scheme", "http");
    append_field(block, ":path", "/grpc.health.v1.Health/Check");
    append_field(block, ":authority", endpoint.authority);
    append_field(block, "content-type", "application/grpc");
    append_field(block, "te", "trailers");

    std::string message;
    if (!endpoint.path.empty()) {  // HealthCheckRequest{string service = 1}
        message.push_back(0x0A);
        append_number(message, static_cast<std::uint32_t>(endpoint.path.size()), 1);
        message += endpoint.path;
    }
    std::string body(1, '\0');  // Not compressed.
    append_number(body, static_cast<std::uint32_t>(message.size()), 4);
    body += message;

    return cat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(frame_settings, 0, 0, ""),
               frame(frame_headers, flag_end_headers, 1, block), frame(frame_data, flag_end_stream, 1, body),
               // The server's settings are taken as they are; this is said at once, since nothing here depends on them.
               frame(frame_settings, flag_ack, 0, ""));
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    return value;
}

/// All payload of DATA frames so far.
std::string data_of(std::string_view received) {
    std::string data;
    while (received.size() >= 9) {
        const std::size_t length = number_at(received, 0, 3);
        if (received.size() < 9 + length) break;
        std::string_view payload = received.substr(9, length);
        if (number_at(received, 3, 1) == frame_data) {
            if ((number_at(received, 4, 1) & flag_padded) != 0 && !payload.empty()) {
                const std::size_t padding = static_cast<unsigned char>(payload[0]);
                payload.remove_prefix(1);
                payload.remove_suffix(std::min(padding, payload.size()));
            }
            data += payload;
        }
        received.remove_prefix(9 + length);
    }
    return data;
}

Verdict judge_grpc(std::string_view received, bool ended) {
    const std::string data = data_of(received);
    if (data.size() >= 5) {
        const std::size_t length = number_at(data, 1, 4);
        if (data.size() >= 5 + length) {
            // HealthCheckResponse{ServingStatus status = 1}; SERVING is 1, and UNKNOWN (0) is not written at all.
            const std::string_view message = std::string_view(data).substr(5, length);
            if (message == std::string_view("\x08\x01", 2)) return {Verdict::State::healthy, "grpc: serving"};
            return {Verdict::State::unhealthy, "grpc: not serving"};
        }
    }
    if (ended || received.size() > answer_limit)
        return {Verdict::State::unhealthy, "grpc: no answer of grpc.health.v1.Health/Check"};
    return {};
}

Verdict judge_http(std::string_view received, bool ended) {
    const std::size_t end = received.find('\n');
    if (end == std::string_view::npos && !ended && received.size() < answer_limit) return {};
    std::string_view line = received.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    // "HTTP/1.1 200 OK"
    int status = 0;
    const bool is_http = line.starts_with("HTTP/") && line.size() >= 12 && line[8] == ' ' &&
                         std::from_chars(line.data() + 9, line.data() + 12, status).ptr == line.data() + 12;
    if (!is_http) return {Verdict::State::unhealthy, "no HTTP answer"};
    const bool good = status >= 200 && status < 400;
    return {good ? Verdict::State::healthy : Verdict::State::unhealthy, clean_output(line)};
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
    Endpoint endpoint;
    if (url.starts_with("http://")) endpoint.kind = ProbeKind::http;
    else if (url.starts_with("grpc://")) endpoint.kind = ProbeKind::grpc;
    else if (!url.starts_with("tcp://")) return bad_endpoint(url, "expected http://, tcp:// or grpc://");

    const std::string_view rest = url.substr(scheme_of(endpoint.kind).size());
    const std::size_t slash = rest.find('/');
    endpoint.authority = std::string(rest.substr(0, slash));
    const std::string path(slash == std::string_view::npos ? std::string_view() : rest.substr(slash));
    if (endpoint.kind == ProbeKind::http) endpoint.path = path.empty() ? "/" : path;
    if (endpoint.kind == ProbeKind::grpc && !path.empty()) endpoint.path = path.substr(1);
    if (endpoint.kind == ProbeKind::tcp && path.size() > 1) return bad_endpoint(url, "tcp has no path");
    if (endpoint.path.size() > 1024 || endpoint.authority.size() > 120) return bad_endpoint(url, "is too long");
    if (endpoint.kind == ProbeKind::grpc && endpoint.path.size() > 120) return bad_endpoint(url, "is too long");
    for (const char c : url)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return bad_endpoint(url, "holds a blank or control character");

    const auto [host, port_text] = TRY(split_authority(url, endpoint.authority));
    endpoint.address = host == "localhost" ? "127.0.0.1" : host;
    if (!is_address(endpoint.address))
        return bad_endpoint(url, cat("'", host, "' is no IP address"))
            .with_hint("the probe runs inside the container: use localhost or an address of it");
    if (port_text.empty() && endpoint.kind == ProbeKind::http) {
        endpoint.port = 80;
        return endpoint;
    }
    unsigned port = 0;
    const char* const end = port_text.data() + port_text.size();
    const auto parsed = std::from_chars(port_text.data(), end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end || port == 0 || port > 65535)
        return bad_endpoint(url, cat("expected a port from 1 to 65535, found '", port_text, "'"));
    endpoint.port = static_cast<std::uint16_t>(port);
    return endpoint;
}

std::string request_bytes(const Endpoint& endpoint) {
    switch (endpoint.kind) {
        case ProbeKind::http:
            return cat("GET ", endpoint.path, " HTTP/1.1\r\nHost: ", endpoint.authority,
                       "\r\nUser-Agent: berth-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
        case ProbeKind::grpc: return grpc_request(endpoint);
        default: return {};
    }
}

Verdict judge_answer(const Endpoint& endpoint, std::string_view received, bool ended) {
    switch (endpoint.kind) {
        case ProbeKind::http: return judge_http(received, ended);
        case ProbeKind::grpc: return judge_grpc(received, ended);
        default: return {Verdict::State::healthy, cat("connected to ", endpoint.authority)};
    }
}

}  // namespace berth::healthcheck
