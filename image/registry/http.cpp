#include "image/registry/http.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>

#include <curl/curl.h>

#include "base/cat.h"

namespace berth::image {
namespace {

constexpr std::size_t most_held = 1u << 20;   // Of a body that is not read yet: then the connection waits.
constexpr std::size_t longest_headers = 256u << 10;
constexpr long connect_seconds = 30;
// A peer that sends less than this for so long is taken for gone: a stalled connection never fails by itself.
constexpr long slowest_bytes_per_second = 256;
constexpr long slowest_seconds = 60;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.remove_suffix(1);
    return text;
}

void start_curl() {
    static const CURLcode started = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) bug("libcurl cannot be used");
}

}  // namespace

struct HttpResponse::Client::State {
    CURLM* multi = nullptr;
    std::vector<CURL*> idle;
};

/// What a running exchange needs; its address is known to curl.
struct HttpResponse::Exchange {
    Client::State* client = nullptr;
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    HttpResponse* response = nullptr;
    std::string body;
    std::string held;
    std::size_t given = 0;
    std::size_t header_bytes = 0;
    bool has_headers = false;
    bool is_paused = false;
    bool is_done = false;
    CURLcode result = CURLE_OK;
    char message[CURL_ERROR_SIZE] = {};
    std::string host;
    ByteSource* upload = nullptr;
    std::string_view upload_text;
    std::optional<Error> upload_failure;
    std::atomic<bool> is_interrupted = false;

    ~Exchange() {
        ::curl_multi_remove_handle(client->multi, easy);
        // The connection stays with the multi handle.
        ::curl_easy_reset(easy);
        client->idle.push_back(easy);
        ::curl_slist_free_all(headers);
    }
    Error failure() {
        if (upload_failure) return std::move(*std::exchange(upload_failure, std::nullopt));
        const std::string text = message[0] != '\0' ? std::string(message) : std::string(::curl_easy_strerror(result));
        return Error(Kind::system, cat(host, ": ", text));
    }
    /// Lets curl work until something has changed.
    Result<void> step() {
        if (is_interrupted) return Error(Kind::wrong_state, "transfer was given up");
        int running = 0;
        if (::curl_multi_perform(client->multi, &running) != CURLM_OK) return Error(Kind::internal, "libcurl failed");
        int left = 0;
        while (const CURLMsg* done = ::curl_multi_info_read(client->multi, &left))
            if (done->msg == CURLMSG_DONE && done->easy_handle == easy) {
                is_done = true;
                result = done->data.result;
            }
        if (!is_done && held.size() == given && !is_paused) ::curl_multi_poll(client->multi, nullptr, 0, 1000, nullptr);
        return {};
    }

    static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) {
        auto* exchange = static_cast<Exchange*>(self);
        const std::string_view line = trimmed({data, size * count});
        exchange->header_bytes += size * count;
        if (exchange->header_bytes > longest_headers) return 0;
        HttpHeaders& headers = exchange->response->headers_;
        // A new status line: what came before was an interim answer (100 Continue).
        if (line.starts_with("HTTP/")) headers.list.clear();
        else if (const std::size_t colon = line.find(':'); colon != line.npos)
            headers.list.emplace_back(lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
        if (line.empty()) {
            ::curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->response->status_);
            exchange->has_headers = exchange->response->status_ >= 200;
        }
        return size * count;
    }
    static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
        auto* exchange = static_cast<Exchange*>(self);
        if (exchange->held.size() - exchange->given >= most_held) {
            exchange->is_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        exchange->held.append(data, size * count);
        return size * count;
    }
    static std::size_t give_upload(char* into, std::size_t size, std::size_t count, void* self) {
        auto* exchange = static_cast<Exchange*>(self);
        if (exchange->upload == nullptr) {
            const std::size_t part = exchange->upload_text.copy(into, size * count);
            exchange->upload_text.remove_prefix(part);
            return part;
        }
        Result<std::size_t> got = exchange->upload->read({into, size * count});
        if (got.ok()) return got.value();
        exchange->upload_failure = std::move(got).error();
        return CURL_READFUNC_ABORT;
    }
};

std::string HttpHeaders::get(std::string_view lower_name) const {
    for (const auto& [name, value] : list)
        if (name == lower_name) return value;
    return {};
}

std::vector<std::string> HttpHeaders::all(std::string_view lower_name) const {
    std::vector<std::string> values;
    for (const auto& [name, value] : list)
        if (name == lower_name) values.push_back(value);
    return values;
}

HttpResponse::Client::Client() : state_(std::make_unique<State>()) {
    start_curl();
    state_->multi = ::curl_multi_init();
    if (state_->multi == nullptr) bug("libcurl cannot be used");
}

HttpResponse::Client::~Client() {
    for (CURL* easy : state_->idle) ::curl_easy_cleanup(easy);
    ::curl_multi_cleanup(state_->multi);
}

