#pragma once
// One repository at one endpoint (distribution-spec): accounts and tokens, redirects, repetitions.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "image/registry/credentials.h"
#include "image/registry/http.h"
#include "image/registry/settings.h"

namespace berth::image {

/// One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1).
struct Challenge {
    std::string scheme;  ///< lower case
    std::map<std::string, std::string> parameters;
};
std::vector<Challenge> parse_challenges(std::string_view header);

/// What all threads of a transfer share: tokens by scope, and how an endpoint wants to be asked.
class RegistrySession {
public:
    RegistrySession(Endpoint endpoint, std::optional<Credentials> credentials)
        : endpoint_(std::move(endpoint)), credentials_(std::move(credentials)) {}
    const Endpoint& endpoint() const { return endpoint_; }

private:
    friend class RegistryClient;
    Endpoint endpoint_;
    std::optional<Credentials> credentials_;
    std::mutex mutex_;
    std::map<std::string, std::string> authorizations_;  ///< scope to the value of the header
    bool speaks_http_ = false;
};

/// Errors: Kind::not_found (404), Kind::denied (401, 403), Kind::system with the registry's own words else.
class RegistryClient {
public:
    explicit RegistryClient(RegistrySession& session) : session_(session) {}

    struct Ask {
        std::string method = "GET";
        std::string path;  ///< below /v2/REPOSITORY/, or an absolute URL (Location of an upload)
        std::string scope = "pull";
        std::vector<std::string> headers;
        std::string body;
        ByteSource* upload = nullptr;
        std::int64_t upload_size = -1;
        std::string mount_from;  ///< another repository that the token must cover
        bool follows_redirects = true;
    };
    /// The response, after account and redirects; statuses other than 401 are the caller's. Repeats what may be repeated when
    /// the connection fails or the registry is busy (429, 5xx), unless an upload was begun.
    Result<std::unique_ptr<HttpResponse>> send(const Ask& ask);
    /// As send, but any other status than those given is an error with the registry's words.
    Result<std::unique_ptr<HttpResponse>> expect(const Ask& ask, std::initializer_list<long> statuses);
    /// The error that a response stands for.
    Error failure(HttpResponse& response, const Ask& ask);
    const Endpoint& endpoint() const { return session_.endpoint_; }
    /// Absolute URL of the last response's request, redirects included.
    const std::string& last_url() const { return last_url_; }

private:
    Result<std::unique_ptr<HttpResponse>> send_once(const Ask& ask);
    Result<std::unique_ptr<HttpResponse>> send_authorized(const Ask& ask, const std::string& authorization);
    Result<std::unique_ptr<HttpResponse>> send_to(const Ask& ask, const std::string& url, const std::string& authorization);
    Result<std::string> authorize(const HttpResponse& refused, const std::string& scope_key, const Ask& ask);
    Result<std::string> fetch_token(const Challenge& challenge, const Ask& ask);
    std::string url_of(const Ask& ask) const;

    RegistrySession& session_;
    HttpClient http_;
    std::string last_url_;
};

/// A blob's bytes, fetched on through breaks: what is missing is asked for by range, from the registry's own address (that of
/// a redirect may have expired).
class BlobSource final : public ByteSource {
public:
    BlobSource(RegistryClient& client, std::string digest, std::int64_t size) : client_(client), digest_(std::move(digest)), size_(size) {}
    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override;

private:
    Result<void> connect();
    Result<void> recover(Error why);
    RegistryClient& client_;
    std::string digest_;
    std::int64_t size_;
    std::int64_t position_ = 0;
    std::int64_t last_failure_ = -1;  ///< position of it
    int failures_ = 0;
    std::unique_ptr<HttpResponse> response_;
    std::mutex mutex_;  ///< over response_ changing while somebody interrupts
    bool is_interrupted_ = false;
};

/// Waits before repetition `attempt` (0, 1, …): half a second doubling, with chance, or as long as the server asks for, at
/// most a minute.
void wait_before_retry(int attempt, std::string_view retry_after);

}  // namespace berth::image
