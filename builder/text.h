#pragma once
// Small pure functions over text that the folder's parsers share. Blanks and letters are Unicode's where BuildKit's are
// (Go's unicode.IsSpace and IsLetter), because a Dockerfile is UTF-8.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::builder {

/// One character of UTF-8 at `position`; an invalid byte stands for itself with length 1.
struct Character {
    char32_t code = 0;
    std::size_t length = 1;
};
Character character_at(std::string_view text, std::size_t position);

bool is_blank(char32_t code);
bool is_letter(char32_t code);
bool is_digit(char32_t code);

std::string_view trim_left(std::string_view text);
std::string_view trim(std::string_view text);
/// ASCII only: keywords and option names have no others.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// The part before the first `separator` and, when there is one, the part behind it.
struct Cut {
    std::string_view before;
    std::optional<std::string_view> after;
};
Cut cut(std::string_view text, char separator);

/// Of a path without a trailing slash: what stands before the last slash ("" when there is none), and what behind.
std::string_view parent_of(std::string_view path);
std::string name_of(std::string_view path);

/// Between double quotes with Go's escapes (strconv.Quote).
std::string quote(std::string_view text);

/// The fields of one line of comma separated values, quotes as RFC 4180; nothing when a quote stands wrong.
std::optional<std::vector<std::string>> split_csv(std::string_view line);

/// "RUNN" -> "RUN": the nearest of `words` by edit distance without regard to case, nothing when none is near.
std::optional<std::string> find_nearest(std::string_view word, const std::vector<std::string>& words);
/// " (did you mean RUN?)", or nothing when no word is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& words);

}  // namespace berth::builder
