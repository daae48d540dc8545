#pragma once
// cat(parts...): the one way berth builds text. Parts are strings, characters and numbers; there is no format language,
// so there is no format to get wrong and no locale to depend on.

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace berth {

inline void append_part(std::string& out, std::string_view part) { out.append(part); }
inline void append_part(std::string& out, char part) { out.push_back(part); }

template <class Number>
    requires(std::integral<Number> && !std::same_as<Number, char> && !std::same_as<Number, bool>)
void append_part(std::string& out, Number part) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, part).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

/// The parts, one after the other.
template <class... Parts>
[[nodiscard]] std::string cat(const Parts&... parts) {
    std::string out;
    (append_part(out, parts), ...);
    return out;
}

}  // namespace berth
