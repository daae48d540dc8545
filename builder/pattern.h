#pragma once
// The shell patterns of `${name#pattern}`, `%` and `/`: `*` and `?` only, as POSIX without brackets.

#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::builder {

enum class Greed { shortest, longest };

/// The value without the shortest or longest beginning (end) that matches.
Result<std::string> remove_prefix(std::string_view value, std::string_view pattern, Greed greed);
Result<std::string> remove_suffix(std::string_view value, std::string_view pattern, Greed greed);

enum class Replace { first, all };
Result<std::string> replace_pattern(std::string_view value, std::string_view pattern, std::string_view replacement,
                                    Replace which);

}  // namespace berth::builder
