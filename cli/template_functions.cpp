// Go's built-in template functions and docker's additions (docker: templates.NewParse).

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/template.h"
#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {
namespace {

using Arguments = std::vector<Json>;
Error wrong(std::string text) { return Error(Kind::invalid, std::move(text)); }

Result<Json> index(const Arguments& a) {
    const Json* at = &a[0];
    for (std::size_t i = 1; i < a.size(); ++i) {
        if (const Json::Array* array = at->array()) {
            const std::int64_t* n = a[i].integer();
            if (n == nullptr) return wrong("index: a list wants a number");
            if (*n < 0 || *n >= static_cast<std::int64_t>(array->size()))
                return wrong(cat("index: ", *n, " is out of range, there are ", array->size()));
            at = &(*array)[static_cast<std::size_t>(*n)];
        } else if (const Json::Object* object = at->object()) {
            if (a[i].string() == nullptr) return wrong("index: a map wants a string");
            at = at->find(*a[i].string());
            // Go gives the zero value of the map's type: "" for labels, nil for lists.
            if (at == nullptr) {
                const bool holds_text = object->empty() || object->front().second.string() != nullptr;
                return holds_text && i + 1 == a.size() ? Json("") : Json();
            }
        } else if (at->string() != nullptr && a[i].integer() != nullptr) {
            const std::string& text = *at->string();
            const std::int64_t n = *a[i].integer();
            if (n < 0 || n >= static_cast<std::int64_t>(text.size())) return wrong(cat("index: ", n, " is out of range"));
            return Json(static_cast<std::int64_t>(static_cast<unsigned char>(text[static_cast<std::size_t>(n)])));
        } else {
            return wrong(at->is_null() ? "index of nothing: the value is empty" : "index: this value has no elements");
        }
    }
    return *at;
}

Result<Json> slice(const Arguments& a) {
    const Json::Array* array = a[0].array();
    const std::string* text = a[0].string();
    if (array == nullptr && text == nullptr) return wrong("slice: wants a string or a list");
    const auto size = static_cast<std::int64_t>(array != nullptr ? array->size() : text->size());
    std::int64_t bounds[2] = {0, size};
    for (std::size_t i = 1; i < a.size() && i < 3; ++i) {
        if (a[i].integer() == nullptr) return wrong("slice: bounds are numbers");
        bounds[i - 1] = *a[i].integer();
    }
    if (bounds[0] < 0 || bounds[1] > size || bounds[0] > bounds[1])
        return wrong(cat("slice: ", bounds[0], ":", bounds[1], " is out of range, the size is ", size));
    if (text != nullptr)
        return Json(text->substr(static_cast<std::size_t>(bounds[0]), static_cast<std::size_t>(bounds[1] - bounds[0])));
    return Json(Json::Array(array->begin() + bounds[0], array->begin() + bounds[1]));
}

Result<Json> length(const Arguments& a) {
    if (const auto* array = a[0].array()) return Json(array->size());
    if (const auto* object = a[0].object()) return Json(object->size());
    if (const auto* text = a[0].string()) return Json(text->size());
    if (a[0].is_null()) return Json(0);
    return wrong("len: this value has no length");
}

double as_number(const Json& value) {
    return value.integer() != nullptr ? static_cast<double>(*value.integer()) : value.number() != nullptr ? *value.number() : NAN;
}

// -1, 0, 1; an error when the two cannot be compared.
Result<int> compare(const Json& left, const Json& right) {
    const bool numbers = !std::isnan(as_number(left)) && !std::isnan(as_number(right));
    if (numbers) return as_number(left) < as_number(right) ? -1 : as_number(left) > as_number(right) ? 1 : 0;
    if (left.string() != nullptr && right.string() != nullptr)
        return left.string()->compare(*right.string()) < 0 ? -1 : *left.string() == *right.string() ? 0 : 1;
    if (left.boolean() != nullptr && right.boolean() != nullptr)
        return static_cast<int>(*left.boolean()) - static_cast<int>(*right.boolean());
    if (left.is_null() || right.is_null()) return left.is_null() && right.is_null() ? 0 : 1;
    return wrong("incompatible types for comparison");
}

Result<Json> equal(const Arguments& a) {
    for (std::size_t i = 1; i < a.size(); ++i)
        if (TRY(compare(a[0], a[i])) == 0) return Json(true);
    return Json(false);
}
template <class Accept>
Result<Json> ordered(const Arguments& a, Accept accept) {
    return Json(accept(TRY(compare(a[0], a[1]))));
}

Result<Json> join(const Arguments& a) {
    if (a[1].string() == nullptr) return wrong("join: the separator is a string");
    if (a[0].is_null()) return Json("");
    if (a[0].array() == nullptr) return wrong("join: wants a list");
    std::vector<std::string> parts;
    for (const Json& part : *a[0].array()) parts.push_back(go_text(part));
    return Json(join_text(parts, *a[1].string()));
}

Result<Json> split(const Arguments& a) {
    if (a[0].string() == nullptr || a[1].string() == nullptr) return wrong("split: wants two strings");
    const std::string& text = *a[0].string();
    const std::string& separator = *a[1].string();
    Json::Array out;
    if (separator.empty()) {
        for (const char c : text) out.emplace_back(std::string(1, c));
        return Json(std::move(out));
    }
    std::size_t start = 0;
    for (std::size_t end; (end = text.find(separator, start)) != std::string::npos; start = end + separator.size())
        out.emplace_back(text.substr(start, end - start));
    out.emplace_back(text.substr(start));
    return Json(std::move(out));
}

Result<Json> text_function(const std::string& name, const Arguments& a) {
    if (a[0].string() == nullptr) return wrong(cat(name, ": wants a string"));
    std::string text = *a[0].string();
    bool at_start = true;
    for (char& c : text) {
        const bool is_lower = c >= 'a' && c <= 'z';
        const bool is_upper = c >= 'A' && c <= 'Z';
        if (is_lower && (name == "upper" || (name == "title" && at_start)))
            c = static_cast<char>(c - 32);
        else if (is_upper && name == "lower")
            c = static_cast<char>(c + 32);
        at_start =
            !is_lower && !is_upper && c != '\'' && c != '_' && !(c >= '0' && c <= '9') && static_cast<unsigned char>(c) < 0x80;
    }
    return Json(std::move(text));
}

Result<Json> pad(const Arguments& a) {
    if (a[0].string() == nullptr || a[1].integer() == nullptr || a[2].integer() == nullptr)
        return wrong("pad: wants a string and two numbers");
    if (a[0].string()->empty()) return Json("");
    const auto spaces = [](std::int64_t n) {
        return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(n, 0, 1000)), ' ');
    };
    return Json(cat(spaces(*a[1].integer()), *a[0].string(), spaces(*a[2].integer())));
}

