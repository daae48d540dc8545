#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

namespace berth {

namespace {

constexpr std::size_t deepest = 64;

std::string_view type_word(const Json& value) {
    if (value.is_null()) return "null";
    if (value.boolean() != nullptr) return "a boolean";
    if (value.integer() != nullptr || value.large() != nullptr || value.number() != nullptr) return "a number";
    if (value.string() != nullptr) return "a string";
    return value.array() != nullptr ? "an array" : "an object";
}

/// Collects yajl's callbacks into a tree. A callback that answers 0 stops the parser; `error` then says why.
class Tree {
public:
    Json take() { return std::move(root_); }
    const std::string& error() const { return error_; }

    int put(Json value) {
        if (open_.empty()) return root_ = std::move(value), 1;
        slot(std::move(value));
        return 1;
    }
    int key(std::string_view name) {
        const Json::Object& object = *open_.back().value.object();
        const bool twice = std::any_of(object.begin(), object.end(), [&](const auto& member) { return member.first == name; });
        if (twice) return fail(cat("member '", name, "' stands twice"));
        open_.back().key = name;
        return 1;
    }
    int begin(Json container) {
        if (open_.size() >= deepest) return fail(cat("nested deeper than ", deepest));
        open_.push_back({std::move(container), {}});
        return 1;
    }
    int end() {
        Json done = std::move(open_.back().value);
        open_.pop_back();
        return put(std::move(done));
    }
    int fail(std::string why) { return error_ = std::move(why), 0; }

private:
    struct Open {
        Json value;
        std::string key;
    };
    void slot(Json value) {
        Open& top = open_.back();
        if (top.value.array() != nullptr) top.value.array()->push_back(std::move(value));
        else top.value.object()->emplace_back(std::move(top.key), std::move(value));
    }
    std::vector<Open> open_;
    Json root_;
    std::string error_;
};

Tree& tree(void* context) { return *static_cast<Tree*>(context); }
std::string_view view(const unsigned char* text, std::size_t size) {
    return {static_cast<const char*>(static_cast<const void*>(text)), size};
}

int on_number(void* context, const char* digits, std::size_t size) {
    const std::string text(digits, size);
    std::int64_t whole = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + size, whole);
    if (code == std::errc() && end == text.data() + size) return tree(context).put(whole);
    std::uint64_t large = 0;
    const auto [large_end, large_code] = std::from_chars(text.data(), text.data() + size, large);
    if (large_code == std::errc() && large_end == text.data() + size) return tree(context).put(large);
    double real = 0;
    const auto [real_end, real_code] = std::from_chars(text.data(), text.data() + size, real);
    if (real_code != std::errc() || real_end != text.data() + size) return tree(context).fail(cat("number ", text, " is out of range"));
    return tree(context).put(real);
}

constexpr yajl_callbacks callbacks = {
    [](void* c) { return tree(c).put(nullptr); },
    [](void* c, int value) { return tree(c).put(value != 0); },
    nullptr,
    nullptr,
    on_number,
    [](void* c, const unsigned char* s, std::size_t n) { return tree(c).put(view(s, n)); },
    [](void* c) { return tree(c).begin(Json::Object{}); },
    [](void* c, const unsigned char* s, std::size_t n) { return tree(c).key(view(s, n)); },
    [](void* c) { return tree(c).end(); },
    [](void* c) { return tree(c).begin(Json::Array{}); },
    [](void* c) { return tree(c).end(); },
};

/// yajl's message is two lines of an excerpt; its first sentence is what a user needs.
Error syntax_error(yajl_handle parser, std::string_view text) {
    const std::size_t at = yajl_get_bytes_consumed(parser);
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size())), '\n');
    unsigned char* words = yajl_get_error(parser, 0, nullptr, 0);
    std::string what = view(words, std::strlen(static_cast<const char*>(static_cast<const void*>(words)))).data();
    yajl_free_error(parser, words);
    while (!what.empty() && (what.back() == '\n' || what.back() == ' ')) what.pop_back();
    return Error(Kind::invalid, cat("line ", line, ": ", what));
}

/// How many bytes the UTF-8 sequence at the front takes; 0 when there is none (RFC 3629 §4: no overlong form, no surrogate).
std::size_t sequence_at(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool fits = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f);
        return fits && follows(1) && follows(2) ? 3 : 0;
    }
    const bool fits = first >= 0xf0 && first <= 0xf4 && !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
    return fits && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

