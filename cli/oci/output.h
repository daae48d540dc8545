#pragma once
// Writing to stdout and stderr whole, without stdio's buffers.

#include <string_view>

namespace berth::cli {

/// On a terminal control characters show as "\x1b".
void write_output(std::string_view text);
void write_errors(std::string_view text);

}  // namespace berth::cli
