#include <criterion/criterion.h>

#include "healthcheck/endpoint.h"

using namespace berth;
using namespace berth::healthcheck;

TestSuite(healthcheck_endpoint, .timeout = 5);

namespace {

std::string error_of(std::string_view url) {
    const auto parsed = parse_endpoint(url);
    return parsed.ok() ? "" : parsed.error().text();
}

Verdict::State state(const char* url, std::string_view received, bool ended) {
    return judge_answer(parse_endpoint(url).value(), received, ended).state;
}

/// An HTTP/2 DATA frame of stream 1 with one gRPC message.
std::string grpc_answer(std::string_view message) {
    std::string body(1, '\0');
    body += std::string("\0\0\0", 3);
    body.push_back(static_cast<char>(message.size()));
    body += message;
    std::string frame("\0\0", 2);
    frame.push_back(static_cast<char>(body.size()));
    frame += std::string("\0\0\0\0\0\1", 6);
    return frame + body;
}

}  // namespace

Test(healthcheck_endpoint, http_takes_port_80_and_the_top_when_not_told) {
    const auto endpoint = parse_endpoint("http://localhost");
    cr_assert(endpoint.ok());
    cr_expect(endpoint.value() == (Endpoint{ProbeKind::http, "127.0.0.1", 80, "localhost", "/"}));
}

Test(healthcheck_endpoint, addresses_of_both_families_are_taken) {
    cr_expect(parse_endpoint("tcp://[::1]:5432").value() == (Endpoint{ProbeKind::tcp, "::1", 5432, "[::1]:5432", ""}));
    cr_expect(parse_endpoint("http://10.0.0.2:81/x?y=1").value() ==
              (Endpoint{ProbeKind::http, "10.0.0.2", 81, "10.0.0.2:81", "/x?y=1"}));
}

Test(healthcheck_endpoint, grpc_names_a_service_by_its_path) {
    const auto endpoint = parse_endpoint("grpc://localhost:50051/my.Service");
    cr_assert(endpoint.ok());
    cr_expect(endpoint.value().path == "my.Service");
}

Test(healthcheck_endpoint, what_is_wrong_is_said) {
    const std::string name = error_of("http://example.org/");
    cr_expect_str_eq(name.c_str(), "health check 'http://example.org/': 'example.org' is no IP address");
    const std::string port = error_of("tcp://127.0.0.1:0");
    cr_expect_str_eq(port.c_str(), "health check 'tcp://127.0.0.1:0': expected a port from 1 to 65535, found '0'");
    const std::string none = error_of("tcp://127.0.0.1");
    cr_expect_str_eq(none.c_str(), "health check 'tcp://127.0.0.1': expected a port from 1 to 65535, found ''");
    const std::string scheme = error_of("ftp://127.0.0.1:1");
    cr_expect_str_eq(scheme.c_str(), "health check 'ftp://127.0.0.1:1': expected http://, tcp:// or grpc://");
    const std::string blank = error_of("http://127.0.0.1/\r\nX: y");
    cr_expect_str_eq(blank.c_str(), "health check 'http://127.0.0.1/\r\nX: y': holds a blank or control character");
}

Test(healthcheck_endpoint, http_from_200_to_399_is_healthy) {
    const char* url = "http://localhost/";
    cr_expect(state(url, "HTTP/1.1 200 OK\r\n", false) == Verdict::State::healthy);
    cr_expect(state(url, "HTTP/1.0 302 Found\n", false) == Verdict::State::healthy);
    cr_expect(state(url, "HTTP/1.1 404 Not Found\r\n", false) == Verdict::State::unhealthy);
    cr_expect(state(url, "HTTP/1.1 200", false) == Verdict::State::more);
    cr_expect(state(url, "", true) == Verdict::State::unhealthy);
    cr_expect(state(url, "SSH-2.0-OpenSSH\r\n", false) == Verdict::State::unhealthy);
}

Test(healthcheck_endpoint, the_status_line_is_the_output) {
    const Verdict verdict = judge_answer(parse_endpoint("http://localhost/").value(), "HTTP/1.1 503 Busy\r\nA: b", false);
    cr_expect_str_eq(verdict.output.c_str(), "HTTP/1.1 503 Busy");
}

Test(healthcheck_endpoint, a_tcp_connection_is_answer_enough) {
    cr_expect(state("tcp://127.0.0.1:1", "", false) == Verdict::State::healthy);
    cr_expect(request_bytes(parse_endpoint("tcp://127.0.0.1:1").value()).empty());
}

Test(healthcheck_endpoint, grpc_is_healthy_only_when_it_says_serving) {
    const char* url = "grpc://127.0.0.1:1";
    const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
    cr_expect(state(url, settings, false) == Verdict::State::more);
    cr_expect(state(url, settings + grpc_answer("\x08\x01"), false) == Verdict::State::healthy);
    cr_expect(state(url, settings + grpc_answer("\x08\x02"), false) == Verdict::State::unhealthy);
    cr_expect(state(url, settings + grpc_answer(""), false) == Verdict::State::unhealthy);
    cr_expect(state(url, settings, true) == Verdict::State::unhealthy);
}

Test(healthcheck_endpoint, the_http_request_is_whole) {
    const std::string request = request_bytes(parse_endpoint("http://localhost:8080/up").value());
    cr_expect_str_eq(request.c_str(),
                     "GET /up HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: berth-health\r\nAccept: */*\r\n"
                     "Connection: close\r\n\r\n");
}
