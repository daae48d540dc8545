#include "builder/mounts.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "builder/text.h"

namespace berth::builder {
namespace {

using Type = RunMount::Type;

const std::vector<std::string> known_keys = {"type", "from",    "source", "src",  "target", "dst", "destination", "readonly", "ro",  "readwrite",
                                             "rw",   "required", "size",   "id",   "sharing", "mode", "uid",        "gid",      "env"};

Result<Type> parse_type(std::string_view text) {
    const std::string lower = to_lower(text);
    if (lower == "bind") return Type::bind;
    if (lower == "cache") return Type::cache;
    if (lower == "tmpfs") return Type::tmpfs;
    if (lower == "secret") return Type::secret;
    if (lower == "ssh") return Type::ssh;
    return Error(Kind::invalid, cat("unsupported mount type '", text, "'", suggestion(text, {"bind", "cache", "tmpfs", "secret", "ssh"})));
}

std::string type_name(Type type) {
    constexpr std::string_view names[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
    return std::string(names[static_cast<int>(type)]);
}

Result<bool> parse_boolean(std::string_view key, const std::optional<std::string_view>& value) {
    const std::string lower = to_lower(value.value_or("true"));
    if (lower == "true" || lower == "1" || lower == "t") return true;
    if (lower == "false" || lower == "0" || lower == "f") return false;
    return Error(Kind::invalid, cat("invalid value for ", key, ": '", *value, "', expected true or false"));
}

Result<std::uint32_t> parse_number(std::string_view key, std::string_view text, int base) {
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (text.empty() || failure != std::errc() || end != text.data() + text.size())
        return Error(Kind::invalid, cat("invalid value '", text, "' for ", key, ": expected ", base == 8 ? "an octal" : "a", " number"));
    return number;
}

Result<RunMount::Sharing> parse_sharing(std::string_view text) {
    const std::string lower = to_lower(text);
    if (lower == "shared") return RunMount::Sharing::shared;
    if (lower == "private") return RunMount::Sharing::exclusive;
    if (lower == "locked") return RunMount::Sharing::locked;
    return Error(Kind::invalid, cat("unsupported sharing value '", text, "'", suggestion(text, {"shared", "private", "locked"})));
}

/// What keys say before the type is known for sure, since type= may come last.
struct Seen {
    bool sharing = false, size = false, required = false;
    std::optional<bool> read_only;
};

Result<void> set_flag(RunMount& mount, Seen& seen, const std::string& key, const std::optional<std::string_view>& value) {
    const bool is_true = TRY(parse_boolean(key, value));
    if (key == "required") {
        seen.required = true;
        mount.required = is_true;
    } else {
        seen.read_only = key.starts_with("ro") || key == "readonly" ? is_true : !is_true;
    }
    return {};
}

Result<void> set_text(RunMount& mount, const std::string& key, std::string_view text) {
    if (key == "from") mount.from = text;
    else if (key == "source" || key == "src") mount.source = text;
    else if (key == "id") mount.id = text;
    else if (key == "env") mount.env = text;
    else mount.target = text;
    return {};
}

Result<void> set_value(RunMount& mount, Seen& seen, const std::string& key, std::string_view text) {
    if (key == "type") {
        mount.type = TRY(parse_type(text));
    } else if (key == "mode") {
        mount.mode = TRY(parse_number(key, text, 8));
    } else if (key == "uid") {
        mount.uid = TRY(parse_number(key, text, 10));
    } else if (key == "gid") {
        mount.gid = TRY(parse_number(key, text, 10));
    } else if (key == "sharing") {
        seen.sharing = true;
        mount.sharing = TRY(parse_sharing(text));
    } else if (key == "size") {
        seen.size = true;
        mount.size = TRY(parse_bytes(text), "invalid value for size");
    } else {
        return set_text(mount, key, text);
    }
    return {};
}

Result<void> set_key(RunMount& mount, Seen& seen, std::string_view field) {
    const Cut parts = cut(field, '=');
    const std::string key = to_lower(parts.before);
    if (std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end())
        return Error(Kind::invalid, cat("unexpected key '", key, "' in '", field, "'", suggestion(key, known_keys)));
    if (key == "ro" || key == "readonly" || key == "rw" || key == "readwrite" || key == "required")
        return set_flag(mount, seen, key, parts.after);
    if (!parts.after) return Error(Kind::invalid, cat("invalid field '", field, "' must be a key=value pair"));
    return set_value(mount, seen, key, *parts.after);
}

Error not_for(std::string_view key, Type type) { return Error(Kind::invalid, cat("unexpected key '", key, "' for mount type '", type_name(type), "'")); }

Result<void> check_whole(RunMount& mount, const Seen& seen) {
    const bool is_file = mount.type == Type::secret || mount.type == Type::ssh;
    if (seen.sharing && mount.type != Type::cache) return not_for("sharing", mount.type);
    if (seen.size && mount.type != Type::tmpfs) return not_for("size", mount.type);
    if (seen.required && !is_file) return not_for("required", mount.type);
    if (mount.env && mount.type != Type::secret) return not_for("env", mount.type);
    if ((mount.mode || mount.uid || mount.gid) && !is_file && mount.type != Type::cache)
        return not_for(mount.mode ? "mode" : mount.uid ? "uid" : "gid", mount.type);
    mount.read_only = seen.read_only.value_or(mount.type == Type::bind || is_file);
    if (mount.type == Type::secret) {
        if (!mount.from.empty()) return Error(Kind::invalid, "secret mount should not have a from");
        if (mount.source.empty() && mount.target.empty() && mount.id.empty())
            return Error(Kind::invalid, "invalid secret mount: one of id, source and target is required");
        if (!mount.source.empty() && !mount.id.empty()) return Error(Kind::invalid, "invalid secret mount: both source and id can't be set");
    } else if (mount.target.empty() && mount.type != Type::ssh) {
        return Error(Kind::invalid, "a mount needs a target: target=PATH");
    }
    return {};
}

}  // namespace

Result<RunMount> parse_run_mount(std::string_view text) {
    const auto fields = split_csv(text);
    if (!fields) return Error(Kind::invalid, cat("--mount '", text, "': a quote stands wrong"));
    RunMount mount;
    Seen seen;
    for (const std::string& field : *fields) TRY(set_key(mount, seen, field), "--mount");
    TRY(check_whole(mount, seen), "--mount");
    return mount;
}

Result<void> check_run_mount(std::string_view text) {
    const auto fields = split_csv(text);
    if (!fields) return Error(Kind::invalid, cat("--mount '", text, "': a quote stands wrong"));
    for (const std::string& field : *fields) {
        const std::size_t dollar = field.find('$');
        if (to_lower(field).starts_with("from=") && dollar != std::string::npos && dollar + 1 != field.size())
            return Error(Kind::invalid, "--mount: 'from' doesn't support variable expansion, define alias stage instead");
    }
    return {};
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string unit = to_lower(trim(text.substr(static_cast<std::size_t>(end - text.data()))));
    if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
    else if (unit.ends_with('b')) unit.pop_back();
    constexpr std::string_view units = "kmgtp";
    const std::size_t power = unit.empty() ? 0 : units.find(unit) + 1;
    if (failure != std::errc() || number < 0 || unit.size() > 1 || (!unit.empty() && power == 0))
        return Error(Kind::invalid, cat("'", text, "': expected a size such as 64m or 1g"));
    return static_cast<std::int64_t>(number * std::pow(1024.0, static_cast<double>(power)));
}

}  // namespace berth::builder
