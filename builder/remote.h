#pragma once
// What lies elsewhere: files by http(s) and git repositories. The work is done by programs of their own (berth-fetch for
// http, git for repositories), so that neither network parsers nor certificates live in the builder.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace berth::builder {

bool is_url(std::string_view text);
/// A git address: git@…, git://, ssh://, or http(s) with a path that ends in ".git" (before '#' and '?').
bool is_git(std::string_view text);

struct GitAddress {
    std::string remote, reference, folder, checksum;
    std::optional<bool> keeps_git_folder, submodules;
};
/// "URL#reference:folder" or "URL?ref=…&subdir=…&checksum=…&keep-git-dir=…&submodules=…".
Result<GitAddress> parse_git(std::string_view text);

/// A small text file.
Result<std::string> fetch_text(const std::string& url, std::size_t limit);

struct Download {
    std::string name;   ///< last component of the URL's path, "__unnamed__" when there is none
    Moment modified;    ///< Last-Modified, else 1970
    std::string validator;  ///< ETag or Last-Modified: changes when the file does; "" when the server told none
};
/// The body into `into`. Kind::system with the server's answer in the text.
Result<Download> fetch_file(const std::string& url, const Fd& into);

/// Clones into the host folder `into` and returns the folder of the address below it. The commit is checked against
/// `checksum` (a prefix of it). .git goes unless it is wanted.
Result<std::string> clone_git(const GitAddress& address, const std::string& into, bool keeps_git_folder);

/// An archive's or a repository's tree, put into the host folder `into`; returns its top.
Result<std::string> fetch_tree(const std::string& url, const std::string& into);

}  // namespace berth::builder
