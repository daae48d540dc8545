// berth-fetch URL: one file by http(s), for the builder's ADD and its contexts. The body goes to stdout; what the server
// told of it goes to descriptor 3 as JSON: {"etag":…,"modified":SECONDS}. A program of its own, so that libcurl costs the
// other commands nothing and its parsers run apart. Redirects stay within http and https.

#include <ctime>

#include <string>
#include <string_view>

#include <unistd.h>

#include "base/json.h"
#include "base/sys.h"
#include "image/registry/http.h"

using berth::cat;
using berth::Error;
using berth::Fd;
using berth::Kind;
using berth::Result;

namespace {

constexpr int facts_descriptor = 3;
constexpr int most_redirects = 10;

bool is_web(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

/// Where a Location leads, seen from `base`.
std::string resolve_location(const std::string& base, const std::string& location) {
    if (location.find("://") != std::string::npos) return location;
    const std::size_t scheme = base.find("://") + 3;
    if (location.starts_with("//")) return cat(base.substr(0, scheme - 2), location);
    const std::size_t path = base.find('/', scheme);
    if (location.starts_with('/')) return cat(base.substr(0, path), location);
    return cat(path == std::string::npos ? base + "/" : base.substr(0, base.rfind('/') + 1), location);
}

/// Seconds of "Wed, 21 Oct 2015 07:28:00 GMT" (RFC 9110, 5.6.7); 0 for anything else.
std::int64_t parse_http_date(const std::string& text) {
    struct tm parts {};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return end != nullptr && *end == '\0' ? ::timegm(&parts) : 0;
}

Result<std::unique_ptr<berth::image::HttpResponse>> follow(berth::image::HttpClient& client, std::string url) {
    for (int redirects = 0;; ++redirects) {
        berth::image::HttpRequest request;
        request.url = url;
        auto response = TRY(client.send(request));
        const long status = response->status();
        if (status == 200) return response;
        const std::string location = response->headers().get("location");
        if (status < 300 || status >= 400 || location.empty()) return Error(Kind::system, cat("the server answered ", status));
        if (redirects == most_redirects) return Error(Kind::system, cat("more than ", most_redirects, " redirects"));
        url = resolve_location(url, location);
        if (!is_web(url)) return Error(Kind::denied, cat("redirected to '", url, "', which is neither http nor https"));
    }
}

Result<void> fetch(const std::string& url) {
    if (!is_web(url)) return Error(Kind::invalid, cat("'", url, "' is neither http nor https"));
    berth::image::HttpClient client;
    const auto response = TRY(follow(client, url));
    // Both were opened by the caller and end with the process.
    static const Fd body(STDOUT_FILENO), facts(facts_descriptor);
    std::string piece(1 << 16, '\0');
    for (;;) {
        const std::size_t got = TRY(response->read(piece));
        if (got == 0) break;
        TRY(berth::sys::write_all(body, std::string_view(piece).substr(0, got)), "write");
    }
    berth::Json told{berth::Json::Object()};
    told.set("etag", response->headers().get("etag"));
    told.set("modified", parse_http_date(response->headers().get("last-modified")));
    return berth::sys::write_all(facts, berth::json_text(told));
}

}  // namespace

int main(int argc, char** argv) {
    static const Fd errors(STDERR_FILENO);
    const auto done = argc == 2 ? fetch(argv[1]) : Result<void>(Error(Kind::invalid, "usage: berth-fetch URL"));
    if (done.ok()) return 0;
    ignore(berth::sys::write_all(errors, done.error().text() + "\n"), "nobody listens");
    return 1;
}
