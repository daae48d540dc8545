#pragma once
// HTTP, by libcurl, one exchange at a time and pulled by the reader: a body is read as any other source of bytes, so that a
// layer flows from the network into the store without a file between. Redirects, accounts and repetitions are the caller's.

#include <cstdint>

#include <memory>
#include <string>
#include <vector>

#include "image/stream.h"

namespace berth::image {

struct HttpHeaders {
    /// Lower-case names; a name may come more than once.
    std::vector<std::pair<std::string, std::string>> list;
    /// The first of that name, "" when there is none.
    std::string get(std::string_view lower_name) const;
    std::vector<std::string> all(std::string_view lower_name) const;
};

/// Certificates and what is accepted without one.
struct TlsSettings {
    bool is_verified = true;
    std::string ca_file;  ///< in addition to the system's
    std::string certificate_file;
    std::string key_file;
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;  ///< "Name: value"
    std::string body;
    /// Instead of `body`: sent as it comes. Its size when known, else -1 (chunked).
    ByteSource* upload = nullptr;
    std::int64_t upload_size = -1;
    TlsSettings tls;
};

/// An exchange whose headers are there. Errors of the transport are Kind::system ("connect to HOST:PORT: …").
class HttpResponse final : public ByteSource {
public:
    /// Keeps connections to be used again. One per thread.
    class Client {
    public:
        Client();
        ~Client();
        Client(const Client&) = delete;
        Client& operator=(const Client&) = delete;
        /// Sends the request and waits for the response's headers.
        Result<std::unique_ptr<HttpResponse>> send(const HttpRequest& request);

    private:
        friend class HttpResponse;
        struct State;
        std::unique_ptr<State> state_;
    };

    ~HttpResponse() override;
    long status() const { return status_; }
    const HttpHeaders& headers() const { return headers_; }
    /// A piece of the body. A connection that breaks or stands still too long is an error.
    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override;
    /// The rest of the body, at most `limit` bytes.
    Result<std::string> text(std::size_t limit);

private:
    friend class Client;
    struct Exchange;
    HttpResponse();
    long status_ = 0;
    HttpHeaders headers_;
    std::unique_ptr<Exchange> exchange_;
};
using HttpClient = HttpResponse::Client;

/// "https", "registry:5000", "/v2/…" of a URL.
struct UrlParts {
    std::string scheme;
    std::string authority;
    std::string rest;
};
UrlParts split_url(std::string_view url);
/// The target of a redirect or a Location: absolute as it is, or relative to `base`.
std::string resolve_url(const std::string& base, const std::string& location);
/// Percent-encoding of everything but unreserved characters.
std::string url_encoded(std::string_view text);

}  // namespace berth::image
