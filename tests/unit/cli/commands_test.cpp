#include "cli/commands.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <set>

#include "cli/help.h"
#include "cli/texts.h"

using namespace berth;
using namespace berth::cli;

namespace {

void expect(std::string_view found, std::string_view wanted) {
    const std::string a(found), b(wanted);
    cr_expect_str_eq(a.c_str(), b.c_str());
}

// What is wrong with a description, all of it; "" when nothing is.
std::string complaints(const CommandEntry& entry) {
    Parser parser;
    const Action action = entry.define(parser);
    std::string out;
    std::set<std::string> long_names;
    std::set<char> letters;
    for (const Option& option : parser.options()) {
        const std::string name(option.long_name());
        if (option.names.find("--") == std::string_view::npos)
            out += cat(entry.name(), ": ", option.names, " has no long name; ");
        if (!long_names.insert(name).second) out += cat(entry.name(), ": --", name, " stands twice; ");
        if (option.short_name() != 0 && !letters.insert(option.short_name()).second)
            out += cat(entry.name(), ": -", option.short_name(), " stands twice; ");
        if (!option.is_hidden && (option.help.empty() || option.help.ends_with('.')))
            out += cat(entry.name(), ": --", name, ": help is empty or ends in a full stop; ");
    }
    for (const Example& example : parser.examples())
        if (!example.command.starts_with("berth ") && example.command.find("berth ") == std::string_view::npos)
            out += cat(entry.name(), ": an example without berth; ");
    return out;
}

}  // namespace

TestSuite(cli_commands, .timeout = 10);

Test(cli_commands, one_word_and_two_words_name_a_command) {
    expect(find_command({"ps"}).entry->name(), "ps");
    expect(find_command({"container", "ls", "-a"}).entry->name(), "ps");
    cr_expect_eq(find_command({"container", "ls", "-a"}).words, 2);
    expect(find_command({"image", "rm", "x"}).entry->name(), "rmi");
    cr_expect_null(find_command({"container"}).entry);
    cr_expect_null(find_command({"nosuch", "ls"}).entry);
}
Test(cli_commands, families_are_words_before_a_verb) {
    cr_expect(is_command_family("container") && is_command_family("volume"));
    cr_expect(!is_command_family("ps"));
}
Test(cli_commands, no_spelling_stands_twice) {
    std::set<std::string> seen;
    std::string twice;
    for (const CommandEntry& entry : command_table())
        for (const std::string& spelling : split_text(entry.spellings, '|'))
            if (!seen.insert(spelling).second) twice += spelling + " ";
    expect(twice, "");
}
Test(cli_commands, every_description_is_sound) {
    std::string all;
    for (const CommandEntry& entry : command_table()) all += complaints(entry);
    expect(all, "");
}
Test(cli_commands, every_see_also_names_a_command) {
    std::string wrong;
    for (const CommandEntry& entry : command_table()) {
        Parser parser;
        const Action action = entry.define(parser);
        if (parser.see_also().empty()) continue;
        for (std::string name : split_text(parser.see_also(), ',')) {
            name.erase(0, name.find_first_not_of(' '));
            if (find_command(split_text(name, ' ')).entry == nullptr) wrong += cat(entry.name(), " -> ", name, "; ");
        }
    }
    expect(wrong, "");
}
Test(cli_commands, every_group_is_known) {
    for (const CommandEntry& entry : command_table()) {
        const bool is_known =
            entry.group.empty() || std::ranges::find(command_groups(), entry.group, &CommandGroup::key) != command_groups().end();
        cr_expect(is_known);
    }
}
Test(cli_commands, help_shows_the_spelling_that_was_typed) {
    const std::string help = command_help(*find_command({"container", "ls"}).entry, "container ls");
    cr_expect(help.starts_with("Usage: berth container ls [OPTIONS]\n"));
    cr_expect(help.find("Aliases: berth ps, berth container ps, berth container list") != std::string::npos);
}
Test(cli_commands, man_pages_escape_dashes) {
    const std::string page = command_man_page(*find_command({"stop"}).entry);
    cr_expect(page.find("\\fB\\-\\-timeout\\fR") != std::string::npos);
    cr_expect(page.find(".SH EXAMPLES") != std::string::npos);
}
