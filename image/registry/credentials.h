#pragma once
// Accounts at registries: docker's config.json, containers' auth.json and credential helpers.

#include <optional>
#include <string>

#include "base/result.h"

namespace berth::image {

struct Credentials {
    std::string user;
    std::string password;
    std::string identity_token;  ///< instead of a password: for the token service only
};

/// docker's name of an account: "https://index.docker.io/v1/" for docker.io, else the host.
std::string account_key(const std::string& server);
/// "" and the Hub's other names as "docker.io"; a URL as its host.
std::string server_host(const std::string& server);

/// The account for a repository ("docker.io/library/busybox"): the most specific entry of the first file that has one.
/// `auth_file` replaces the usual files when it is not empty.
Result<std::optional<Credentials>> find_credentials(const std::string& repository, const std::string& auth_file);
/// Keeps an account: with the helper that config.json names for the server ("credHelpers", "credsStore"), else in the file,
/// readable by its owner only. Returns the helper's program or the file.
Result<std::string> store_credentials(const std::string& server, const Credentials& credentials, const std::string& auth_file);
/// Forgets an account wherever it is kept. False when there was none.
Result<bool> erase_credentials(const std::string& server, const std::string& auth_file);

std::string base64(std::string_view bytes);
Result<std::string> parse_base64(std::string_view text);

}  // namespace berth::image
