#pragma once
// The scripts that ask `berth __complete` on behalf of a shell. They hold no knowledge of commands.

#include <optional>
#include <string>
#include <string_view>

namespace berth::cli {

/// For bash, zsh or fish; nothing for another shell.
std::optional<std::string> completion_script(std::string_view shell);

}  // namespace berth::cli
