#include "base/visible.h"

#include <algorithm>

#include "base/cat.h"
#include "base/utf8.h"

namespace berth {

namespace {

bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    // U+0080 to U+009F begin with C2; a lone byte from 80 to 9F is one of them to a terminal that does not read UTF-8.
    if (character.size() == 2) return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (character.size() > 2 || first == '\n' || first == '\t') return false;
    return first < ' ' || (first >= 0x7f && first < 0xa0);
}

/// Bytes of a colour (ECMA-48, SGR: ESC [ numbers m) at the head of the text; 0 when there is none.
std::size_t colour_length(std::string_view text) {
    if (!text.starts_with("\x1b[")) return 0;
    const std::size_t end = text.find_first_not_of("0123456789;:", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

}  // namespace

std::string visible_output(std::string_view line, bool with_colours) {
    std::string out;
    bool is_coloured = false;
    while (!line.empty()) {
        const std::size_t plain = line.find_first_of("\x1b\r");
        out += visible_text(line.substr(0, plain));
        if (plain == std::string_view::npos) break;
        line.remove_prefix(plain);
        const std::size_t colour = colour_length(line);
        const std::size_t length = std::max<std::size_t>(colour, 1);
        if (colour == 0 && line[0] != '\r') out += visible_text(line.substr(0, 1));
        else if (colour == 0 || with_colours) out += line.substr(0, length);
        is_coloured |= colour > 0 && with_colours;
        line.remove_prefix(length);
    }
    return is_coloured ? cat(out, "\x1b[0m") : out;
}

std::string visible_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::string_view character = text.substr(0, character_length(text));
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
