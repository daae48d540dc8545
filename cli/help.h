#pragma once
// --help, man pages: the description of a command as text.

#include <string>

#include "cli/commands.h"

namespace berth::cli {

/// `berth --help`.
std::string overview_help();
/// `berth COMMAND --help`; `spelling` is the one that was typed.
std::string command_help(const CommandEntry& entry, std::string_view spelling);
/// `berth container`: the verbs of a family.
std::string family_help(std::string_view family);
/// berth-COMMAND.1, and berth.1 for the whole (mdoc's older sister, man(7), which every man program reads).
std::string command_man_page(const CommandEntry& entry);
std::string overview_man_page();
/// berth.toml.5.
std::string configuration_man_page();

}  // namespace berth::cli
