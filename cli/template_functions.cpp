// Go's built-in template functions and docker's additions (docker: templates.NewParse).

#include <algorithm>

#include "base/utf8.h"
#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {
namespace {

Error wrong(std::string text) { return Error(Kind::invalid, std::move(text)); }

const Json nothing;
const Json no_text("");
const Json no_members(Json::Object{});

// Go gives the zero value of the map's type: "" for labels, nil for networks. The keys of docker's maps of ports are no strings
// in Go, so that docker asks the document instead, which has no value.
Value element_not_there(std::string_view map) {
    if (map == "Networks" || map == "Containers") return {&nothing};
    if (map == "Volumes") return {&no_members};
    const bool has_texts = map != "Ports" && map != "PortBindings" && map != "ExposedPorts";
    return has_texts ? Value{&no_text} : Value{&nothing, "", true};
}

Result<Value> element(const Value& from, const Json& key) {
    const Json& json = *from.json;
    if (const Json::Object* object = json.object()) {
        if (key.string() == nullptr) return wrong("index: a map wants a string");
        const auto found = std::ranges::find(*object, *key.string(), [](const auto& member) { return member.first; });
        if (found != object->end()) return Value{&found->second, field_in(from.field, found->first)};
        return element_not_there(from.field);
    }
    const Json::Array* array = json.array();
    if (array == nullptr && json.string() == nullptr) {
        if (json.is_null() && is_map_field(from.field)) return element_not_there(from.field);
        return wrong(json.is_null() ? "index of nothing: the value is empty"
                                    : cat("index: a value of type ", type_of(from), " has no elements"));
    }
    if (key.integer() == nullptr) return wrong("index: a list wants a number");
    const std::int64_t n = *key.integer();
    const auto size = static_cast<std::int64_t>(array != nullptr ? array->size() : json.string()->size());
    if (n < 0 || n >= size) return wrong(cat("index: ", n, " is out of range, there are ", size));
    if (array != nullptr) return element_of(from, (*array)[static_cast<std::size_t>(n)]);
    static const std::vector<Json> bytes = [] {
        std::vector<Json> out;
        for (int byte = 0; byte < 256; ++byte) out.emplace_back(byte);
        return out;
    }();
    return Value{&bytes[static_cast<unsigned char>((*json.string())[static_cast<std::size_t>(n)])]};
}

Result<Json> slice(const Arguments& a) {
    const Json::Array* array = a[0].json->array();
    const std::string* text = a[0].json->string();
    if (array == nullptr && text == nullptr) return wrong("slice: wants a string or a list");
    if (text != nullptr && a.size() == 4) return wrong("slice: a string takes two bounds");
    const auto size = static_cast<std::int64_t>(array != nullptr ? array->size() : text->size());
    // The third is how far Go's list could grow, which nothing here shows.
    std::int64_t bounds[3] = {0, size, size};
    for (std::size_t i = 1; i < a.size(); ++i) {
        const std::int64_t* bound = a[i].json->integer();
        if (bound == nullptr) return wrong("slice: bounds are numbers");
        if (*bound < 0 || *bound > size) return wrong(cat("slice: ", *bound, " is out of range, the size is ", size));
        bounds[i - 1] = *bound;
    }
    if (bounds[0] > bounds[1] || bounds[1] > bounds[2])
        return wrong(cat("slice: ", bounds[0], ":", bounds[1], " runs backwards"));
    if (text != nullptr)
        return Json(text->substr(static_cast<std::size_t>(bounds[0]), static_cast<std::size_t>(bounds[1] - bounds[0])));
    return Json(Json::Array(array->begin() + bounds[0], array->begin() + bounds[1]));
}

Result<Json> length(const Arguments& a) {
    const Json& json = *a[0].json;
    if (const auto* array = json.array()) return Json(array->size());
    if (const auto* text = json.string()) return Json(text->size());
    if (json.object() != nullptr) return Json(members_of(a[0]).size());
    const bool is_empty_list = json.is_null() && !a[0].field.empty() && !is_pointer_field(a[0].field);
    if (is_empty_list) return Json(0);
    return wrong(json.is_null() ? "len of nothing: the value is empty"
                                : cat("len: a value of type ", type_of(a[0]), " has no length"));
}

/// Go compares only what is of one of these kinds.
enum class Basic { nil, boolean, whole, fraction, text, other };
Basic basic_kind(const Json& json) {
    if (json.boolean() != nullptr) return Basic::boolean;
    if (json.integer() != nullptr || json.large() != nullptr) return Basic::whole;
    if (json.number() != nullptr) return Basic::fraction;
    if (json.string() != nullptr) return Basic::text;
    return json.is_null() ? Basic::nil : Basic::other;
}

Result<bool> is_equal(const Value& left, const Value& right) {
    const Basic kinds[] = {basic_kind(*left.json), basic_kind(*right.json)};
    if (kinds[0] == Basic::nil || kinds[1] == Basic::nil) return kinds[0] == kinds[1];
    if (kinds[0] != kinds[1]) return wrong(cat("incompatible types for comparison: ", type_of(left), " and ", type_of(right)));
    if (left.json->array() != nullptr) return wrong("lists cannot be compared");
    return *left.json == *right.json;
}

Result<bool> is_less(const Value& left, const Value& right) {
    const Basic kind = basic_kind(*left.json);
    if (kind != basic_kind(*right.json))
        return wrong(cat("incompatible types for comparison: ", type_of(left), " and ", type_of(right)));
    if (kind == Basic::text) return *left.json->string() < *right.json->string();
    if (kind == Basic::fraction) return *left.json->number() < *right.json->number();
    if (kind != Basic::whole) return wrong(cat("values of type ", type_of(left), " have no order"));
    const std::int64_t* small[] = {left.json->integer(), right.json->integer()};
    if (small[0] != nullptr && small[1] != nullptr) return *small[0] < *small[1];
    if (small[0] == nullptr && small[1] == nullptr) return *left.json->large() < *right.json->large();
    return small[0] != nullptr;
}

Result<Json> equal(const Arguments& a) {
    for (std::size_t i = 1; i < a.size(); ++i) {
        const bool is_same = TRY(is_equal(a[0], a[i]));
        if (is_same) return Json(true);
    }
    return Json(false);
}
Result<Json> unequal(const Arguments& a) {
    const bool is_same = TRY(is_equal(a[0], a[1]));
    return Json(!is_same);
}
Result<Json> less(const Arguments& a) {
    const bool is_smaller = TRY(is_less(a[0], a[1]));
    return Json(is_smaller);
}
Result<Json> less_or_equal(const Arguments& a) {
    const bool is_smaller = TRY(is_less(a[0], a[1]));
    return is_smaller ? Json(true) : equal(a);
}
Result<Json> greater(const Arguments& a) { return less({a[1], a[0]}); }
Result<Json> greater_or_equal(const Arguments& a) { return less_or_equal({a[1], a[0]}); }

Result<Json> join(const Arguments& a) {
    if (a[1].json->string() == nullptr) return wrong("join: the separator is a string");
    if (a[0].json->is_null()) return Json("");
    if (a[0].json->array() == nullptr) return wrong("join: wants a list");
    std::vector<std::string> parts;
    for (const Json& part : *a[0].json->array()) parts.push_back(plain_text(element_of(a[0], part)));
    return Json(join_text(parts, *a[1].json->string()));
}

Result<Json> split(const Arguments& a) {
    if (a[0].json->string() == nullptr || a[1].json->string() == nullptr) return wrong("split: wants two strings");
    std::string_view text = *a[0].json->string();
    const std::string& separator = *a[1].json->string();
    Json::Array out;
    while (separator.empty() && !text.empty()) {
        const std::string_view character = text.substr(0, character_length(text));
        out.emplace_back(character);
        text.remove_prefix(character.size());
    }
    if (separator.empty()) return Json(std::move(out));
    for (std::size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + separator.size()))
        out.emplace_back(text.substr(0, end));
    out.emplace_back(text);
    return Json(std::move(out));
}

