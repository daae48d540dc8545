#pragma once
// Where a repository is to be found: mirrors, insecure and blocked registries, other locations and short names, from
// registries.conf (containers-registries.conf(5), version 2): $BERTH_REGISTRIES_CONF, else /etc/berth/registries.conf; and
// certificates from certs.d, as docker and podman have them.

#include <optional>
#include <string>
#include <vector>

#include "image/reference.h"
#include "image/registry/http.h"

namespace berth::image {

struct Endpoint {
    std::string host;        ///< connected to: "registry-1.docker.io", "localhost:5000"
    std::string account;     ///< for credentials: "docker.io/library/busybox"; a mirror's is its own
    std::string path;        ///< of the repository there
    bool is_insecure = false;
    bool is_mirror = false;
    TlsSettings tls;
    std::string base() const { return (is_insecure_http ? "http://" : "https://") + host; }
    bool is_insecure_http = false;  ///< found out when https did not answer
};

struct MirrorSetting {
    std::string location;
    bool is_insecure = false;
    std::string pull_from = "all";  ///< all, digest-only, tag-only
};
struct RegistrySetting {
    std::string prefix;
    std::string location;
    bool is_insecure = false;
    bool is_blocked = false;
    std::vector<MirrorSetting> mirrors;
};
struct RegistrySettings {
    std::vector<RegistrySetting> registries;
    std::vector<std::pair<std::string, std::string>> aliases;

    /// Kind::invalid with file and line when the file is not good TOML.
    static Result<RegistrySettings> load();
    static Result<RegistrySettings> parse(const std::string& text, const std::string& file);
};

/// Mirrors first, the registry itself last; one endpoint for pushes. Kind::denied for a blocked registry.
enum class Purpose { pull, push };
Result<std::vector<Endpoint>> endpoints_of(const RegistrySettings& settings, const Reference& name, Purpose purpose, bool is_insecure);

}  // namespace berth::image
