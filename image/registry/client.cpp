#include "image/registry/client.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <thread>

#include "base/json.h"

namespace berth::image {
namespace {

constexpr int most_attempts = 5;
constexpr int most_redirects = 10;
constexpr std::size_t longest_error = 1u << 20;
constexpr std::int64_t progress_bytes = 256 << 10;

bool is_busy(long status) {
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}
bool is_redirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/// A server's words, fit for a terminal.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 300)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    return out;
}

/// {"errors": [{"code": …, "message": …}]} of the distribution-spec; or nothing useful.
std::string registry_words(const std::string& body) {
    const Result<Json> document = parse_json(body, longest_error);
    if (!document.ok()) return {};
    const auto member = [](const Json* json, std::string_view name) {
        const Json* found = json == nullptr ? nullptr : json->find(name);
        return found != nullptr && found->string() != nullptr ? *found->string() : std::string();
    };
    const Json* errors = document.value().find("errors");
    if (errors == nullptr || errors->array() == nullptr || errors->array()->empty()) {
        const std::string details = member(&document.value(), "details");
        return details.empty() ? member(&document.value(), "message") : details;
    }
    const Json& first = errors->array()->front();
    const std::string code = member(&first, "code"), message = member(&first, "message");
    return code.empty() || message.empty() ? code + message : cat(code, ": ", message);
}

std::string basic(const Credentials& credentials) { return "Basic " + base64(cat(credentials.user, ":", credentials.password)); }

bool may_repeat(const RegistryClient::Ask& ask) { return ask.upload == nullptr && (ask.method == "GET" || ask.method == "HEAD"); }

}  // namespace