Result<Json> truncate(const Arguments& a) {
    if (a[0].string() == nullptr || a[1].integer() == nullptr) return wrong("truncate: wants a string and a number");
    return Json(a[0].string()->substr(0, static_cast<std::size_t>(std::max<std::int64_t>(*a[1].integer(), 0))));
}

// Go's Print puts a space between operands when neither is a string, Println always.
std::string printed(const Arguments& a, bool with_spaces) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const bool spaced = with_spaces || (i > 0 && a[i].string() == nullptr && a[i - 1].string() == nullptr);
        if (i > 0 && spaced) out += ' ';
        out += go_text(a[i]);
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else
            out += c;
    }
    return out + '"';
}

/// One verb of printf: %[flags][width][.precision]letter.
struct Verb {
    bool left = false, zero = false, plus = false;
    std::size_t width = 0;
    int precision = -1;
    char letter = 'v';
};

std::string integer_digits(std::int64_t value, int base, bool upper) {
    char digits[72];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    std::string out(digits, end);
    if (upper)
        std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

std::string verb_text(const Verb& verb, const Json& value) {
    const auto mismatch = [&] { return cat("%!", verb.letter, "(", go_text(value), ")"); };
    switch (verb.letter) {
        case 'v':
            return go_text(value);
        case 's':
            return go_text(value).substr(0, verb.precision < 0 ? std::string::npos : static_cast<std::size_t>(verb.precision));
        case 'q':
            return quoted(go_text(value));
        case 't':
            return value.boolean() != nullptr ? go_text(value) : mismatch();
        case 'd':
            return value.integer() != nullptr ? cat(verb.plus && *value.integer() >= 0 ? "+" : "", *value.integer()) : mismatch();
        case 'x':
        case 'X':
        case 'o':
        case 'b': {
            if (value.integer() == nullptr) return mismatch();
            return integer_digits(*value.integer(), verb.letter == 'o' ? 8 : verb.letter == 'b' ? 2 : 16, verb.letter == 'X');
        }
        case 'c':
            return value.integer() != nullptr ? std::string(1, static_cast<char>(*value.integer())) : mismatch();
        case 'f':
        case 'g':
        case 'e': {
            if (std::isnan(as_number(value))) return mismatch();
            const auto format = verb.letter == 'f'   ? std::chars_format::fixed
                                : verb.letter == 'e' ? std::chars_format::scientific
                                                     : std::chars_format::general;
            char digits[400];
            const auto end = std::to_chars(digits, digits + sizeof digits, as_number(value), format,
                                           verb.precision < 0 ? 6 : std::min(verb.precision, 50))
                                 .ptr;
            return std::string(digits, end);
        }
        default:
            return mismatch();
    }
}

Result<Json> formatted(const Arguments& a) {
    if (a.empty() || a[0].string() == nullptr) return wrong("printf: wants a format string");
    const std::string& format = *a[0].string();
    std::string out;
    std::size_t used = 1;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%') {
            out += format[i];
            continue;
        }
        Verb verb;
        for (++i; i < format.size() && std::string_view("-0+ #").find(format[i]) != std::string_view::npos; ++i) {
            verb.left |= format[i] == '-';
            verb.zero |= format[i] == '0';
            verb.plus |= format[i] == '+';
        }
        const auto number = [&] {
            std::size_t n = 0;
            for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i)
                n = std::min<std::size_t>(n * 10 + static_cast<std::size_t>(format[i] - '0'), 1000);
            return n;
        };
        verb.width = number();
        if (i < format.size() && format[i] == '.') {
            ++i;
            verb.precision = static_cast<int>(number());
        }
        if (i >= format.size()) return Json(out + "%!(NOVERB)");
        verb.letter = format[i];
        if (verb.letter == '%') {
            out += '%';
            continue;
        }
        const std::string text = used < a.size() ? verb_text(verb, a[used]) : cat("%!", verb.letter, "(MISSING)");
        ++used;
        const std::size_t columns = display_width(text);
        const std::string fill(verb.width > columns ? verb.width - columns : 0, verb.zero && !verb.left ? '0' : ' ');
        out += verb.left ? text + fill : fill + text;
    }
    return Json(std::move(out));
}

