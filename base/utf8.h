#pragma once
// Characters as UTF-8 writes them.

#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

/// Bytes of the character that `text` begins with; 1 for what is none. `text` is not empty.
std::size_t character_length(std::string_view text);
std::size_t count_characters(std::string_view text);
/// `character` is one, as character_length found it.
std::uint32_t code_of(std::string_view character);
/// What is no character becomes U+FFFD.
std::string utf8_text(std::uint32_t code);

}  // namespace berth
