#pragma once
// USER of an image or of --user, resolved against the container's own /etc/passwd and /etc/group. Both files are read
// through Root, bounded, and only when they are regular files, since whoever made the image made them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/root.h"

namespace berth::runtime {

/// Ids up to 2^31-1, as docker and runc: above, tools disagree about the sign, and 2^32-1 means "no change" to setresuid(2), so that
/// the program would be root (CVE-2024-40635).
constexpr std::uint32_t highest_id = 0x7fffffff;

struct PasswdEntry {
    std::string name;
    std::uint32_t uid = 0, gid = 0;
    std::string home, shell;
};
struct GroupEntry {
    std::string name;
    std::uint32_t gid = 0;
    std::vector<std::string> members;
};
/// Pure: lines that do not parse are skipped, as every libc does.
std::vector<PasswdEntry> parse_passwd(std::string_view text);
std::vector<GroupEntry> parse_group(std::string_view text);

/// A user's and group's tables, loaded from a root file system. Absent files are empty tables.
struct UserTables {
    std::vector<PasswdEntry> users;
    std::vector<GroupEntry> groups;
    static Result<UserTables> load(const Root& root);
};

struct ResolvedUser {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> additional_gids;  ///< groups that list the user, plus --group-add; sorted, behind gid itself
    std::string home = "/";
    std::string name;                            ///< empty when passwd does not know the uid
};
/// docker's USERSPEC: "", "user", "uid", "user:group", "uid:gid", … A number is never looked up by name
/// (CVE-2016-3697); 0 … 2^31-1. `group_add`: names or numbers. Kind::not_found: "unable to find user 'bob': no matching
/// entries in passwd file".
Result<ResolvedUser> resolve_user(const UserTables& tables, std::string_view spec,
                                  const std::vector<std::string>& group_add = {});
/// HOME for a numeric uid; "/" when unknown.
std::string home_of(const UserTables& tables, std::uint32_t uid);
/// "1000" or a name in `groups`.
Result<std::uint32_t> resolve_group(const UserTables& tables, std::string_view spec);

}  // namespace berth::runtime