std::string with_valid_utf8(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = sequence_at(text);
        out += length > 0 ? text.substr(0, length) : "\xef\xbf\xbd";
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

void put_text(yajl_gen out, const std::string& text) {
    const bool is_ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const std::string valid = is_ascii ? std::string() : with_valid_utf8(text);
    const std::string& shown = is_ascii ? text : valid;
    yajl_gen_string(out, static_cast<const unsigned char*>(static_cast<const void*>(shown.data())), shown.size());
}

/// Text that stands for itself: numbers, and the empty containers, between whose brackets yajl would put an empty line.
void put_raw(yajl_gen out, std::string_view text) { yajl_gen_number(out, text.data(), text.size()); }

void generate(yajl_gen out, const Json& value) {
    if (value.is_null()) {
        yajl_gen_null(out);
    } else if (const bool* boolean = value.boolean()) {
        yajl_gen_bool(out, *boolean ? 1 : 0);
    } else if (const std::int64_t* integer = value.integer()) {
        yajl_gen_integer(out, *integer);
    } else if (const std::uint64_t* large = value.large()) {
        put_raw(out, cat(*large));
    } else if (const double* number = value.number()) {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
        if (std::isfinite(*number)) put_raw(out, {digits, end});
        else yajl_gen_null(out);
    } else if (const std::string* text = value.string()) {
        put_text(out, *text);
    } else if (const Json::Array* array = value.array()) {
        if (array->empty()) return put_raw(out, "[]");
        yajl_gen_array_open(out);
        for (const Json& element : *array) generate(out, element);
        yajl_gen_array_close(out);
    } else {
        if (value.object()->empty()) return put_raw(out, "{}");
        yajl_gen_map_open(out);
        for (const auto& [name, member] : *value.object()) {
            put_text(out, name);
            generate(out, member);
        }
        yajl_gen_map_close(out);
    }
}

bool is_path(std::string_view text) {
    // "name: …", "a.b[2]: …": what stands before the first ": " of an error below is a path when it has no space.
    const std::size_t colon = text.find(": ");
    return colon != std::string_view::npos && colon > 0 && text.substr(0, colon).find(' ') == std::string_view::npos;
}

}  // namespace

const Json* Json::find(std::string_view name) const {
    const Object* members = object();
    if (members == nullptr) return nullptr;
    for (const auto& [key, member] : *members)
        if (key == name) return &member;
    return nullptr;
}

void Json::set(std::string_view name, Json value) {
    if (is_null()) value_ = Object{};
    for (auto& [key, member] : *object())
        if (key == name) {
            member = std::move(value);
            return;
        }
    object()->emplace_back(std::string(name), std::move(value));
}

void Json::push_back(Json value) {
    if (is_null()) value_ = Array{};
    array()->push_back(std::move(value));
}

Result<Json> parse_json(std::string_view text, std::size_t limit) {
    if (text.size() > limit) return Error(Kind::invalid, cat("larger than ", limit, " bytes"));
    Tree result;
    yajl_handle parser = yajl_alloc(&callbacks, nullptr, &result);
    auto status = yajl_parse(parser, static_cast<const unsigned char*>(static_cast<const void*>(text.data())), text.size());
    if (status == yajl_status_ok) status = yajl_complete_parse(parser);
    std::optional<Error> error;
    if (status == yajl_status_client_canceled) error = Error(Kind::invalid, result.error());
    else if (status != yajl_status_ok) error = syntax_error(parser, text);
    yajl_free(parser);
    if (error) return std::move(*error);
    return result.take();
}

std::string json_text(const Json& value, JsonStyle style) {
    yajl_gen out = yajl_gen_alloc(nullptr);
    if (style == JsonStyle::indented) {
        yajl_gen_config(out, yajl_gen_beautify, 1);
        yajl_gen_config(out, yajl_gen_indent_string, "    ");
    }
    generate(out, value);
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    yajl_gen_get_buf(out, &bytes, &size);
    std::string text(view(bytes, size));
    yajl_gen_free(out);
    return text;
}

namespace json_detail {

Error wrong_type(std::string_view wanted, const Json& found) {
    return Error(Kind::invalid, cat("expected ", wanted, ", found ", type_word(found)));
}

Result<void> read(const Json& from, bool& into) {
    if (from.boolean() == nullptr) return wrong_type("a boolean", from);
    into = *from.boolean();
    return {};
}

Result<void> read(const Json& from, double& into) {
    if (from.integer() != nullptr) into = static_cast<double>(*from.integer());
    else if (from.large() != nullptr) into = static_cast<double>(*from.large());
    else if (from.number() != nullptr) into = *from.number();
    else return wrong_type("a number", from);
    return {};
}

Result<void> read(const Json& from, std::string& into) {
    if (from.string() == nullptr) return wrong_type("a string", from);
    into = *from.string();
    return {};
}

Result<std::int64_t> read_integer(const Json& from, std::int64_t low, std::uint64_t high) {
    if (const std::uint64_t* large = from.large()) {
        if (*large > high) return Error(Kind::invalid, cat(*large, " is out of range"));
        return static_cast<std::int64_t>(*large);
    }
    if (from.integer() == nullptr) return wrong_type("a whole number", from);
    const std::int64_t value = *from.integer();
    const bool too_high = value > 0 && static_cast<std::uint64_t>(value) > high;
    if (value < low || too_high) return Error(Kind::invalid, cat(value, " is out of range"));
    return value;
}

Error at_member(Error error, std::string_view name) {
    const std::string below = error.text();
    const bool joins = is_path(below);
    const Kind kind = error.kind();
    return Error(kind, cat(name, joins ? (below.starts_with('[') ? "" : ".") : ": ", below), error.where())
        .with_hint(error.hint());
}

Error at_index(Error error, std::size_t index) {
    return at_member(std::move(error), cat("[", index, "]"));
}

}  // namespace json_detail

}  // namespace berth
