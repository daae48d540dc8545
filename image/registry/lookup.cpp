// The small questions to a registry: manifests, tags, log in, search. See transfer.h.

#include <algorithm>

#include "image/registry/transfer.h"

namespace berth::image {
namespace {

constexpr std::size_t largest_manifest = 4u << 20;
constexpr std::size_t largest_config = 8u << 20;
constexpr std::size_t largest_answer = 16u << 20;
// Never */*: registries then answer with formats that nobody reads any more.
const std::string accepted = cat("Accept: ", media::oci_index, ", ", media::docker_list, ", ", media::oci_manifest, ", ", media::docker_manifest);

/// Asks one place after the other; the first answer counts, else the last one's error.
template <class T>
Result<T> at_first(const Reference& name, const RegistryAccess& access, const std::function<Result<T>(RegistryClient&)>& ask) {
    const auto sessions = TRY(open_sessions(name, Purpose::pull, access));
    std::optional<Error> failure;
    for (const auto& session : sessions) {
        RegistryClient client(*session);
        Result<T> answer = ask(client);
        if (answer.ok()) return answer;
        failure = std::move(answer).error();
    }
    return std::move(*failure);
}

std::string tag_or_digest(const Reference& name) { return name.digest().empty() ? name.with_default_tag().tag() : name.digest(); }

}  // namespace

Result<std::vector<std::unique_ptr<RegistrySession>>> open_sessions(const Reference& name, Purpose purpose, const RegistryAccess& access) {
    const RegistrySettings settings = TRY(RegistrySettings::load());
    std::vector<Endpoint> endpoints = TRY(endpoints_of(settings, name, purpose, access.is_insecure));
    std::vector<std::unique_ptr<RegistrySession>> sessions;
    for (Endpoint& endpoint : endpoints) {
        // By its own name: what the registry itself is trusted with is nothing for its mirrors.
        std::optional<Credentials> credentials = TRY(find_credentials(endpoint.account, access.auth_file));
        sessions.push_back(std::make_unique<RegistrySession>(std::move(endpoint), std::move(credentials)));
    }
    return sessions;
}

Result<FetchedManifest> fetch_manifest(RegistryClient& client, const std::string& wanted) {
    RegistryClient::Ask ask;
    ask.path = "manifests/" + wanted;
    ask.headers = {accepted};
    const std::unique_ptr<HttpResponse> response = TRY(client.expect(ask, {200}));
    FetchedManifest manifest{TRY(response->text(largest_manifest)), response->headers().get("content-type"), Digest::of_bytes("")};
    manifest.digest = Digest::of_bytes(manifest.text);
    const bool is_digest = wanted.find(':') != wanted.npos;
    if (is_digest && wanted != manifest.digest.str())
        return Error(wanted.starts_with("sha256:") ? Kind::corrupt : Kind::unsupported, cat(client.endpoint().host, ": manifest ", wanted, ": content is ", manifest.digest.str()));
    const std::string said = response->headers().get("docker-content-digest");
    if (said.starts_with("sha256:") && said != manifest.digest.str())
        return Error(Kind::corrupt, cat(client.endpoint().host, ": manifest ", wanted, ": content does not match the digest that the registry gives"));
    return manifest;
}

Result<std::string> fetch_blob(RegistryClient& client, const Descriptor& descriptor) {
    if (descriptor.size > static_cast<std::int64_t>(largest_config)) return Error(Kind::corrupt, cat("blob ", descriptor.digest, ": is too large for a configuration"));
    BlobSource source(client, descriptor.digest, descriptor.size);
    std::string text(static_cast<std::size_t>(descriptor.size), '\0');
    for (std::size_t size = 0; size < text.size();) {
        const std::size_t got = TRY(source.read(std::span(text).subspan(size)));
        if (got == 0) return Error(Kind::corrupt, cat("blob ", descriptor.digest, ": is too short"));
        size += got;
    }
    if (Digest::of_bytes(text).str() != descriptor.digest) return Error(Kind::corrupt, cat("blob ", descriptor.digest, ": content does not match its digest"));
    return text;
}

Result<std::string> remote_manifest(const Reference& name, const RegistryAccess& access) {
    return at_first<std::string>(name, access, [&](RegistryClient& client) -> Result<std::string> {
        FetchedManifest manifest = TRY(fetch_manifest(client, tag_or_digest(name)));
        return std::move(manifest.text);
    });
}

Result<std::vector<std::string>> remote_tags(const Reference& name, const RegistryAccess& access) {
    using Tags = std::vector<std::string>;
    return at_first<Tags>(name, access, [&](RegistryClient& client) -> Result<Tags> {
        Tags tags;
        RegistryClient::Ask ask;
        ask.path = "tags/list";
        while (true) {
            const std::unique_ptr<HttpResponse> response = TRY(client.expect(ask, {200}));
            const std::string text = TRY(response->text(largest_answer));
            const Json answer = TRY(parse_json(text));
            if (const Json* list = answer.find("tags")) {
                const Tags page = TRY(from_json<Tags>(*list));
                tags.insert(tags.end(), page.begin(), page.end());
            }
            // Link: </v2/x/tags/list?last=b>; rel="next"
            const std::string link = response->headers().get("link");
            const std::size_t begin = link.find('<'), end = link.find('>');
            if (begin == link.npos || end == link.npos || link.find("next") == link.npos || tags.size() > 100'000) return tags;
            ask.path = resolve_url(client.last_url(), link.substr(begin + 1, end - begin - 1));
        }
    });
}

Result<void> try_login(const std::string& server, const Credentials& credentials, const RegistryAccess& access) {
    const std::string host = server_host(server);
    const Reference any = TRY(Reference::parse(cat(host, "/login/check")), "login");
    const RegistrySettings settings = TRY(RegistrySettings::load());
    std::vector<Endpoint> endpoints = TRY(endpoints_of(settings, any, Purpose::push, access.is_insecure));
    RegistrySession session(std::move(endpoints.back()), credentials);
    RegistryClient client(session);
    RegistryClient::Ask ask;  // /v2/ itself
    ask.scope.clear();
    const std::unique_ptr<HttpResponse> response = TRY(client.send(ask), "login");
    if (response->status() == 200) return {};
    if (response->status() == 401 || response->status() == 403)
        return Error(Kind::denied, cat("login: ", host, ": unauthorized: wrong user or password"));
    return client.failure(*response, ask).context("login");
}

Result<std::vector<SearchRow>> search(const std::string& term, std::int64_t limit, const RegistryAccess& access) {
    // "registry.example/word" asks that registry, anything else the Hub.
    const std::size_t slash = term.find('/');
    const std::string first = term.substr(0, std::min(slash, term.size()));
    const bool has_host = slash != term.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
    const std::string host = has_host ? first : "docker.io";
    const Reference any = TRY(Reference::parse(cat(host, "/search/any")), "search");
    const auto sessions = TRY(open_sessions(any, Purpose::push, access));
    RegistryClient client(*sessions.back());
    RegistryClient::Ask ask;
    const bool is_plain = client.endpoint().is_insecure;
    ask.path = cat(is_plain ? "http://" : "https://", host == "docker.io" ? "index.docker.io" : host, "/v1/search?q=",
                   url_encoded(has_host ? term.substr(slash + 1) : term), "&n=", limit);
    const std::unique_ptr<HttpResponse> response = TRY(client.expect(ask, {200}), "search");
    const std::string text = TRY(response->text(largest_answer), "search");
    const Json answer = TRY(parse_json(text), "search");
    const Json* results = answer.find("results");
    if (results == nullptr) return Error(Kind::system, cat("search: ", host, ": answer without results"));
    return TRY(from_json<std::vector<SearchRow>>(*results), "search");
}

}  // namespace berth::image