void wait_before_retry(int attempt, std::string_view retry_after) {
    constexpr std::int64_t longest_milliseconds = 60'000;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
    std::int64_t milliseconds = 0;
    if (error == std::errc() && end != retry_after.data() && seconds >= 0) {
        milliseconds = std::min(seconds, std::int64_t{60}) * 1000;
    } else {
        static thread_local std::minstd_rand random{std::random_device{}()};
        // Chance keeps many clients from coming back at the same moment.
        const std::int64_t most = std::min<std::int64_t>(500ll << attempt, longest_milliseconds);
        milliseconds = most / 2 + static_cast<std::int64_t>(random()) % (most / 2 + 1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

std::vector<Challenge> parse_challenges(std::string_view text) {
    std::vector<Challenge> challenges;
    const auto skip = [&](std::string_view what) { text.remove_prefix(std::min(text.find_first_not_of(what), text.size())); };
    const auto word = [&] {
        const std::size_t end = std::min(text.find_first_of(" \t,=\""), text.size());
        std::string out(text.substr(0, end));
        text.remove_prefix(end);
        for (char& c : out)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        return out;
    };
    while (true) {
        skip(" \t,");
        if (text.empty()) return challenges;
        const std::string name = word();
        if (name.empty()) return challenges;
        skip(" \t");
        if (!text.starts_with('=')) {
            challenges.push_back({name, {}});
            continue;
        }
        text.remove_prefix(1);
        skip(" \t");
        std::string value;
        if (text.starts_with('"')) {
            text.remove_prefix(1);
            while (!text.empty() && text.front() != '"') {
                if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
                value += text.front();
                text.remove_prefix(1);
            }
            text.remove_prefix(std::min<std::size_t>(1, text.size()));
        } else {
            const std::size_t end = std::min(text.find_first_of(" \t,"), text.size());
            value = text.substr(0, end);
            text.remove_prefix(end);
        }
        if (!challenges.empty()) challenges.back().parameters[name] = std::move(value);
    }
}

std::string RegistryClient::url_of(const Ask& ask) const {
    if (ask.path.find("://") != ask.path.npos) return ask.path;
    const Endpoint& endpoint = session_.endpoint_;
    const std::string base = cat(session_.speaks_http_ ? "http://" : "https://", endpoint.host, "/v2/");
    return ask.path.empty() ? base : cat(base, endpoint.path, "/", ask.path);
}

/// One exchange, redirects followed by hand: an account goes to its own host only, and never from https to http.
Result<std::unique_ptr<HttpResponse>> RegistryClient::send_to(const Ask& ask, const std::string& first_url, const std::string& authorization) {
    HttpRequest request;
    request.method = ask.method;
    request.url = first_url;
    request.headers = ask.headers;
    request.body = ask.body;
    request.upload = ask.upload;
    request.upload_size = ask.upload_size;
    request.tls = session_.endpoint_.tls;
    const UrlParts first = split_url(first_url);
    // The Location of an upload, the next page of a list: the account would go there by the same name, and in the clear.
    if (first.scheme != "https" && !session_.endpoint_.is_insecure)
        return Error(Kind::denied, cat(session_.endpoint_.host, ": leads from https to ", first.scheme, "://"));
    const bool is_own = first.authority == session_.endpoint_.host;
    if (!authorization.empty() && is_own) request.headers.push_back("Authorization: " + authorization);
    for (int hops = 0;; ++hops) {
        std::unique_ptr<HttpResponse> response = TRY(http_.send(request));
        last_url_ = request.url;
        if (!ask.follows_redirects || !is_redirect(response->status())) return response;
        const std::string location = response->headers().get("location");
        if (location.empty()) return Error(Kind::system, cat(first.authority, ": redirects without saying where"));
        if (hops == most_redirects) return Error(Kind::system, cat(first.authority, ": redirects too often"));
        const std::string target = resolve_url(request.url, location);
        const UrlParts from = split_url(request.url), to = split_url(target);
        if (to.scheme != "https" && to.scheme != "http") return Error(Kind::denied, cat(first.authority, ": redirects to ", to.scheme, "://"));
        if (from.scheme == "https" && to.scheme == "http") return Error(Kind::denied, cat(first.authority, ": redirects from https to http"));
        if (from.scheme != to.scheme || from.authority != to.authority)
            std::erase_if(request.headers, [](const std::string& header) { return header.starts_with("Authorization:"); });
        request.url = target;
    }
}

/// Tries https, and plain http when that does not answer and the registry may be insecure.
Result<std::unique_ptr<HttpResponse>> RegistryClient::send_authorized(const Ask& ask, const std::string& authorization) {
    bool may_fall_back = false;
    {
        const std::lock_guard lock(session_.mutex_);
        may_fall_back = session_.endpoint_.is_insecure && !session_.speaks_http_ && ask.path.find("://") == ask.path.npos && ask.upload == nullptr;
    }
    Result<std::unique_ptr<HttpResponse>> response = send_to(ask, url_of(ask), authorization);
    if (response.ok() || !may_fall_back || response.error().kind() != Kind::system) return response;
    {
        const std::lock_guard lock(session_.mutex_);
        session_.speaks_http_ = true;
    }
    Result<std::unique_ptr<HttpResponse>> plain = send_to(ask, url_of(ask), authorization);
    if (!plain.ok()) {
        const std::lock_guard lock(session_.mutex_);
        session_.speaks_http_ = false;
    }
    return plain;
}

Result<std::string> RegistryClient::fetch_token(const Challenge& challenge, const Ask& ask) {
    const auto parameter = [&](const char* name) {
        const auto found = challenge.parameters.find(name);
        return found == challenge.parameters.end() ? std::string() : found->second;
    };
    const std::string realm = parameter("realm");
    const UrlParts where = split_url(realm);
    const bool is_plain = where.scheme == "http";
    if (where.scheme != "https" && !is_plain) return Error(Kind::system, cat(endpoint().host, ": token service '", printable(realm), "' is no URL"));
    // Over plain http only what came over plain http itself.
    if (is_plain && !session_.endpoint_.is_insecure) return Error(Kind::denied, cat(endpoint().host, ": token service ", realm, " is not https"));

    std::vector<std::string> scopes;
    if (!ask.scope.empty() && !ask.path.empty()) scopes.push_back(cat("repository:", endpoint().path, ":", ask.scope));
    if (!ask.mount_from.empty()) scopes.push_back(cat("repository:", ask.mount_from, ":pull"));
    if (scopes.empty() && !parameter("scope").empty()) scopes.push_back(parameter("scope"));
    std::string query = cat("service=", url_encoded(parameter("service")));
    for (const std::string& scope : scopes) query += "&scope=" + url_encoded(scope);

    HttpRequest request;
    request.tls = session_.endpoint_.tls;
    const auto& credentials = session_.credentials_;
    if (credentials && !credentials->identity_token.empty()) {
        request.method = "POST";
        request.url = realm;
        request.headers = {"Content-Type: application/x-www-form-urlencoded"};
        request.body = cat("grant_type=refresh_token&client_id=berth&refresh_token=", url_encoded(credentials->identity_token), "&", query);
    } else {
        request.url = cat(realm, realm.find('?') == realm.npos ? "?" : "&", query);
        if (credentials) {
            request.url += "&account=" + url_encoded(credentials->user);
            request.headers = {"Authorization: " + basic(*credentials)};
        }
    }
    for (int attempt = 0;; ++attempt) {
        Result<std::unique_ptr<HttpResponse>> sent = http_.send(request);
        const bool is_last = attempt + 1 == most_attempts;
        if (!sent.ok() && is_last) return std::move(sent).error().context("token service");
        if (!sent.ok() || (is_busy(sent.value()->status()) && !is_last)) {
            wait_before_retry(attempt, sent.ok() ? sent.value()->headers().get("retry-after") : "");
            continue;
        }
        const std::string body = TRY(sent.value()->text(longest_error));
        const long status = sent.value()->status();
        if (status == 401 || status == 403)
            return Error(Kind::denied, cat(endpoint().host, ": access denied by ", where.authority, credentials ? " (wrong user or password?)" : ""))
                .with_hint("'berth login' keeps an account");
        if (status != 200) return Error(Kind::system, cat("token service ", where.authority, ": HTTP status ", status, " ", printable(registry_words(body))));
        const Json answer = TRY(parse_json(body), "token service ", where.authority);
        for (const char* name : {"token", "access_token"})
            if (const Json* token = answer.find(name); token != nullptr && token->string() != nullptr && !token->string()->empty()) return *token->string();
        return Error(Kind::system, cat("token service ", where.authority, ": answer without a token"));
    }
}

/// The Authorization that a 401 asks for.
Result<std::string> RegistryClient::authorize(const HttpResponse& refused, const std::string& scope_key, const Ask& ask) {
    std::vector<Challenge> challenges;
    for (const std::string& header : refused.headers().all("www-authenticate"))
        for (Challenge& challenge : parse_challenges(header)) challenges.push_back(std::move(challenge));
    for (const Challenge& challenge : challenges) {
        std::string authorization;
        if (challenge.scheme == "bearer") authorization = "Bearer " + TRY(fetch_token(challenge, ask));
        else if (challenge.scheme == "basic" && session_.credentials_ && !session_.credentials_->user.empty())
            authorization = basic(*session_.credentials_);
        if (authorization.empty()) continue;
        const std::lock_guard lock(session_.mutex_);
        session_.authorizations_[scope_key] = authorization;
        return authorization;
    }
    return std::string();
}

Result<std::unique_ptr<HttpResponse>> RegistryClient::send_once(const Ask& ask) {
    const std::string scope_key = cat(ask.scope, " ", ask.mount_from);
    std::string authorization;
    {
        const std::lock_guard lock(session_.mutex_);
        const auto known = session_.authorizations_.find(scope_key);
        if (known != session_.authorizations_.end()) authorization = known->second;
    }
    std::unique_ptr<HttpResponse> response = TRY(send_authorized(ask, authorization));
    if (response->status() != 401 || ask.upload != nullptr) return response;
    // None yet, or one that has expired meanwhile.
    const std::string fresh = TRY(authorize(*response, scope_key, ask));
    if (fresh.empty() || fresh == authorization) return response;
    return send_authorized(ask, fresh);
}

Result<std::unique_ptr<HttpResponse>> RegistryClient::send(const Ask& ask) {
    for (int attempt = 0;; ++attempt) {
        Result<std::unique_ptr<HttpResponse>> response = send_once(ask);
        const bool is_last = attempt + 1 == most_attempts || !may_repeat(ask);
        if (is_last) return response;
        if (response.ok() && !is_busy(response.value()->status())) return response;
        // What is refused on purpose will not change by asking again.
        if (!response.ok() && response.error().kind() != Kind::system) return response;
        wait_before_retry(attempt, response.ok() ? response.value()->headers().get("retry-after") : "");
    }
}

Error RegistryClient::failure(HttpResponse& response, const Ask& ask) {
    const long status = response.status();
    const Result<std::string> body = response.text(longest_error);
    const std::string words = printable(body.ok() ? registry_words(body.value()) : "");
    const std::string what = cat(endpoint().host, ": ", ask.method, " ", ask.path.empty() ? "/v2/" : ask.path, ": ");
    const std::string text = cat(what, "HTTP status ", status, words.empty() ? "" : " ", words);
    constexpr std::string_view manifests = "manifests/";
    if (status == 404 && ask.path.starts_with(manifests)) {
        const std::string wanted = ask.path.substr(manifests.size());
        const std::string name = cat(endpoint().host, "/", endpoint().path, wanted.find(':') == wanted.npos ? ":" : "@", wanted);
        return Error(Kind::not_found, cat("manifest for ", name, " not found", words.empty() ? "" : ": ", words));
    }
    if (status == 404) return Error(Kind::not_found, text);
    if (status == 401 || status == 403) return Error(Kind::denied, text).with_hint("'berth login' keeps an account");
    if (status == 429) {
        const std::string limit = response.headers().get("ratelimit-limit"), left = response.headers().get("ratelimit-remaining");
        return Error(Kind::busy, text).with_hint(limit.empty() ? "the registry limits how often it may be asked; wait, or log in" : cat("limit ", printable(limit), ", remaining ", printable(left), "; wait, or log in"));
    }
    return Error(Kind::system, text);
}

Result<std::unique_ptr<HttpResponse>> RegistryClient::expect(const Ask& ask, std::initializer_list<long> statuses) {
    std::unique_ptr<HttpResponse> response = TRY(send(ask));
    for (const long status : statuses)
        if (response->status() == status) return response;
    return failure(*response, ask);
}

Result<void> BlobSource::connect() {
    RegistryClient::Ask ask;
    ask.path = "blobs/" + digest_;
    if (position_ > 0) ask.headers.push_back(cat("Range: bytes=", position_, "-"));
    std::unique_ptr<HttpResponse> response = TRY(client_.expect(ask, {200, 206}));
    if (response->status() == 206) {
        const std::string range = response->headers().get("content-range");
        if (!range.starts_with(cat("bytes ", position_, "-"))) return Error(Kind::system, cat("blob ", digest_, ": answer is another range: ", printable(range)));
    } else {
        // The whole again: what is here already is read over.
        std::string skipped(64u << 10, '\0');
        for (std::int64_t left = position_; left > 0;) {
            const std::size_t wanted = std::min(skipped.size(), static_cast<std::size_t>(left));
            const std::size_t got = TRY(response->read(std::span(skipped.data(), wanted)));
            if (got == 0) return Error(Kind::system, cat("blob ", digest_, ": answer is too short"));
            left -= static_cast<std::int64_t>(got);
        }
    }
    const std::lock_guard lock(mutex_);
    if (is_interrupted_) return Error(Kind::wrong_state, "transfer was given up");
    response_ = std::move(response);
    return {};
}

/// Another try after a break; patience is counted anew whenever a good piece arrived.
Result<void> BlobSource::recover(Error why) {
    if (why.kind() != Kind::system && why.kind() != Kind::busy) return why;
    if (last_failure_ >= 0 && position_ - last_failure_ >= progress_bytes) failures_ = 0;
    last_failure_ = position_;
    if (++failures_ >= most_attempts) return std::move(why).context("blob ", digest_, " after ", position_, " bytes");
    {
        const std::lock_guard lock(mutex_);
        response_.reset();
        if (is_interrupted_) return Error(Kind::wrong_state, "transfer was given up");
    }
    wait_before_retry(failures_ - 1, "");
    return {};
}

Result<std::size_t> BlobSource::read(std::span<char> into) {
    while (true) {
        if (position_ == size_) return std::size_t{0};
        if (!response_) {
            Result<void> connected = connect();
            if (!connected.ok()) {
                TRY(recover(std::move(connected).error()));
                continue;
            }
        }
        Result<std::size_t> got = response_->read(into);
        if (got.ok() && got.value() != 0) {
            position_ += static_cast<std::int64_t>(got.value());
            if (position_ > size_) return Error(Kind::corrupt, cat("blob ", digest_, ": longer than the ", size_, " bytes of its manifest"));
            return got;
        }
        TRY(recover(got.ok() ? Error(Kind::system, "connection ended early") : std::move(got).error()));
    }
}

void BlobSource::interrupt() {
    const std::lock_guard lock(mutex_);
    is_interrupted_ = true;
    if (response_) response_->interrupt();
}

}  // namespace berth::image
