#pragma once
// A container as the command line that would make it again: inspect --as-run.

#include <string>

#include "container/record.h"

namespace berth::cli {

Result<std::string> run_command_of(const container::Record& record);
/// A word as a shell reads it back.
std::string shell_quoted(std::string_view word);

}  // namespace berth::cli