Result<Json> text_function(const std::string& name, const Arguments& a) {
    if (a[0].json->string() == nullptr) return wrong(cat(name, ": wants a string"));
    std::string text = *a[0].json->string();
    bool at_start = true;
    for (char& c : text) {
        const bool is_lower = c >= 'a' && c <= 'z';
        const bool is_upper = c >= 'A' && c <= 'Z';
        if (is_lower && (name == "upper" || (name == "title" && at_start)))
            c = static_cast<char>(c - 32);
        else if (is_upper && name == "lower")
            c = static_cast<char>(c + 32);
        at_start = !is_lower && !is_upper && c != '_' && !(c >= '0' && c <= '9') && static_cast<unsigned char>(c) < 0x80;
    }
    return Json(std::move(text));
}

Result<Json> pad(const Arguments& a) {
    if (a[0].json->string() == nullptr || a[1].json->integer() == nullptr || a[2].json->integer() == nullptr)
        return wrong("pad: wants a string and two numbers");
    if (a[0].json->string()->empty()) return Json("");
    const auto spaces = [](std::int64_t n) {
        return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(n, 0, 1000)), ' ');
    };
    return Json(cat(spaces(*a[1].json->integer()), *a[0].json->string(), spaces(*a[2].json->integer())));
}

Result<Json> truncate(const Arguments& a) {
    if (a[0].json->string() == nullptr || a[1].json->integer() == nullptr) return wrong("truncate: wants a string and a number");
    return Json(a[0].json->string()->substr(0, static_cast<std::size_t>(std::max<std::int64_t>(*a[1].json->integer(), 0))));
}