std::string html_character(char c) {
    switch (c) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&#34;";
        case '\'': return "&#39;";
        default: return {c};
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
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (c == ' ') return "+";
    return is_plain ? std::string{c} : cat("%", hexadecimal(c));
}

template <std::string (*escape)(char)>
Result<Json> escaped(const Arguments& a) {
    std::string out;
    for (const char c : printed(a, false)) out += escape(c);
    return Json(std::move(out));
}

struct Function {
    std::string_view name;
    std::size_t least;
    std::size_t most;
    Result<Json> (*call)(const Arguments&);
};
constexpr std::size_t any_number = 1000;
const Function functions[] = {
    {"and", 1, any_number, nullptr},
    {"or", 1, any_number, nullptr},
    {"not", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(!go_truth(a[0])); }},
    {"index", 1, any_number, index},
    {"slice", 1, 3, slice},
    {"len", 1, 1, length},
    {"eq", 2, any_number, equal},
    {"ne", 2, 2, [](const Arguments& a) { return ordered(a, [](int c) { return c != 0; }); }},
    {"lt", 2, 2, [](const Arguments& a) { return ordered(a, [](int c) { return c < 0; }); }},
    {"le", 2, 2, [](const Arguments& a) { return ordered(a, [](int c) { return c <= 0; }); }},
    {"gt", 2, 2, [](const Arguments& a) { return ordered(a, [](int c) { return c > 0; }); }},
    {"ge", 2, 2, [](const Arguments& a) { return ordered(a, [](int c) { return c >= 0; }); }},
    {"print", 0, any_number, [](const Arguments& a) -> Result<Json> { return Json(printed(a, false)); }},
    {"println", 0, any_number, [](const Arguments& a) -> Result<Json> { return Json(printed(a, true) + "\n"); }},
    {"printf", 1, any_number, formatted},
    {"json", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(json_text(a[0])); }},
    {"join", 2, 2, join},
    {"split", 2, 2, split},
    {"title", 1, 1, [](const Arguments& a) { return text_function("title", a); }},
    {"lower", 1, 1, [](const Arguments& a) { return text_function("lower", a); }},
    {"upper", 1, 1, [](const Arguments& a) { return text_function("upper", a); }},
    {"html", 1, any_number, escaped<html_character>},
    {"js", 1, any_number, escaped<js_character>},
    {"urlquery", 1, any_number, escaped<query_character>},
    {"pad", 3, 3, pad},
    {"truncate", 2, 2, truncate},
};

const Function* find_function(std::string_view name) {
    const auto found = std::ranges::find(functions, name, &Function::name);
    return found == std::ranges::end(functions) ? nullptr : found;
}

}  // namespace

bool is_function(std::string_view name) { return find_function(name) != nullptr; }

std::vector<std::string> function_names() {
    std::vector<std::string> names;
    for (const Function& function : functions) names.emplace_back(function.name);
    return names;
}

Result<Json> call_function(const std::string& name, const Arguments& arguments) {
    const Function* function = find_function(name);
    if (arguments.size() < function->least || arguments.size() > function->most)
        return wrong(cat("'", name, "' wants ", function->least == function->most ? "" : "at least ", function->least,
                         " argument", function->least == 1 ? "" : "s", ", has ", arguments.size()));
    return function->call(arguments);
}

}  // namespace berth::cli::template_detail
