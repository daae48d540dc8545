// Man pages in man(7)'s macros, from the same descriptions as --help.

#include <algorithm>

#include "cli/globals.h"
#include "cli/help.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

// roff reads '-' as a hyphen, '\' as an escape, and '.' or ''' at the start of a line as a request (groff_char(7)).
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '-')
            out += "\\-";
        else if (c == '\\')
            out += "\\e";
        else if (c == '\n')
            out += "\n";
        else
            out += c;
    }
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    return out;
}

std::string upper_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

std::string page_name(std::string_view command) {
    std::string out = cat("berth-", command);
    std::ranges::replace(out, ' ', '-');
    return out;
}

std::string title(std::string_view name) {
    return cat(".TH \"", upper_case(name), "\" 1 \"\" \"berth ", BERTH_VERSION, "\" \"User Commands\"\n");
}

std::string options_section(const Parser& parser) {
    std::vector<const Option*> options;
    for (const Option& option : parser.options())
        if (!option.is_hidden) options.push_back(&option);
    if (options.empty()) return "";
    std::ranges::sort(options, {}, [](const Option* option) { return option->long_name(); });
    std::string out = ".SH OPTIONS\n";
    for (const Option* option : options) {
        const char letter = option->short_name();
        out += ".TP\n";
        if (letter != 0) out += cat("\\fB\\-", letter, "\\fR, ");
        out += cat("\\fB\\-\\-", roff(option->long_name()), "\\fR");
        if (!option->is_flag()) out += cat(" \\fI", roff(option->value), "\\fR");
        out += cat("\n", roff(option->help), ".\n");
    }
    return out;
}

std::string see_also_section(std::string_view names) {
    std::string out = ".SH SEE ALSO\n\\fBberth\\fR(1)";
    if (!names.empty())
        for (std::string name : split_text(names, ',')) {
            name.erase(0, name.find_first_not_of(' '));
            out += cat(",\n\\fB", roff(page_name(name)), "\\fR(1)");
        }
    return out + "\n";
}

}  // namespace

std::string command_man_page(const CommandEntry& entry) {
    Parser parser;
    entry.define(parser);
    const std::string name = page_name(entry.name());
    std::string out = cat(title(name), ".SH NAME\n", roff(name), " \\- ", roff(entry.summary), "\n.SH SYNOPSIS\n");
    for (const std::string& spelling : split_text(entry.spellings, '|')) {
        if (spelling != entry.name()) out += ".br\n";
        out += cat("\\fBberth ", roff(spelling), "\\fR [\\fIOPTIONS\\fR] ", roff(parser.synopsis()), "\n");
    }
    out +=
        cat(".SH DESCRIPTION\n", parser.description().empty() ? cat(roff(entry.summary), ".") : roff(parser.description()), "\n");
    out += options_section(parser);
    if (!parser.examples().empty()) {
        out += ".SH EXAMPLES\n";
        for (const Example& example : parser.examples())
            out += cat(".TP\n", roff(example.what), "\n.EX\n", roff(example.command), "\n.EE\n");
    }
    return out + see_also_section(parser.see_also());
}

std::string overview_man_page() {
    std::string out = cat(title("berth"),
                          ".SH NAME\nberth \\- containers with docker's command line and without a daemon\n.SH "
                          "SYNOPSIS\n\\fBberth\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n.SH DESCRIPTION\n");
    out +=
        "berth builds images from Dockerfiles and runs containers with ports, volumes, health checks and restart policies. Each "
        "running container is looked after by a small monitor process of its own; nothing else stays in memory. What works on "
        "docker's command line works here.\n";
    Parser parser;
    Globals globals;
    describe_globals(parser, globals);
    out += options_section(parser) + ".SH COMMANDS\n";
    for (const CommandGroup& group : command_groups()) {
        out += cat(".SS ", group.title, "\n");
        for (const CommandEntry& entry : command_table())
            if (entry.group == group.key)
                out += cat(".TP\n\\fB", roff(page_name(entry.name())), "\\fR(1)\n", roff(entry.summary), ".\n");
    }
    out +=
        ".SH EXIT STATUS\n.TP\n0\nThe command did what it was asked.\n.TP\n1\nIt could not; one line on stderr says "
        "why.\n.TP\n125\nAn option is wrong, or \\fBberth run\\fR could not start the container.\n.TP\n126, 127\n\\fBrun\\fR and "
        "\\fBexec\\fR: the command cannot be executed, or is not found.\n.TP\nother\n\\fBrun\\fR and \\fBexec\\fR: what the "
        "program ended with, 128 and the number of the signal that ended it.\n";
    out +=
        ".SH ENVIRONMENT\n.TP\n\\fBBERTH_ROOT\\fR, \\fBBERTH_RUN_ROOT\\fR\nFolders of the state that lasts and of the state of "
        "this boot.\n.TP\n\\fBNO_COLOR\\fR\nNo colours.\n.TP\n\\fBBUILDKIT_PROGRESS\\fR\nHow \\fBberth build\\fR shows "
        "progress.\n.TP\n\\fBDOCKER_BUILDKIT\\fR\n0: \\fBberth build\\fR writes the words of docker's older builder to stdout, "
        "\"Successfully built ID\" last.\n";
    out +=
        ".SH FILES\n.TP\n\\fI/var/lib/berth\\fR\nImages, containers, volumes, networks.\n.TP\n\\fI/run/berth\\fR\nWhat runs "
        "since the last boot.\n";
    return out;
}

std::string configuration_man_page() {
    std::string out = cat(".TH \"BERTH.TOML\" 5 \"\" \"berth ", BERTH_VERSION,
                          "\" \"File Formats\"\n.SH NAME\nberth.toml \\- defaults for berth's commands\n");
    out +=
        ".SH "
        "SYNOPSIS\n\\fI/etc/berth/berth.toml\\fR\n.br\n\\fI/etc/berth/berth.toml.d/*.toml\\fR\n.br\n\\fI~/.config/berth/"
        "berth.toml\\fR\n";
    out +=
        ".SH DESCRIPTION\nA table is a command, a key one of its long options without the dashes: what stands there is as if it "
        "were typed in front of the rest of the command line. Files are read in the order above; later ones win, the command "
        "line wins over all of them, and lists add up. Options that stand before a command belong to the table \\fB[berth]\\fR; "
        "a command of two words is written with a dash, \\fB[image\\-prune]\\fR.\n.PP\nThe environment variable "
        "\\fBBERTH_CONFIG\\fR names one file to read instead of all of these.\n";
    out +=
        ".SH EXAMPLES\n.EX\n[berth]\nroot = \"/srv/berth\"\n\n[run]\ninit = true\nlog\\-opt = [\"max\\-size=50m\", "
        "\"max\\-file=3\"]\n\n[ps]\nformat = \"table {{.Names}}\\et{{.Status}}\"\n.EE\n";
    return out + ".SH SEE ALSO\n\\fBberth\\fR(1),\n\\fBberth\\-config\\-show\\fR(1),\n\\fBberth\\-config\\-check\\fR(1)\n";
}

}  // namespace berth::cli
