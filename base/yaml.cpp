#include "base/yaml.h"

#include <charconv>

#include <yaml.h>

namespace berth {

namespace {

constexpr int deepest = 64;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    for (const std::string_view known : words)
        if (word == known) return true;
    return false;
}

template <class Number>
std::optional<Json> whole_number(std::string_view word, int base = 10) {
    Number number{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
    if (error == std::errc() && end == word.data() + word.size()) return Json(number);
    return std::nullopt;
}

/// Section 10.3.2: what a plain word means.
Json plain_value(std::string_view word) {
    if (is_one_of(word, {"", "~", "null", "Null", "NULL"})) return {};
    if (is_one_of(word, {"true", "True", "TRUE"})) return true;
    if (is_one_of(word, {"false", "False", "FALSE"})) return false;
    const std::string_view digits = word.starts_with('+') ? word.substr(1) : word;
    if (digits.starts_with("0x")) return whole_number<std::uint64_t>(digits.substr(2), 16).value_or(word);
    if (digits.starts_with("0o")) return whole_number<std::uint64_t>(digits.substr(2), 8).value_or(word);
    if (auto number = whole_number<std::int64_t>(digits)) return std::move(*number);
    if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return word;
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() ? Json(number) : Json(word);
}

std::string_view text_of(const yaml_event_t& event) {
    return {reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length};
}

/// An alias, or a node with an anchor or a tag.
bool is_marked(const yaml_event_t& event) {
    switch (event.type) {
        case YAML_SCALAR_EVENT: return event.data.scalar.anchor != nullptr || event.data.scalar.tag != nullptr;
        case YAML_SEQUENCE_START_EVENT: return event.data.sequence_start.anchor != nullptr || event.data.sequence_start.tag != nullptr;
        case YAML_MAPPING_START_EVENT: return event.data.mapping_start.anchor != nullptr || event.data.mapping_start.tag != nullptr;
        default: return true;
    }
}

class Reader {
public:
    explicit Reader(std::string_view text) {
        if (!yaml_parser_initialize(&parser_)) bug("no memory for a YAML parser");
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }
    ~Reader() {
        yaml_event_delete(&event_);
        yaml_parser_delete(&parser_);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    Result<Json> read_document() {
        TRY(next());  // The stream begins.
        TRY(next());
        if (event_.type == YAML_STREAM_END_EVENT) return Json();
        TRY(next());
        Json value = TRY(read_node(0));
        TRY(next());  // The document ends.
        TRY(next());
        if (event_.type != YAML_STREAM_END_EVENT) return wrong("a second document");
        return value;
    }

private:
    Error wrong(std::string_view what) const {
        return Error(Kind::invalid, cat("line ", event_.start_mark.line + 1, ": ", what));
    }
    Result<void> next() {
        yaml_event_delete(&event_);
        if (yaml_parser_parse(&parser_, &event_)) return {};
        return Error(Kind::invalid, cat("line ", parser_.problem_mark.line + 1, ": ", parser_.problem ? parser_.problem : "is no YAML"));
    }

    /// The value that the present event begins.
    Result<Json> read_node(int depth) {
        if (depth > deepest) return wrong(cat("nested deeper than ", deepest));
        if (is_marked(event_)) return wrong("anchors, aliases and tags are not read");
        if (event_.type == YAML_SEQUENCE_START_EVENT) return read_sequence(depth);
        if (event_.type == YAML_MAPPING_START_EVENT) return read_mapping(depth);
        return read_scalar();
    }
    Result<Json> read_scalar() const {
        return event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_value(text_of(event_)) : Json(text_of(event_));
    }
    Result<Json> read_sequence(int depth) {
        Json::Array out;
        for (;;) {
            TRY(next());
            if (event_.type == YAML_SEQUENCE_END_EVENT) return Json(std::move(out));
            out.push_back(TRY(read_node(depth + 1)));
        }
    }
    Result<Json> read_mapping(int depth) {
        Json out{Json::Object()};
        for (;;) {
            TRY(next());
            if (event_.type == YAML_MAPPING_END_EVENT) return out;
            if (event_.type != YAML_SCALAR_EVENT || event_.data.scalar.anchor != nullptr) return wrong("a key that is no text");
            const std::string key(text_of(event_));
            if (out.find(key) != nullptr) return wrong(cat("member '", key, "' stands twice"));
            TRY(next());
            Json value = TRY(read_node(depth + 1));
            out.set(key, std::move(value));
        }
    }

    yaml_parser_t parser_{};
    yaml_event_t event_{};
};

}  // namespace

Result<Json> parse_yaml(std::string_view text, std::size_t limit) {
    if (text.size() > limit) return Error(Kind::invalid, cat("larger than ", limit, " bytes"));
    return Reader(text).read_document();
}

}  // namespace berth
