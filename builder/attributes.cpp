#include "builder/attributes.h"

#include <algorithm>
#include <charconv>

#include <sys/stat.h>

#include "builder/text.h"
#include "runtime/users.h"

namespace berth::builder {
namespace {

std::optional<std::uint32_t> parse_id(std::string_view text) {
    std::uint32_t id = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return id;
}

Error unknown_name(std::string_view what, std::string_view name) {
    return Error(Kind::not_found, cat("--chown: unable to find ", what, " '", name, "' in /etc/", what == "user" ? "passwd" : "group", " of the image"))
        .with_hint("use numbers, or create it in an earlier RUN");
}

Result<runtime::UserTables> load_tables(const Root* root) {
    if (root == nullptr) return runtime::UserTables{};
    return runtime::UserTables::load(*root);
}

Error bad_mode(std::string_view text, std::string_view why) {
    return Error(Kind::invalid, cat("invalid chmod parameter: '", text, "': ", why, ", expected an octal number up to 07777 or symbols such as u=rwX,go=rX"));
}

constexpr mode_t user_bits = 0700, group_bits = 0070, other_bits = 0007;

}  // namespace

bool owner_has_names(std::string_view spec) {
    const Cut parts = cut(spec, ':');
    return !parse_id(parts.before) || (parts.after && !parts.after->empty() && !parse_id(*parts.after));
}

Result<Owner> resolve_owner(std::string_view spec, const Root* root) {
    const Cut parts = cut(spec, ':');
    const auto uid = parse_id(parts.before);
    std::optional<std::uint32_t> gid;
    if (parts.after) gid = parts.after->empty() ? std::optional<std::uint32_t>(0) : parse_id(*parts.after);
    else if (uid) gid = uid;
    if (uid && gid) return Owner{*uid, *gid};

    const runtime::UserTables tables = TRY(load_tables(root), "--chown");
    Owner owner{uid.value_or(0), gid.value_or(0)};
    if (!uid) {
        const auto user = std::find_if(tables.users.begin(), tables.users.end(), [&](const auto& entry) { return entry.name == parts.before; });
        if (user == tables.users.end()) return unknown_name("user", parts.before);
        owner.uid = user->uid;
        if (!parts.after) owner.gid = user->gid;
    }
    if (parts.after && !gid) {
        const auto group = std::find_if(tables.groups.begin(), tables.groups.end(), [&](const auto& entry) { return entry.name == *parts.after; });
        if (group == tables.groups.end()) return unknown_name("group", *parts.after);
        owner.gid = group->gid;
    }
    return owner;
}

Result<ModeChange::Clause> ModeChange::parse_clause(std::string_view text) {
    Clause clause;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == 'u') clause.who |= user_bits | S_ISUID;
        else if (text[at] == 'g') clause.who |= group_bits | S_ISGID;
        else if (text[at] == 'o') clause.who |= other_bits;
        else if (text[at] == 'a') clause.who |= user_bits | group_bits | other_bits | S_ISUID | S_ISGID;
        else break;
    }
    if (clause.who == 0) clause.who = user_bits | group_bits | other_bits | S_ISUID | S_ISGID;
    if (at >= text.size() || std::string_view("+-=").find(text[at]) == std::string_view::npos)
        return bad_mode(text, "no + - or = where one belongs");
    clause.operation = text[at++];
    for (; at < text.size(); ++at) {
        switch (text[at]) {
            case 'r': clause.bits |= 0444; break;
            case 'w': clause.bits |= 0222; break;
            case 'x': clause.bits |= 0111; break;
            case 'X': clause.executes_if_any = true; break;
            case 's': clause.sets_id = true; break;
            case 't': clause.sticky = true; break;
            case 'u':
            case 'g':
            case 'o': clause.copies = text[at]; break;
            default: return bad_mode(text, cat("unknown '", text[at], "'"));
        }
    }
    return clause;
}

Result<ModeChange> ModeChange::parse(std::string_view text) {
    ModeChange change;
    mode_t octal = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), octal, 8);
    if (!text.empty() && failure == std::errc() && end == text.data() + text.size()) {
        if (octal > 07777) return bad_mode(text, "too large");
        change.octal_ = octal;
        return change;
    }
    if (text.empty() || is_digit(static_cast<unsigned char>(text.front()))) return bad_mode(text, "no octal number");
    for (const std::string& written : split(text, ',')) {
        const Clause clause = TRY(parse_clause(written));
        change.clauses_.push_back(clause);
    }
    return change;
}

mode_t ModeChange::apply(mode_t mode, bool is_folder) const {
    if (octal_) return *octal_;
    mode &= 07777;
    for (const Clause& clause : clauses_) {
        mode_t bits = clause.bits;
        if (clause.executes_if_any && (is_folder || (mode & 0111) != 0)) bits |= 0111;
        if (clause.copies != '\0') {
            const int shift = clause.copies == 'u' ? 6 : clause.copies == 'g' ? 3 : 0;
            bits |= ((mode >> shift) & 7u) * 0111u;
        }
        if (clause.sets_id) bits |= S_ISUID | S_ISGID;
        bits &= clause.who;
        if (clause.sticky) bits |= S_ISVTX;
        if (clause.operation == '+') mode |= bits;
        else if (clause.operation == '-') mode &= ~bits;
        else mode = (mode & ~(clause.who | (clause.sticky ? S_ISVTX : 0u))) | bits;
    }
    return mode;
}

}  // namespace berth::builder
