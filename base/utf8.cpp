#include "base/utf8.h"

namespace berth {

std::size_t character_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    // C0 and C1 would begin overlong forms of ASCII and control characters.
    const std::size_t length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > text.size()) return 1;
    for (std::size_t i = 1; i < length; ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
    return length;
}

std::size_t count_characters(std::string_view text) {
    std::size_t count = 0;
    for (; !text.empty(); ++count) text.remove_prefix(character_length(text));
    return count;
}

std::uint32_t code_of(std::string_view character) {
    auto code = static_cast<std::uint32_t>(static_cast<unsigned char>(character[0]));
    if (character.size() == 1) return code;
    code &= 0xffu >> (character.size() + 1);
    for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
    return code;
}

std::string utf8_text(std::uint32_t code) {
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
    const auto lead = [&](std::uint32_t mark, int shift) { return static_cast<char>(mark | code >> shift); };
    const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) return {lead(0xc0, 6), tail(0)};
    if (code < 0x10000) return {lead(0xe0, 12), tail(6), tail(0)};
    return {lead(0xf0, 18), tail(12), tail(6), tail(0)};
}

}  // namespace berth
