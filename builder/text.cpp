#include "builder/text.h"

#include <algorithm>

#include "base/cat.h"

namespace berth::builder {
namespace {

struct Range {
    char32_t first, last;
};

// Punctuation and symbols beyond ASCII that people type next to a variable; everything else up there counts as a letter.
constexpr Range symbols[] = {{0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},     {0xBB, 0xBF},    {0xD7, 0xD7},
                             {0xF7, 0xF7},     {0x2000, 0x206F}, {0x20A0, 0x20CF}, {0x2190, 0x2BFF}, {0x3000, 0x3004},
                             {0x3008, 0x3030}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
                             {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}};

bool is_in(char32_t code, const Range& range) { return code >= range.first && code <= range.last; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

void append_quoted(std::string& out, std::string_view text, const Character& character, std::size_t position) {
    constexpr std::string_view digits = "0123456789abcdef";
    switch (character.code) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\a': out += "\\a"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        case '\v': out += "\\v"; return;
        default: break;
    }
    const bool is_broken = character.length == 1 && character.code >= 0x80;
    if (character.code < 0x20 || character.code == 0x7F || is_broken) {
        const auto byte = static_cast<unsigned char>(text[position]);
        out += cat("\\x", digits[byte >> 4], digits[byte & 15]);
        return;
    }
    out += text.substr(position, character.length);
}

}  // namespace

Character character_at(std::string_view text, std::size_t position) {
    const auto lead = static_cast<unsigned char>(text[position]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (length == 1 || lead > 0xF4 || position + length > text.size()) return {lead, 1};
    char32_t code = lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[position + i]);
        if ((next & 0xC0) != 0x80) return {lead, 1};
        code = code << 6 | (next & 0x3Fu);
    }
    return {code, length};
}

bool is_blank(char32_t code) {
    if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
    return code == 0x85 || code == 0xA0 || code == 0x1680 || is_in(code, {0x2000, 0x200A}) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_letter(char32_t code) {
    if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
    return std::none_of(std::begin(symbols), std::end(symbols), [&](const Range& range) { return is_in(code, range); });
}

bool is_digit(char32_t code) { return code >= '0' && code <= '9'; }

std::string_view trim_left(std::string_view text) {
    while (!text.empty()) {
        const Character first = character_at(text, 0);
        if (!is_blank(first.code)) break;
        text.remove_prefix(first.length);
    }
    return text;
}

std::string_view trim(std::string_view text) {
    text = trim_left(text);
    while (!text.empty()) {
        std::size_t start = text.size() - 1;
        while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
        if (!is_blank(character_at(text, start).code)) break;
        text.remove_suffix(text.size() - start);
    }
    return text;
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return out;
}

std::string to_upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
    return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    for (std::size_t start = 0;;) {
        const std::size_t end = text.find(separator, start);
        out.emplace_back(text.substr(start, end - start));
        if (end == std::string_view::npos) return out;
        start = end + 1;
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += separator;
        out += parts[i];
    }
    return out;
}

Cut cut(std::string_view text, char separator) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return {text, std::nullopt};
    return {text.substr(0, at), text.substr(at + 1)};
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const Character character = character_at(text, i);
        append_quoted(out, text, character, i);
        i += character.length;
    }
    return out + '"';
}

std::optional<std::vector<std::string>> split_csv(std::string_view line) {
    std::vector<std::string> fields(1);
    for (std::size_t i = 0; i < line.size();) {
        std::string& field = fields.back();
        if (line[i] == ',') {
            fields.emplace_back();
            ++i;
            continue;
        }
        if (line[i] != '"') {
            field += line[i++];
            continue;
        }
        // RFC 4180: a quoted field is quoted from its first character to its last, and "" in it is one quote.
        if (!field.empty()) return std::nullopt;
        for (++i;; ++i) {
            if (i >= line.size()) return std::nullopt;
            if (line[i] != '"') field += line[i];
            else if (i + 1 < line.size() && line[i + 1] == '"') field += line[i++];
            else break;
        }
        ++i;
        if (i < line.size() && line[i] != ',') return std::nullopt;
    }
    return fields;
}

std::optional<std::string> find_nearest(std::string_view word, const std::vector<std::string>& words) {
    const std::string wanted = to_lower(word);
    std::optional<std::string> best;
    std::size_t best_distance = std::min<std::size_t>(3, wanted.size());
    for (const std::string& candidate : words) {
        const std::size_t distance = edit_distance(wanted, to_lower(candidate));
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidate;
    }
    return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& words) {
    const auto nearest = find_nearest(word, words);
    return nearest ? cat(" (did you mean ", *nearest, "?)") : std::string();
}

}  // namespace berth::builder
