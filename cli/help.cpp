#include "cli/help.h"

#include <algorithm>

#include "cli/globals.h"
#include "cli/terminal.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

std::string option_names(const Option& option) {
    const char letter = option.short_name();
    const std::string name = cat(letter == 0 ? "    " : cat("-", letter, ", "), "--", option.long_name());
    return option.is_flag() ? name : cat(name, " ", option.value);
}

std::vector<const Option*> shown_options(const Parser& parser) {
    std::vector<const Option*> out;
    for (const Option& option : parser.options())
        if (!option.is_hidden) out.push_back(&option);
    std::ranges::sort(out, {}, [](const Option* option) { return option->long_name(); });
    return out;
}

// Two columns; a name that is too long has a line of its own.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows, std::size_t most) {
    std::size_t width = 0;
    for (const auto& [left, right] : rows)
        if (display_width(left) <= most) width = std::max(width, display_width(left));
    const std::size_t columns = std::max<std::size_t>(terminal_columns(), 60);
    std::string out;
    for (const auto& [left, right] : rows) {
        out += cat("  ", left);
        const bool fits = display_width(left) <= width;
        if (!fits) out += '\n';
        out.append(fits ? width - display_width(left) + 3 : width + 5, ' ');
        out += cat(wrap_text(right, columns > width + 25 ? columns - width - 5 : 40, width + 5), "\n");
    }
    return out;
}

std::string options_text(const Parser& parser) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Option* option : shown_options(parser)) rows.emplace_back(option_names(*option), std::string(option->help));
    return two_columns(rows, 34);
}

std::vector<std::string> other_spellings(const CommandEntry& entry, std::string_view spelling) {
    std::vector<std::string> out = split_text(entry.spellings, '|');
    std::erase(out, std::string(spelling));
    return out;
}

std::string usage_line(const Parser& parser, std::string_view spelling) {
    return cat("berth ", spelling, shown_options(parser).empty() ? "" : " [OPTIONS]", parser.synopsis().empty() ? "" : " ",
               parser.synopsis());
}

}  // namespace

std::string overview_help() {
    std::string out = "Usage: berth [OPTIONS] COMMAND\n\nContainers with docker's command line and without a daemon.\n";
    for (const CommandGroup& group : command_groups()) {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const CommandEntry& entry : command_table())
            if (entry.group == group.key) rows.emplace_back(std::string(entry.name()), std::string(entry.summary));
        out += cat("\n", group.title, ":\n", two_columns(rows, 20));
    }
    Parser parser;
    Globals globals;
    describe_globals(parser, globals);
    out += cat("\nOptions:\n", options_text(parser));
    out +=
        "\nExamples:\n"
        "  berth build -t app .                       # an image from the Dockerfile here\n"
        "  berth run -d --name web -p 8080:80 app     # run it, port 8080 is its port 80\n"
        "  berth logs -f web                          # what it writes\n"
        "  berth exec -it web sh                      # look inside\n"
        "  berth rm -f web                            # away with it\n"
        "\n'berth COMMAND --help' and 'man berth-COMMAND' tell more.\n";
    return out;
}

std::string command_help(const CommandEntry& entry, std::string_view spelling) {
    Parser parser;
    entry.define(parser);
    const std::size_t columns = std::max<std::size_t>(terminal_columns(), 60);
    const std::string about = parser.description().empty() ? cat(entry.summary, ".") : std::string(parser.description());
    std::string out = cat("Usage: ", usage_line(parser, spelling), "\n\n", wrap_text(about, columns, 0), "\n");
    if (const auto others = other_spellings(entry, spelling); !others.empty())
        out += cat("\nAliases: berth ", join_text(others, ", berth "), "\n");
    if (!shown_options(parser).empty()) out += cat("\nOptions:\n", options_text(parser));
    if (!parser.examples().empty()) {
        out += "\nExamples:\n";
        for (const Example& example : parser.examples()) out += cat("  # ", example.what, "\n  ", example.command, "\n");
    }
    if (!parser.see_also().empty()) out += cat("\nSee also: ", parser.see_also(), "\n");
    return out;
}

std::string family_help(std::string_view family) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto& [verb, entry] : family_members(family)) {
        // An alias beside the verb that it stands for would only be noise.
        const bool is_repeated =
            std::ranges::any_of(rows, [&, entry = entry](const auto& row) { return row.second == entry->summary; });
        if (!is_repeated) rows.emplace_back(verb, std::string(entry->summary));
    }
    std::ranges::sort(rows);
    return cat("Usage: berth ", family, " COMMAND\n\nCommands:\n", two_columns(rows, 20), "\n'berth ", family,
               " COMMAND --help' tells more.\n");
}

}  // namespace berth::cli