Result<Json> formatted(const Arguments& a) {
    if (a[0].json->string() == nullptr) return wrong("printf: wants a format string");
    return Json(printed_format(*a[0].json->string(), Arguments(a.begin() + 1, a.end())));
}

// No document holds a function.
Result<Json> call(const Arguments& a) { return wrong(cat("call: a value of type ", type_of(a[0]), " is no function")); }

std::string html_character(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&#34;";
        case '\'':
            return "&#39;";
        default:
            return {c};
    }
}

std::string hexadecimal(char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    return {digits[byte >> 4], digits[byte & 15]};
}

std::string js_character(char c) {
    if (c == '\\' || c == '\'' || c == '"') return {'\\', c};
    const bool is_plain = static_cast<unsigned char>(c) >= 32 && c != '<' && c != '>' && c != '&' && c != '=';
    return is_plain ? std::string{c} : cat("\\u00", hexadecimal(c));
}

std::string query_character(char c) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                          c == '.' || c == '~';
    if (c == ' ') return "+";
    return is_plain ? std::string{c} : cat("%", hexadecimal(c));
}

template <std::string (*escape)(char)>
Result<Json> escaped(const Arguments& a) {
    // Of what has no value Go escapes the words for it.
    const bool is_nothing = a.size() == 1 && a[0].is_missing;
    std::string out;
    for (const char c : is_nothing ? "<no value>" : printed(a)) out += escape(c);
    return Json(std::move(out));
}

struct Function {
    std::string_view name;
    std::size_t least;
    std::size_t most;
    Result<Json> (*call)(const Arguments&);  ///< nullptr: the executor's own
};
constexpr std::size_t any_number = 100'000;
const Function functions[] = {
    {"and", 1, any_number, nullptr},
    {"or", 1, any_number, nullptr},
    {"not", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(!truth_of(a[0])); }},
    {"index", 1, any_number, nullptr},
    {"slice", 1, 4, slice},
    {"len", 1, 1, length},
    {"eq", 2, any_number, equal},
    {"ne", 2, 2, unequal},
    {"lt", 2, 2, less},
    {"le", 2, 2, less_or_equal},
    {"gt", 2, 2, greater},
    {"ge", 2, 2, greater_or_equal},
    {"call", 1, any_number, call},
    {"print", 0, any_number, [](const Arguments& a) -> Result<Json> { return Json(printed(a)); }},
    {"println", 0, any_number, [](const Arguments& a) -> Result<Json> { return Json(printed_line(a)); }},
    {"printf", 1, any_number, formatted},
    {"json", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(json_text(*a[0].json)); }},
    {"join", 2, 2, join},
    {"split", 2, 2, split},
    {"title", 1, 1, [](const Arguments& a) { return text_function("title", a); }},
    {"lower", 1, 1, [](const Arguments& a) { return text_function("lower", a); }},
    {"upper", 1, 1, [](const Arguments& a) { return text_function("upper", a); }},
    {"html", 0, any_number, escaped<html_character>},
    {"js", 0, any_number, escaped<js_character>},
    {"urlquery", 0, any_number, escaped<query_character>},
    {"pad", 3, 3, pad},
    {"truncate", 2, 2, truncate},
};

const Function* find_function(std::string_view name) {
    const auto found = std::ranges::find(functions, name, &Function::name);
    return found == std::ranges::end(functions) ? nullptr : found;
}

}  // namespace

bool is_function(std::string_view name) { return find_function(name) != nullptr; }

bool keeps_header(std::string_view name) {
    static constexpr std::string_view names[] = {"json", "split", "join", "title", "lower", "upper", "truncate"};
    return std::ranges::find(names, name) != std::ranges::end(names);
}

std::vector<std::string> function_names() {
    std::vector<std::string> names;
    for (const Function& function : functions) names.emplace_back(function.name);
    return names;
}

Result<void> check_arguments(const std::string& name, std::size_t count) {
    const Function* function = find_function(name);
    if (count >= function->least && count <= function->most) return {};
    return wrong(cat("'", name, "' wants ", function->least == function->most ? "" : "at least ", function->least, " argument",
                     function->least == 1 ? "" : "s", ", has ", count));
}

Result<Json> call_function(const std::string& name, const Arguments& arguments) { return find_function(name)->call(arguments); }

Result<Value> find_element(const Arguments& arguments) {
    Value at = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i) at = TRY(element(at, *arguments[i].json));
    return at;
}

}  // namespace berth::cli::template_detail