HttpResponse::HttpResponse() : exchange_(std::make_unique<Exchange>()) {}
HttpResponse::~HttpResponse() = default;

Result<std::unique_ptr<HttpResponse>> HttpResponse::Client::send(const HttpRequest& request) {
    std::unique_ptr<HttpResponse> response(new HttpResponse());
    Exchange& exchange = *response->exchange_;
    exchange.client = state_.get();
    exchange.response = response.get();
    exchange.host = split_url(request.url).authority;
    if (state_->idle.empty()) {
        exchange.easy = ::curl_easy_init();
        if (exchange.easy == nullptr) bug("libcurl cannot be used");
    } else {
        exchange.easy = state_->idle.back();
        state_->idle.pop_back();
    }
    CURL* easy = exchange.easy;
    for (const std::string& header : request.headers) exchange.headers = ::curl_slist_append(exchange.headers, header.c_str());
    // Waiting for "100 Continue" costs a second at servers that do not know it.
    exchange.headers = ::curl_slist_append(exchange.headers, "Expect:");
    ::curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
    ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, slowest_bytes_per_second);
    ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, slowest_seconds);
    ::curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers);
    ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.message);
    ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Exchange::take_header);
    ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Exchange::take_body);
    ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    if (!request.tls.is_verified) {
        ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!request.tls.ca_file.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, request.tls.ca_file.c_str());
    if (!request.tls.certificate_file.empty()) {
        ::curl_easy_setopt(easy, CURLOPT_SSLCERT, request.tls.certificate_file.c_str());
        ::curl_easy_setopt(easy, CURLOPT_SSLKEY, request.tls.key_file.c_str());
    }
    exchange.body = request.body;
    exchange.upload = request.upload;
    exchange.upload_text = exchange.body;
    if (request.method == "HEAD") {
        ::curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
        ::curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        ::curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
        ::curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Exchange::give_upload);
        ::curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
        const std::int64_t size = request.upload == nullptr ? static_cast<std::int64_t>(request.body.size()) : request.upload_size;
        ::curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    }
    ::curl_multi_add_handle(state_->multi, easy);
    while (!exchange.has_headers && !exchange.is_done) TRY(exchange.step());
    if (exchange.is_done && exchange.result != CURLE_OK && !exchange.has_headers) return exchange.failure();
    return response;
}

Result<std::size_t> HttpResponse::read(std::span<char> into) {
    Exchange& exchange = *exchange_;
    while (exchange.held.size() == exchange.given) {
        if (exchange.is_done) return exchange.result == CURLE_OK ? Result<std::size_t>(0) : Result<std::size_t>(exchange.failure());
        exchange.held.clear();
        exchange.given = 0;
        if (std::exchange(exchange.is_paused, false)) ::curl_easy_pause(exchange.easy, CURLPAUSE_CONT);
        if (exchange.held.empty()) TRY(exchange.step());
    }
    const std::size_t size = exchange.held.copy(into.data(), into.size(), exchange.given);
    exchange.given += size;
    return size;
}

void HttpResponse::interrupt() {
    exchange_->is_interrupted = true;
    ::curl_multi_wakeup(exchange_->client->multi);
}

Result<std::string> HttpResponse::text(std::size_t limit) {
    std::string out;
    char buffer[32u << 10];
    while (true) {
        const std::size_t got = TRY(read(buffer));
        if (got == 0) return out;
        if (out.size() + got > limit) return Error(Kind::invalid, cat(exchange_->host, ": answer is longer than ", limit, " bytes"));
        out.append(buffer, got);
    }
}

UrlParts split_url(std::string_view url) {
    UrlParts parts;
    if (const std::size_t scheme = url.find("://"); scheme != url.npos) {
        parts.scheme = lower(url.substr(0, scheme));
        url.remove_prefix(scheme + 3);
    }
    const std::size_t end = std::min(url.find_first_of("/?#"), url.size());
    parts.authority = url.substr(0, end);
    parts.rest = url.substr(end);
    return parts;
}

std::string resolve_url(const std::string& base, const std::string& location) {
    if (location.find("://") != location.npos) return location;
    const UrlParts parts = split_url(base);
    if (location.starts_with("//")) return cat(parts.scheme, ":", location);
    if (location.starts_with('/')) return cat(parts.scheme, "://", parts.authority, location);
    const std::string path = parts.rest.substr(0, std::min(parts.rest.find('?'), parts.rest.size()));
    return cat(parts.scheme, "://", parts.authority, path.substr(0, path.rfind('/') + 1), location);
}

std::string url_encoded(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("-._~", c) != nullptr;
        const unsigned char byte = static_cast<unsigned char>(c);
        if (is_plain && c != '\0') out += c;
        else out += {'%', hex[byte >> 4], hex[byte & 15]};
    }
    return out;
}

}  // namespace berth::image
