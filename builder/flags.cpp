#include "builder/flags.h"

#include <algorithm>

#include "builder/text.h"

namespace berth::builder {
namespace {

Error unknown_flag(std::string_view name, const std::vector<KnownFlag>& known) {
    std::vector<std::string> names;
    for (const KnownFlag& flag : known) names.push_back(cat("--", flag.name));
    Error error(Kind::invalid, cat("unknown flag: ", name, suggestion(name, names)));
    if (names.empty()) return std::move(error).with_hint("this instruction takes no flags");
    return std::move(error).with_hint(cat("it takes ", join(names, " ")));
}

Result<std::string> check_boolean(std::string_view name, const std::optional<std::string_view>& value) {
    const std::string lower = to_lower(value.value_or("true"));
    if (lower == "true" || lower == "false") return lower;
    if (lower.empty()) return Error(Kind::invalid, cat("missing a value on flag: ", name));
    return Error(Kind::invalid, cat("flag ", name, " is '", *value, "': expected true or false"));
}

}  // namespace

Result<FlagValues> FlagValues::read(const std::vector<std::string>& flags, const std::vector<KnownFlag>& known) {
    FlagValues out;
    for (const std::string& written : flags) {
        const Cut parts = cut(written, '=');
        const std::string name(parts.before.substr(2));
        const auto flag = std::find_if(known.begin(), known.end(), [&](const KnownFlag& one) { return one.name == name; });
        if (flag == known.end()) return unknown_flag(parts.before, known);
        std::vector<std::string>& values = out.values_[name];
        if (!values.empty() && flag->kind != FlagKind::list)
            return Error(Kind::invalid, cat("duplicate flag specified: ", parts.before));
        if (flag->kind == FlagKind::boolean) {
            values.push_back(TRY(check_boolean(parts.before, parts.after)));
            continue;
        }
        if (!parts.after)
            return Error(Kind::invalid, cat("missing a value on flag: ", parts.before)).with_hint(cat("write ", parts.before, "=VALUE"));
        values.emplace_back(*parts.after);
    }
    return out;
}

std::string FlagValues::text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> FlagValues::list(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace berth::builder
