#pragma once
// What filters of several kinds of things have in common.

#include <string_view>

namespace berth::container {

/// --filter name=…: docker matches by regular expression; what people write is a part of the name, or ^part, part$, ^part$.
bool name_matches(std::string_view name, std::string_view pattern);

}  // namespace berth::container
