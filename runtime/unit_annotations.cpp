#include "runtime/unit_annotations.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace berth::runtime {

namespace {

constexpr std::string_view prefix = "org.systemd.property.";

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

template <class Number>
std::optional<UnitValue> value_of(std::string_view text) {
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return UnitValue(value);
}

std::optional<UnitValue> parse_number_value(std::string_view text) {
    const std::size_t space = text.find(' ');
    if (space != std::string_view::npos) {
        const std::string_view type = text.substr(0, space), number = trim(text.substr(space));
        if (type == "int32") return value_of<std::int32_t>(number);
        if (type == "uint32") return value_of<std::uint32_t>(number);
        if (type == "int64") return value_of<std::int64_t>(number);
        if (type == "uint64") return value_of<std::uint64_t>(number);
        if (type == "double") return value_of<double>(number);
        return std::nullopt;
    }
    if (text.find_first_of(".e") != std::string_view::npos) return value_of<double>(text);
    return value_of<std::int32_t>(text);
}

/// Takes a quoted text off the front; nothing when there is none.
std::optional<std::string> take_quoted(std::string_view& rest) {
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"')) return std::nullopt;
    std::string out;
    for (std::size_t at = 1; at < rest.size(); ++at) {
        if (rest[at] == rest[0]) {
            rest.remove_prefix(at + 1);
            return out;
        }
        if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
        out.push_back(rest[at]);
    }
    return std::nullopt;
}

std::optional<UnitValue> parse_texts(std::string_view rest) {
    std::vector<std::string> out;
    rest = trim(rest.substr(1));
    while (!rest.starts_with(']')) {
        auto one = take_quoted(rest);
        if (!one) return std::nullopt;
        out.push_back(std::move(*one));
        rest = trim(rest);
        if (rest.starts_with(',')) rest = trim(rest.substr(1));
        else if (!rest.starts_with(']')) return std::nullopt;
    }
    return rest == "]" ? std::optional<UnitValue>(std::move(out)) : std::nullopt;
}

std::optional<UnitValue> parse_value(std::string_view text) {
    if (text == "true") return UnitValue(true);
    if (text == "false") return UnitValue(false);
    if (text.starts_with('[')) return parse_texts(text);
    std::string_view rest = text;
    if (auto quoted = take_quoted(rest)) return rest.empty() ? std::optional<UnitValue>(std::move(*quoted)) : std::nullopt;
    return parse_number_value(text);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Microseconds of a number of seconds; nothing when it is none, or negative.
std::optional<std::uint64_t> microseconds_of(const UnitValue& value) {
    const auto seconds = std::visit([](const auto& held) -> double {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(held)>>) return static_cast<double>(held);
        else return -1;
    }, value);
    if (std::holds_alternative<bool>(value) || !(seconds >= 0) || seconds > 1e12) return std::nullopt;
    return static_cast<std::uint64_t>(seconds * 1'000'000);
}

Result<UnitProperty> property_of(std::string name, const std::string& text) {
    UnitValue value = TRY(parse_unit_value(text));
    if (!name.ends_with("Sec") || name.ends_with("USec")) return UnitProperty{std::move(name), std::move(value)};
    const auto microseconds = microseconds_of(value);
    if (!microseconds) return Error(Kind::invalid, cat("'", text, "' is not a number of seconds"));
    name.replace(name.size() - 3, 3, "USec");
    return UnitProperty{std::move(name), *microseconds};
}

}  // namespace

Result<UnitValue> parse_unit_value(const std::string& text) {
    if (auto value = parse_value(trim(text))) return std::move(*value);
    return Error(Kind::invalid, cat("'", text, "' is not a value")).with_hint("write true, 'text', ['a', 'b'], uint64 5 or 1.5");
}

Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations) {
    std::vector<UnitProperty> out;
    for (const auto& [key, text] : annotations) {
        if (!key.starts_with(prefix)) continue;
        const std::string name = key.substr(prefix.size());
        if (name.size() < 3 || !std::all_of(name.begin(), name.end(), is_letter))
            return Error(Kind::invalid, cat("annotation ", key, ": '", name, "' is not a property's name"));
        out.push_back(TRY(property_of(name, text), "annotation ", key));
    }
    return out;
}

}  // namespace berth::runtime
