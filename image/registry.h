#pragma once
// Registries: pull, push, login, search. The work is done by berth-registry (image/registry_main.cpp), which knows HTTP, TLS
// and fast compression and has the store open itself; this is how berth starts it and hears of its progress.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "image/media.h"
#include "image/store.h"

namespace berth::image {

/// One step of a transfer. `layer` is the short digest that docker shows, "" for the transfer as a whole; `status` are
/// docker's words ("Pulling fs layer", "Downloading", "Download complete", "Extracting", "Pull complete", "Already exists",
/// "Waiting", "Pushing", "Pushed", "Layer already exists", "Mounted from REPO"). Totals are bytes, 0 when unknown.
struct TransferEvent {
    std::string layer;
    std::string status;
    std::int64_t current = 0;
    std::int64_t total = 0;
};
template <class Io>
void fields(Io& io, TransferEvent& e) {
    io.optional("layer", e.layer);
    io.required("status", e.status);
    io.optional("current", e.current);
    io.optional("total", e.total);
}
using TransferProgress = std::function<void(const TransferEvent&)>;

/// Where accounts and settings are, when not where docker has them.
struct RegistryAccess {
    std::string auth_file;  ///< --authfile; "" for docker's config.json and containers' auth.json
    bool is_insecure = false;  ///< --tls-verify=false: http, or https without a known certificate, is good enough
};
template <class Io>
void fields(Io& io, RegistryAccess& a) {
    io.optional("authFile", a.auth_file);
    io.optional("insecure", a.is_insecure);
}

struct Pulled {
    std::string image;   ///< "sha256:…", the image's id
    std::string digest;  ///< of the manifest or index that the name means
    bool is_new = true;  ///< false: "Image is up to date"
};
template <class Io>
void fields(Io& io, Pulled& p) {
    io.required("image", p.image);
    io.required("digest", p.digest);
    io.required("isNew", p.is_new);
}
struct PullRequest {
    Reference name;
    std::optional<Platform> platform;  ///< absent: this machine's
    RegistryAccess access;
};
/// Fetches the image into the store and names it (a pull by digest names it only by the digest).
Result<Pulled> pull_image(const Store& store, const PullRequest& request, const TransferProgress& progress);
/// Tags that the repository has, for `pull --all-tags`.
Result<std::vector<std::string>> list_remote_tags(const Store& store, const Reference& name, const RegistryAccess& access);

struct Pushed {
    std::string digest;
    std::int64_t size = 0;  ///< of the manifest
};
template <class Io>
void fields(Io& io, Pushed& p) {
    io.required("digest", p.digest);
    io.required("size", p.size);
}
/// Pushes what `name` means in the store.
Result<Pushed> push_image(const Store& store, const Reference& name, const RegistryAccess& access, const TransferProgress& progress);

/// The manifest or index, as the registry has it.
Result<std::string> inspect_remote(const Store& store, const Reference& name, const RegistryAccess& access);

/// Asks the registry whether it knows the account, and keeps it (docker's config.json, or --authfile) when it does. `server`
/// "" is docker's Hub. Returns the file it was written to.
Result<std::string> login(const Store& store, const std::string& server, const std::string& user, const std::string& password,
                          const RegistryAccess& access);
/// Forgets an account. False when there was none.
Result<bool> logout(const std::string& server, const RegistryAccess& access);

struct SearchRow {
    std::string name;
    std::string description;
    std::int64_t stars = 0;
    bool is_official = false;
    bool is_automated = false;
};
template <class Io>
void fields(Io& io, SearchRow& r) {
    io.required("name", r.name);
    io.optional("description", r.description);
    io.optional("star_count", r.stars);
    io.optional("is_official", r.is_official);
    io.optional("is_automated", r.is_automated);
}
/// `term` may begin with a registry's host; else docker's Hub is asked.
Result<std::vector<SearchRow>> search_images(const Store& store, const std::string& term, std::int64_t limit, const RegistryAccess& access);

}  // namespace berth::image
