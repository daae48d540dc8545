#pragma once
// Variables in Dockerfile words: `$name`, `${name}`, the operators :- - :+ + :? ? # ## % %% / //, quotes and the escape
// character, as BuildKit's shell package reads them. Pure: values come from a lookup that the caller gives.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

/// The value of a variable, nothing when it is unset.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct Expanded {
    std::string text;                ///< quotes removed, variables replaced
    std::vector<std::string> words;  ///< the same split at unquoted blanks
    std::set<std::string> used;      ///< variables that had a value
    std::set<std::string> unset;     ///< variables that had none
};

/// What quotes are: syntax that goes, syntax that stays in the text, or ordinary characters (bodies of heredocs).
enum class Quotes { remove, keep, ignore };

/// What variables may bring to one word. Ten lines that each name the one before ten times would else fill the host's memory,
/// and no program could be given the result: the kernel takes no string of more than 128 KiB (execve(2)).
constexpr std::size_t most_brought = 1u << 20;
/// Kind::invalid with words for it.
Error brings_too_much();

struct ExpandOptions {
    char escape = '\\';
    Quotes quotes = Quotes::remove;
    bool keeps_escapes = false;  ///< an escape character stays in the text; it still protects the next one
    bool keeps_unset = false;    ///< `$x` without a value stays as it is written
};

/// Kind::invalid: bad substitution, missing brace or quote, unsupported operator, `${name:?message}`, more than most_brought.
Result<Expanded> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options = {});

}  // namespace berth::builder
