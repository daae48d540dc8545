#include "image/registry/credentials.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

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

/// docker-credential-NAME get, the key on its input (docker-credential-helpers).
Result<std::optional<Credentials>> ask_helper(const std::string& name, const std::string& key) {
    sys::Pipe in = TRY(sys::pipe()), out = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {"docker-credential-" + name, "get"};
    options.descriptors = {in.read.raw(), out.write.raw(), -1};
    std::string program;
    const std::string path = environment("PATH");
    for (std::string_view rest = path; !rest.empty() && program.empty();) {
        const std::size_t colon = std::min(rest.find(':'), rest.size());
        const std::string candidate = cat(rest.substr(0, colon), "/", options.argv[0]);
        if (::access(candidate.c_str(), X_OK) == 0) program = candidate;
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    if (program.empty()) return Error(Kind::not_found, cat("credential helper ", options.argv[0], ": not found in PATH"));
    Child child = TRY(spawn(program, options), "credential helper ", name);
    in.read.reset();
    out.write.reset();
    ignore(sys::write_all(in.write, key), "what it makes of its input it says by its status");
    in.write.reset();
    // One that waits for a person would keep us for ever.
    constexpr int patience_milliseconds = 30'000;
    if (!TRY(wait_for_end(child.pidfd(), patience_milliseconds))) {
        ignore(child.kill(Signal::of(SIGKILL)), "it ended just now");
        ignore(child.wait(), "killed");
        return Error(Kind::busy, cat("credential helper ", name, ": no answer within 30 s"));
    }
    const std::string text = TRY(read_all(out.read, 1u << 20));
    const ExitStatus status = TRY(child.wait());
    if (status.shell_code() != 0) return std::optional<Credentials>();  // "credentials not found": an account nobody has.
    const Json answer = TRY(parse_json(text), "credential helper ", name);
    const Json* user = answer.find("Username");
    const Json* secret = answer.find("Secret");
    if (user == nullptr || user->string() == nullptr || secret == nullptr || secret->string() == nullptr)
        return Error(Kind::invalid, cat("credential helper ", name, ": answer without Username and Secret"));
    if (*user->string() == "<token>") return std::optional(Credentials{"", "", *secret->string()});
    return std::optional(Credentials{*user->string(), *secret->string(), ""});
}

Result<std::optional<Credentials>> find_in(const Json& config, const std::string& repository) {
    const std::string host = repository.substr(0, repository.find('/'));
    const std::string key = account_key(host);
    const Json* helpers = config.find("credHelpers");
    for (const std::string& name : {host, key})
        if (const Json* helper = helpers == nullptr ? nullptr : helpers->find(name); helper != nullptr && helper->string() != nullptr)
            return ask_helper(*helper->string(), key);
    const Json* auths = config.find("auths");
    if (auths != nullptr) {
        const std::vector<std::string> keys = keys_of(repository);
        for (const std::string& name : keys)
            if (const Json* entry = auths->find(name); entry != nullptr) {
                auto found = TRY(of_entry(*entry, name));
                if (found) return found;
            }
    }
    const Json* store = config.find("credsStore");
    if (store != nullptr && store->string() != nullptr && !store->string()->empty()) return ask_helper(*store->string(), key);
    return std::optional<Credentials>();
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
    Json entry;
    entry.set("auth", base64(cat(credentials.user, ":", credentials.password)));
    auths.set(account_key(server), std::move(entry));
    config.set("auths", std::move(auths));
    return TRY(write_config(path, config), "login");
}

Result<bool> erase_credentials(const std::string& server, const std::string& auth_file) {
    bool had_one = false;
    const std::vector<std::string> files = auth_files(auth_file);
    for (const std::string& file : files) {
        Json config = TRY(read_config(file), "logout");
        const Json* known = config.find("auths");
        if (known == nullptr || known->object() == nullptr) continue;
        Json auths = *known;
        const std::vector<std::string> keys = keys_of(server_host(server));
        const std::size_t removed = std::erase_if(*auths.object(), [&](const auto& member) {
            return std::find(keys.begin(), keys.end(), member.first) != keys.end();
        });
        if (removed == 0) continue;
        had_one = true;
        config.set("auths", std::move(auths));
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
