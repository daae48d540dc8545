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
/// "default", "ID=SOCKET": `default` alone means SSH_AUTH_SOCK.
Result<std::map<std::string, std::string>> parse_ssh(const std::vector<std::string>& texts);
/// KEY[=VALUE].
std::map<std::string, std::string> parse_labels(const std::vector<std::string>& texts);
Result<std::set<std::string>> parse_allowed(const std::vector<std::string>& texts);
Result<std::vector<image::Reference>> parse_tags(const std::vector<std::string>& texts);
/// NAME=WHAT.
struct NamedContext {
    std::string name, what;
};
Result<NamedContext> parse_named_context(std::string_view text);
/// Seconds since 1970, or a date.
Result<std::optional<Moment>> parse_epoch(const BuildOptions& options, const std::map<std::string, std::string>& build_args);

}  // namespace berth::builder
