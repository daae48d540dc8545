#include "image/registry/credentials.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "image/registry/credential_helper.h"

namespace berth::image {
namespace {

constexpr std::string_view hub_key = "https://index.docker.io/v1/";
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string environment(const char* name) {
    const char* value = ::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string docker_config() {
    const std::string folder = environment("DOCKER_CONFIG");
    return folder.empty() ? cat(environment("HOME"), "/.docker/config.json") : folder + "/config.json";
}

/// Where accounts may be, the first that has one wins.
std::vector<std::string> auth_files(const std::string& given) {
    if (!given.empty()) return {given};
    if (const std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) return {file};
    std::vector<std::string> files = {docker_config()};
    if (const std::string folder = environment("XDG_RUNTIME_DIR"); !folder.empty()) files.push_back(folder + "/containers/auth.json");
    files.push_back(cat("/run/containers/", ::getuid(), "/auth.json"));
    const std::string config = environment("XDG_CONFIG_HOME");
    files.push_back(cat(config.empty() ? environment("HOME") + "/.config" : config, "/containers/auth.json"));
    return files;
}

/// The document, empty when there is none.
Result<Json> read_config(const std::string& path) {
    Result<std::string> text = read_file(path, 16u << 20);
    if (!text.ok()) return text.error().code() == ENOENT || text.error().code() == ENOTDIR ? Result<Json>(Json(Json::Object{})) : std::move(text).error();
    return TRY(parse_json(text.value()), path);
}

Result<std::string> write_config(const std::string& path, const Json& config) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    TRY(make_host_folders(folder, 0700));
    const Fd opened = TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
    TRY(replace_file(opened, path.substr(slash + 1), json_text(config, JsonStyle::indented) + "\n", 0600, Durability::disk));
    return path;
}

/// Names under which an account may be kept, the most specific first: repository, its folders, host.
std::vector<std::string> keys_of(const std::string& repository) {
    std::vector<std::string> keys;
    std::string key = repository;
    while (true) {
        keys.push_back(key);
        const std::size_t slash = key.rfind('/');
        if (slash == key.npos) break;
        key.resize(slash);
    }
    const std::string host = keys.back();
    if (host == "docker.io") {
        keys.emplace_back(hub_key);
        keys.emplace_back("index.docker.io");
    } else {
        // docker login of old kept URLs.
        for (const char* form : {"https://", "http://"}) keys.push_back(form + host);
    }
    return keys;
}

Result<std::optional<Credentials>> of_entry(const Json& entry, const std::string& key) {
    Credentials found;
    if (const Json* token = entry.find("identitytoken"); token != nullptr && token->string() != nullptr) found.identity_token = *token->string();
    const Json* auth = entry.find("auth");
    if (auth != nullptr && auth->string() != nullptr && !auth->string()->empty()) {
        const std::string text = TRY(parse_base64(*auth->string()), "account ", key);
        const std::size_t colon = text.find(':');
        if (colon == text.npos) return Error(Kind::invalid, cat("account ", key, ": 'auth' holds no user and password"));
        found.user = text.substr(0, colon);
        found.password = text.substr(colon + 1);
        while (found.password.ends_with('\0')) found.password.pop_back();
    }
    const Json* user = entry.find("username");
    const Json* password = entry.find("password");
    if (user != nullptr && user->string() != nullptr && password != nullptr && password->string() != nullptr) {
        found.user = *user->string();
        found.password = *password->string();
    }
    if (found.user.empty() && found.identity_token.empty()) return std::optional<Credentials>();
    return std::optional(std::move(found));
}

/// Who keeps the account of a host instead of the file: its own helper, or that for all.
std::optional<CredentialHelper> helper_of(const Json& config, const std::string& host) {
    const auto named = [](const Json* helper) { return helper != nullptr && helper->string() != nullptr && !helper->string()->empty(); };
    const Json* helpers = config.find("credHelpers");
    for (const std::string& name : {host, account_key(host)})
        if (const Json* helper = helpers == nullptr ? nullptr : helpers->find(name); named(helper)) return CredentialHelper(*helper->string());
    const Json* store = config.find("credsStore");
    return named(store) ? std::optional(CredentialHelper(*store->string())) : std::nullopt;
}

/// The helper first, as docker; what it does not have may still stand in the file.
Result<std::optional<Credentials>> find_in(const Json& config, const std::string& repository) {
    const std::string host = repository.substr(0, repository.find('/'));
    if (const std::optional<CredentialHelper> helper = helper_of(config, host)) {
        auto found = TRY(helper->find(account_key(host)));
        if (found) return found;
    }
    const Json* auths = config.find("auths");
    if (auths == nullptr) return std::optional<Credentials>();
    const std::vector<std::string> keys = keys_of(repository);
    for (const std::string& name : keys)
        if (const Json* entry = auths->find(name); entry != nullptr) {
            auto found = TRY(of_entry(*entry, name));
            if (found) return found;
        }
    return std::optional<Credentials>();
}

/// Takes a server's entries out of "auths". False when there are none.
bool erase_entries(Json& config, const std::string& server) {
    const Json* known = config.find("auths");
    if (known == nullptr || known->object() == nullptr) return false;
    Json auths = *known;
    const std::vector<std::string> keys = keys_of(server_host(server));
    const std::size_t removed = std::erase_if(*auths.object(), [&](const auto& member) {
        return std::find(keys.begin(), keys.end(), member.first) != keys.end();
    });
    config.set("auths", std::move(auths));
    return removed != 0;
}

}  // namespace

std::string server_host(const std::string& server) {
    std::string_view host = server;
    for (const std::string_view scheme : {"https://", "http://"})
        if (host.starts_with(scheme)) host.remove_prefix(scheme.size());
    host = host.substr(0, host.find('/'));
    if (host.empty() || host == "index.docker.io" || host == "registry-1.docker.io" || host == "docker.io") return "docker.io";
    return std::string(host);
}

std::string account_key(const std::string& server) {
    const std::string host = server_host(server);
    return host == "docker.io" ? std::string(hub_key) : host;
}

Result<std::optional<Credentials>> find_credentials(const std::string& repository, const std::string& auth_file) {
    const std::vector<std::string> files = auth_files(auth_file);
    for (const std::string& file : files) {
        const Json config = TRY(read_config(file));
        auto found = TRY(find_in(config, repository), file);
        if (found) return found;
    }
    return std::optional<Credentials>();
}

Result<std::string> store_credentials(const std::string& server, const Credentials& credentials, const std::string& auth_file) {
    const std::string path = auth_file.empty() ? docker_config() : auth_file;
    Json config = TRY(read_config(path), "login");
    const Json* known = config.find("auths");
    Json auths = known != nullptr && known->object() != nullptr ? *known : Json(Json::Object{});
    const std::optional<CredentialHelper> helper = helper_of(config, server_host(server));
    Json entry{Json::Object{}};
    if (helper) TRY(helper->store(account_key(server), credentials), "login: ", path);
    else entry.set("auth", base64(cat(credentials.user, ":", credentials.password)));
    // With a helper an empty entry, as docker leaves it: a password that stood there before goes.
    auths.set(account_key(server), std::move(entry));
    config.set("auths", std::move(auths));
    TRY(write_config(path, config), "login");
    return helper ? helper->program() : path;
}

Result<bool> erase_credentials(const std::string& server, const std::string& auth_file) {
    bool had_one = false;
    const std::string key = account_key(server);
    for (const std::string& file : auth_files(auth_file)) {
        Json config = TRY(read_config(file), "logout");
        if (const std::optional<CredentialHelper> helper = helper_of(config, server_host(server))) {
            const auto kept = TRY(helper->find(key), "logout: ", file);
            if (kept) TRY(helper->erase(key), "logout: ", file);
            had_one = had_one || kept.has_value();
        }
        if (!erase_entries(config, server)) continue;
        had_one = true;
        TRY(write_config(file, config), "logout");
    }
    return had_one;
}

std::string base64(std::string_view bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) out += k <= count ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

Result<std::string> parse_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string out;
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const std::size_t value = digits.find(c);
        if (value == digits.npos) return Error(Kind::invalid, "not base64");
        group = group << 6 | static_cast<std::uint32_t>(value);
        if ((bits += 6) < 8) continue;
        bits -= 8;
        out += static_cast<char>(group >> bits & 0xff);
    }
    return out;
}

}  // namespace berth::image
