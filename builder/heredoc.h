#pragma once
// `<<NAME` marks in a logical line. Pure.

#include <optional>
#include <string_view>
#include <vector>

#include "builder/dockerfile.h"

namespace berth::builder {

/// `[fd]<<[-]NAME` when the word is one, with its quotes; the content is still empty.
Result<std::optional<Heredoc>> parse_heredoc(std::string_view word);
/// All of a line, in order.
Result<std::vector<Heredoc>> find_heredocs(std::string_view line);
/// The content without the tabs at the start of each line.
std::string strip_leading_tabs(std::string_view content);

}  // namespace berth::builder
