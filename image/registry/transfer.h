#pragma once
// Whole transfers between a registry and the store: what berth-registry does.

#include <functional>
#include <string>
#include <vector>

#include "image/registry.h"
#include "image/registry/client.h"

namespace berth::image {

/// Progress of several threads; the function it stands for is called by one at a time.
class Reporter {
public:
    explicit Reporter(TransferProgress progress) : progress_(std::move(progress)) {}
    void tell(const std::string& layer, std::string_view status, std::int64_t current = 0, std::int64_t total = 0);
    /// The same, but not more often than a terminal can show it.
    void tell_bytes(const std::string& layer, std::string_view status, std::int64_t current, std::int64_t total);

private:
    TransferProgress progress_;
    std::mutex mutex_;
    std::map<std::string, std::int64_t> last_;
};

/// Sessions at all places where the repository may be found, with their accounts.
Result<std::vector<std::unique_ptr<RegistrySession>>> open_sessions(const Reference& name, Purpose purpose, const RegistryAccess& access);

struct FetchedManifest {
    std::string text;
    std::string media_type;
    Digest digest;
};
/// The manifest or index of a tag or digest, its digest checked.
Result<FetchedManifest> fetch_manifest(RegistryClient& client, const std::string& tag_or_digest);
/// A small blob, checked.
Result<std::string> fetch_blob(RegistryClient& client, const Descriptor& descriptor);

Result<Pulled> pull(const Store& store, const Reference& name, const Platform& platform, const RegistryAccess& access, Reporter& reporter);
Result<Pushed> push(const Store& store, const Reference& name, const RegistryAccess& access, Reporter& reporter);
Result<std::vector<std::string>> remote_tags(const Reference& name, const RegistryAccess& access);
Result<std::string> remote_manifest(const Reference& name, const RegistryAccess& access);
Result<void> try_login(const std::string& server, const Credentials& credentials, const RegistryAccess& access);
Result<std::vector<SearchRow>> search(const std::string& term, std::int64_t limit, const RegistryAccess& access);

}  // namespace berth::image
