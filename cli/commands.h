#pragma once
// The table of commands: every spelling, its one-line summary, its group in `berth --help`, and the function that
// describes it. Help, man pages and completion are made from this table and those descriptions, and from nothing else.

#include <span>
#include <string>
#include <string_view>

#include "cli/session.h"

namespace berth::cli {

struct CommandEntry {
    /// "ps|container ls|container list|container ps": the first is the name, the others are aliases.
    std::string_view spellings;
    std::string_view group;  ///< "run", "look", "image", … (command_groups); empty: not shown
    std::string_view summary;
    Action (*define)(Parser&);
    int failure_status = 1;  ///< Exit status of a failure that is none of usage.

    std::string_view name() const { return spellings.substr(0, spellings.find('|')); }
};

std::span<const CommandEntry> command_table();

struct CommandGroup {
    std::string_view key;
    std::string_view title;
};
std::span<const CommandGroup> command_groups();

/// The command that the first one or two words name, and how many words that took; nothing when there is none.
struct FoundCommand {
    const CommandEntry* entry = nullptr;
    std::size_t words = 0;
};
FoundCommand find_command(const Words& words);
/// True for "container", "image", …: words that only stand before a verb.
bool is_command_family(std::string_view word);
/// All spellings that start with `family` and a space, without it, and the table's entry.
std::vector<std::pair<std::string, const CommandEntry*>> family_members(std::string_view family);
/// Every word that may stand first.
std::vector<std::string> first_words();

}  // namespace berth::cli
