#include "runtime/users.h"

#include <algorithm>
#include <charconv>

namespace berth::runtime {

namespace {

/// passwd and group files of images are a few KiB; ten times the largest seen, so that a giant one cannot fill memory
/// (CVE-2026-47262).
constexpr std::size_t largest_table = 10u << 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value > 0xffffffffu) return std::nullopt;
    return static_cast<std::uint32_t>(value);
}

Result<std::uint32_t> numeric_id(std::string_view text, std::string_view what) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value > highest_id)
        return Error(Kind::invalid, cat(what, " '", text, "' is out of range: 0 to ", highest_id));
    return static_cast<std::uint32_t>(value);
}

Result<std::string> read_table(const Root& root, const std::string& path) {
    auto text = root.read_file(path, largest_table);
    if (!text.ok() && (text.error().kind() == Kind::not_found || text.error().code() == 20 /* ENOTDIR */)) return std::string();
    return text;
}

const PasswdEntry* find_user(const UserTables& tables, std::string_view name) {
    for (const PasswdEntry& entry : tables.users)
        if (entry.name == name) return &entry;
    return nullptr;
}

const PasswdEntry* find_uid(const UserTables& tables, std::uint32_t uid) {
    for (const PasswdEntry& entry : tables.users)
        if (entry.uid == uid) return &entry;
    return nullptr;
}

/// "-1", "+5", "1x": not names that anybody has, and dangerous when taken for numbers (CVE-2026-30892).
Result<void> refuse_odd_name(std::string_view text, std::string_view what) {
    const bool odd = text.empty() || text[0] == '-' || text[0] == '+' || text.find_first_of(" \t\n/") != std::string_view::npos;
    if (odd) return Error(Kind::invalid, cat(what, " '", text, "' is neither a name nor a number"));
    return {};
}

Result<void> set_user(ResolvedUser& out, const UserTables& tables, std::string_view user) {
    const PasswdEntry* entry = nullptr;
    if (is_number(user)) {
        out.uid = TRY(numeric_id(user, "user"));
        entry = find_uid(tables, out.uid);
    } else {
        TRY(refuse_odd_name(user, "user"));
        entry = find_user(tables, user);
        if (entry == nullptr)
            return Error(Kind::not_found, cat("unable to find user '", user, "': no matching entries in passwd file"));
        out.uid = entry->uid;
    }
    if (entry == nullptr) return {};
    if (entry->uid > highest_id || entry->gid > highest_id)
        return Error(Kind::invalid, cat("user '", user, "': its ids in the passwd file are out of range: 0 to ", highest_id));
    out.gid = entry->gid;
    out.name = entry->name;
    if (!entry->home.empty()) out.home = entry->home;
    return {};
}

void add_memberships(ResolvedUser& out, const UserTables& tables) {
    if (out.name.empty()) return;
    for (const GroupEntry& group : tables.groups)
        if (std::find(group.members.begin(), group.members.end(), out.name) != group.members.end())
            out.additional_gids.push_back(group.gid);
}

}  // namespace

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
    std::vector<PasswdEntry> users;
    for (const std::string_view line : split(text, '\n')) {
        const auto parts = split(line, ':');
        if (parts.size() < 4 || line.starts_with('#') || parts[0].empty()) continue;
        const auto uid = parse_id(parts[2]), gid = parse_id(parts[3]);
        if (!uid || !gid) continue;
        users.push_back({std::string(parts[0]), *uid, *gid, std::string(parts.size() > 5 ? parts[5] : ""),
                         std::string(parts.size() > 6 ? parts[6] : "")});
    }
    return users;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
    std::vector<GroupEntry> groups;
    for (const std::string_view line : split(text, '\n')) {
        const auto parts = split(line, ':');
        if (parts.size() < 3 || line.starts_with('#') || parts[0].empty()) continue;
        const auto gid = parse_id(parts[2]);
        if (!gid) continue;
        GroupEntry group{std::string(parts[0]), *gid, {}};
        for (const std::string_view member : split(parts.size() > 3 ? parts[3] : "", ','))
            if (!member.empty()) group.members.emplace_back(member);
        groups.push_back(std::move(group));
    }
    return groups;
}

Result<UserTables> UserTables::load(const Root& root) {
    const std::string passwd = TRY(read_table(root, "etc/passwd"));
    const std::string group = TRY(read_table(root, "etc/group"));
    return UserTables{parse_passwd(passwd), parse_group(group)};
}

Result<std::uint32_t> resolve_group(const UserTables& tables, std::string_view spec) {
    if (is_number(spec)) return numeric_id(spec, "group");
    TRY(refuse_odd_name(spec, "group"));
    for (const GroupEntry& group : tables.groups) {
        if (group.name != spec) continue;
        if (group.gid > highest_id)
            return Error(Kind::invalid, cat("group '", spec, "': its id in the group file is out of range: 0 to ", highest_id));
        return group.gid;
    }
    return Error(Kind::not_found, cat("unable to find group '", spec, "': no matching entries in group file"));
}

Result<ResolvedUser> resolve_user(const UserTables& tables, std::string_view spec, const std::vector<std::string>& group_add) {
    const std::size_t colon = spec.find(':');
    const std::string_view user = spec.substr(0, colon);
    const std::string_view group = colon == std::string_view::npos ? "" : spec.substr(colon + 1);
    ResolvedUser out;
    TRY(set_user(out, tables, user.empty() ? "0" : user));
    // docker: memberships count only where no group was asked for.
    if (group.empty()) add_memberships(out, tables);
    else out.gid = TRY(resolve_group(tables, group));
    for (const std::string& extra : group_add) {
        const std::uint32_t gid = TRY(resolve_group(tables, extra));
        out.additional_gids.push_back(gid);
    }
    auto& gids = out.additional_gids;
    std::sort(gids.begin(), gids.end());
    gids.erase(std::unique(gids.begin(), gids.end()), gids.end());
    std::erase(gids, out.gid);
    // The primary group is among them: else a process that changes its gid drops it, and with it what a file denies to that
    // group (CVE-2022-36109).
    gids.insert(gids.begin(), out.gid);
    return out;
}

std::string home_of(const UserTables& tables, std::uint32_t uid) {
    const PasswdEntry* entry = find_uid(tables, uid);
    return entry != nullptr && !entry->home.empty() ? entry->home : "/";
}

}  // namespace berth::runtime
