#include "image/registry/settings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#include <unistd.h>

#include "base/file.h"

namespace berth::image {
namespace {

constexpr const char* usual_file = "/etc/berth/registries.conf";

std::string text_of(const toml::table& table, std::string_view key) { return table[key].value_or(std::string()); }
bool flag_of(const toml::table& table, std::string_view key) { return table[key].value_or(false); }

RegistrySetting setting_of(const toml::table& table) {
    RegistrySetting setting;
    setting.prefix = text_of(table, "prefix");
    setting.location = text_of(table, "location");
    if (setting.prefix.empty()) setting.prefix = setting.location;
    if (setting.location.empty()) setting.location = setting.prefix;
    setting.is_insecure = flag_of(table, "insecure");
    setting.is_blocked = flag_of(table, "blocked");
    const bool digests_only = flag_of(table, "mirror-by-digest-only");
    if (const toml::array* mirrors = table["mirror"].as_array())
        for (const toml::node& node : *mirrors)
            if (const toml::table* mirror = node.as_table()) {
                std::string pull_from = text_of(*mirror, "pull-from-mirror");
                if (pull_from.empty()) pull_from = digests_only ? "digest-only" : "all";
                setting.mirrors.push_back({text_of(*mirror, "location"), flag_of(*mirror, "insecure"), std::move(pull_from)});
            }
    return setting;
}

/// How much of a repository's name a prefix covers: its length, or 0 when it does not. "*.example.com" covers hosts.
std::size_t covered(const std::string& prefix, const std::string& name) {
    if (prefix.starts_with("*.")) {
        const std::string host = name.substr(0, name.find('/'));
        return host.ends_with(std::string_view(prefix).substr(1)) ? prefix.size() : 0;
    }
    const bool is_whole = name.size() == prefix.size() || (name.size() > prefix.size() && name[prefix.size()] == '/');
    return is_whole && name.starts_with(prefix) ? prefix.size() : 0;
}

/// This machine's own registry needs no certificate (docker: 127.0.0.0/8 is insecure by itself).
bool is_local(const std::string& host) {
    return host.starts_with("localhost:") || host == "localhost" || host.starts_with("127.") || host.starts_with("[::1]");
}

/// The first certs.d folder that knows the host: ca *.crt, client *.cert with *.key.
TlsSettings tls_of(const std::string& host, bool is_insecure) {
    TlsSettings tls;
    tls.is_verified = !is_insecure;
    const char* home = ::getenv("HOME");
    for (const std::string& base : {cat(home == nullptr ? "" : home, "/.config/containers/certs.d/"), std::string("/etc/berth/certs.d/"),
                                    std::string("/etc/containers/certs.d/"), std::string("/etc/docker/certs.d/")}) {
        const std::string path = base + host;
        const Result<Fd> folder = sys::open(path, O_RDONLY | O_DIRECTORY);
        if (!folder.ok()) continue;
        const Result<std::vector<std::string>> names = list_folder(folder.value());
        if (!names.ok()) continue;
        for (const std::string& name : names.value()) {
            if (name.ends_with(".crt")) tls.ca_file = cat(path, "/", name);
            if (!name.ends_with(".cert")) continue;
            tls.certificate_file = cat(path, "/", name);
            tls.key_file = cat(path, "/", name.substr(0, name.size() - 5), ".key");
        }
        break;
    }
    return tls;
}

/// A location ("mirror.example:5000/hub/library/busybox") as an endpoint.
Endpoint endpoint_at(const std::string& location, bool is_insecure) {
    Endpoint endpoint;
    const std::size_t slash = std::min(location.find('/'), location.size());
    const std::string host = location.substr(0, slash);
    endpoint.account = location;
    endpoint.path = location.substr(std::min(slash + 1, location.size()));
    // What people call docker.io answers under another name.
    endpoint.host = host == "docker.io" ? "registry-1.docker.io" : host;
    endpoint.is_insecure = is_insecure || is_local(host);
    endpoint.tls = tls_of(host, endpoint.is_insecure);
    return endpoint;
}

}  // namespace

Result<RegistrySettings> RegistrySettings::load() {
    const char* given = ::getenv("BERTH_REGISTRIES_CONF");
    const std::string file = given != nullptr && *given != '\0' ? given : usual_file;
    Result<std::string> text = read_file(file, 1u << 20);
    if (!text.ok() && text.error().code() == ENOENT && given == nullptr) return RegistrySettings{};
    const std::string settings = TRY(std::move(text), "registry settings");
    return parse(settings, file);
}

Result<RegistrySettings> RegistrySettings::parse(const std::string& text, const std::string& file) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        const auto& error = parsed.error();
        return Error(Kind::invalid, cat(file, " line ", error.source().begin.line, ": ", error.description()));
    }
    RegistrySettings settings;
    const toml::table& root = parsed.table();
    if (const toml::array* registries = root["registry"].as_array())
        for (const toml::node& node : *registries)
            if (const toml::table* table = node.as_table()) {
                settings.registries.push_back(setting_of(*table));
                if (settings.registries.back().prefix.empty())
                    return Error(Kind::invalid, cat(file, ": a [[registry]] has neither prefix nor location"));
            }
    if (const toml::table* aliases = root["aliases"].as_table())
        for (const auto& [name, value] : *aliases) settings.aliases.emplace_back(std::string(name.str()), value.value_or(std::string()));
    return settings;
}

Result<std::vector<Endpoint>> endpoints_of(const RegistrySettings& settings, const Reference& name, Purpose purpose, bool is_insecure) {
    const std::string full = name.name();
    const RegistrySetting* best = nullptr;
    std::size_t best_length = 0;
    for (const RegistrySetting& setting : settings.registries)
        if (const std::size_t length = covered(setting.prefix, full); length > best_length) {
            best = &setting;
            best_length = length;
        }
    if (best == nullptr) return std::vector<Endpoint>{endpoint_at(full, is_insecure)};
    if (best->is_blocked) return Error(Kind::denied, cat("registry ", best->prefix, " is blocked by the registry settings"));

    // A wildcard stands for hosts and rewrites nothing.
    const bool is_wildcard = best->prefix.starts_with("*.");
    const std::string rest = is_wildcard ? std::string() : full.substr(best->prefix.size());
    std::vector<Endpoint> endpoints;
    const bool by_digest = !name.digest().empty();
    for (const MirrorSetting& mirror : best->mirrors) {
        if (purpose == Purpose::push || (mirror.pull_from == "digest-only" && !by_digest) || (mirror.pull_from == "tag-only" && by_digest)) continue;
        endpoints.push_back(endpoint_at(mirror.location + rest, mirror.is_insecure || is_insecure));
        endpoints.back().is_mirror = true;
    }
    endpoints.push_back(endpoint_at(is_wildcard ? full : best->location + rest, best->is_insecure || is_insecure));
    return endpoints;
}

}  // namespace berth::image
