#pragma once
// The command line's texts that hold something of their own: secrets, keys, labels, contexts. Pure but for the environment.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "builder/session.h"
#include "image/reference.h"

namespace berth::builder {

/// "id=NAME[,src=FILE|,env=VARIABLE]": without either, the variable of that name if it is set, else the file.
Result<std::map<std::string, Secret>> parse_secrets(const std::vector<std::string>& texts);
/// "default", "ID=SOCKET", "ID=KEY[,KEY]": `default` alone means SSH_AUTH_SOCK. By id.
struct SshSource {
    std::string socket;             ///< an agent's, or
    std::vector<std::string> keys;  ///< private keys for an agent of ours
};
Result<std::map<std::string, SshSource>> parse_ssh(const std::vector<std::string>& texts);
/// "nofile=1024:2048", one number for both.
Result<container::Ulimit> parse_ulimit(std::string_view text);
/// KEY[=VALUE].
std::map<std::string, std::string> parse_labels(const std::vector<std::string>& texts);
Result<std::set<std::string>> parse_allowed(const std::vector<std::string>& texts);
Result<std::vector<image::Reference>> parse_tags(const std::vector<std::string>& texts);
/// NAME=WHAT.
struct NamedContext {
    std::string name, what;
};
Result<NamedContext> parse_named_context(std::string_view text);
/// HOST:PATH[:ro|rw]; HOST must be there.
Result<std::vector<BuildVolume>> parse_volumes(const std::vector<std::string>& texts);
/// "type=local,src=FOLDER" of --cache-from, "type=local,dest=FOLDER[,mode=min|max]" of --cache-to.
struct CachePlace {
    std::string folder;
    bool all_stages = false;  ///< mode=max
};
enum class CacheUse { import_from, export_to };
Result<std::vector<CachePlace>> parse_cache_places(const std::vector<std::string>& texts, CacheUse use);
/// Seconds since 1970, or a date.
Result<std::optional<Moment>> parse_epoch(const BuildOptions& options, const std::map<std::string, std::string>& build_args);

}  // namespace berth::builder
