#include "builder/words.h"

#include "base/json.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

// A line end cannot stand in a joined line; the others are what BuildKit's expression calls blank.
bool is_separator(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n'); }

/// Copies one quoted part, both quotes included. Returns where it ended.
std::size_t copy_quoted(std::string_view text, std::size_t at, char escape, std::string& word) {
    const char mark = text[at];
    word += text[at++];
    while (at < text.size()) {
        const char c = text[at];
        if (c == escape && mark != '\'') {
            if (at + 1 == text.size()) return at + 1;  // An escape at the very end goes.
            word += text.substr(at, 2);
            at += 2;
            continue;
        }
        word += c;
        ++at;
        if (c == mark) break;
    }
    return at;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text, char escape) {
    std::vector<std::string> words;
    std::string word;
    bool is_open = false;
    const auto end_word = [&] {
        if (is_open) words.push_back(std::exchange(word, {}));
        is_open = false;
    };
    for (std::size_t at = 0; at < text.size();) {
        const Character next = character_at(text, at);
        if (is_blank(next.code)) {
            end_word();
            at += next.length;
        } else if (text[at] == '"' || text[at] == '\'') {
            is_open = true;
            at = copy_quoted(text, at, escape, word);
        } else {
            const bool escapes = text[at] == escape;
            if (escapes && at + 1 == text.size()) break;
            const std::size_t length = escapes ? 1 + character_at(text, at + 1).length : next.length;
            is_open = true;
            word += text.substr(at, length);
            at += length;
        }
    }
    end_word();
    return words;
}

std::vector<std::string> split_at_blanks(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && !is_separator(text[end])) ++end;
        words.emplace_back(text.substr(at, end - at));
        while (end < text.size() && is_separator(text[end])) ++end;
        at = end;
    }
    return words;
}

FirstWord split_first(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && !is_separator(text[end])) ++end;
    std::size_t next = end;
    while (next < text.size() && is_separator(text[next])) ++next;
    if (next == end) return {std::string(text.substr(0, end)), std::nullopt};
    return {std::string(text.substr(0, end)), std::string(text.substr(next))};
}

Flags split_flags(std::string_view text, char escape) {
    Flags out;
    for (;;) {
        text = trim_left(text);
        out.rest = text;
        if (!text.starts_with("--")) return out;
        std::string word;
        char open = '\0';
        std::size_t at = 0;
        for (; at < text.size(); ++at) {
            const char c = text[at];
            if (open == '\0' && is_blank(static_cast<unsigned char>(c))) break;
            if (c == escape) {
                if (++at < text.size()) word += text[at];
            } else if (open != '\0' ? c == open : (c == '"' || c == '\'')) open = open != '\0' ? '\0' : c;
            else word += c;
        }
        text.remove_prefix(std::min(at, text.size()));
        out.rest = text;
        if (word == "--") return out;
        out.flags.push_back(std::move(word));
    }
}

Result<std::optional<std::vector<std::string>>> parse_json_words(std::string_view text) {
    using Words = std::optional<std::vector<std::string>>;
    text = trim_left(text);
    if (!text.starts_with('[')) return Words();
    const auto document = parse_json(text);
    if (!document.ok()) return Words();
    std::vector<std::string> words;
    for (const Json& element : *document.value().array()) {
        if (element.string() == nullptr)
            return Error(Kind::invalid, cat("the JSON array ", text, " may hold strings only"))
                .with_hint("put every element between double quotes");
        words.push_back(*element.string());
    }
    return Words(std::move(words));
}

Result<std::vector<std::string>> parse_pairs(std::string_view text, std::string_view keyword, char escape) {
    const std::vector<std::string> words = split_words(text, escape);
    if (words.empty()) return std::vector<std::string>();
    if (words.front().find('=') == std::string::npos) {
        FirstWord legacy = split_first(text);
        if (!legacy.rest)
            return Error(Kind::invalid, cat(keyword, " '", words.front(), "' has no value: expected ", keyword, ' ', words.front(), "=VALUE"));
        return std::vector<std::string>{std::move(legacy.word), std::move(*legacy.rest), ""};
    }
    std::vector<std::string> pairs;
    for (const std::string& word : words) {
        const Cut parts = cut(word, '=');
        if (!parts.after)
            return Error(Kind::invalid, cat(keyword, " '", word, "' has no '=': expected NAME=VALUE"))
                .with_hint("a value with blanks goes between double quotes");
        pairs.insert(pairs.end(), {std::string(parts.before), std::string(*parts.after), "="});
    }
    return pairs;
}

}  // namespace berth::builder
