#pragma once
// How the text behind an instruction's keyword falls into words. Quotes and escapes stay in the words: expansion removes
// them later. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

/// At blanks that are neither quoted nor escaped (ENV, LABEL, ARG).
std::vector<std::string> split_words(std::string_view text, char escape);
/// At blanks, whatever stands around them (FROM, EXPOSE, COPY without JSON).
std::vector<std::string> split_at_blanks(std::string_view text);
/// The first word and the rest behind the blanks, which is absent when nothing follows.
struct FirstWord {
    std::string word;
    std::optional<std::string> rest;
};
FirstWord split_first(std::string_view text);

/// `--name=value` words at the start, with quotes and escapes resolved; a bare `--` ends them and is dropped.
struct Flags {
    std::vector<std::string> flags;
    std::string_view rest;
};
Flags split_flags(std::string_view text, char escape);

/// The strings of a JSON array; nothing when `text` is no JSON array. Kind::invalid: an array that holds anything else.
Result<std::optional<std::vector<std::string>>> parse_json_words(std::string_view text);

/// The keys, values and separators of ENV and LABEL: "=" or, in the old form `ENV key value`, "".
Result<std::vector<std::string>> parse_pairs(std::string_view text, std::string_view keyword, char escape);

}  // namespace berth::builder
