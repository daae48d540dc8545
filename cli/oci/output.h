#pragma once
// Writing to stdout and stderr whole, without stdio's buffers.

#include <string_view>

namespace berth::cli {

void print(std::string_view text);
void print_error(std::string_view text);

}  // namespace berth::cli
