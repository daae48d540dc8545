#include "base/visible.h"

#include "base/cat.h"

namespace berth {

namespace {

/// Bytes of the character that begins with this one, by its first bits; 1 for what begins none.
std::size_t length_of(unsigned char first) { return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1; }

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Bytes of the character at the head of the text; 1 when it is no whole one.
std::size_t whole_length(std::string_view text) {
    const std::size_t length = length_of(static_cast<unsigned char>(text[0]));
    if (length > text.size()) return 1;
    for (const char c : text.substr(1, length - 1))
        if (!continues(c)) return 1;
    return length;
}

bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    // U+0080 to U+009F begin with C2; a lone byte from 80 to 9F is one of them to a terminal that does not read UTF-8.
    if (character.size() == 2) return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (character.size() > 2 || first == '\n' || first == '\t') return false;
    return first < ' ' || (first >= 0x7f && first < 0xa0);
}

}  // namespace

std::string visible_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::string_view character = text.substr(0, whole_length(text));
        text.remove_prefix(character.size());
        if (!is_control(character)) {
            out += character;
            continue;
        }
        const auto code = static_cast<unsigned char>(character.back());
        out += cat("\\x", digits[code >> 4], digits[code & 15]);
    }
    return out;
}

}  // namespace berth
