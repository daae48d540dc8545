// berth: the start of every command. Global options, the command's name, its parser; then the command runs and its one
// failure becomes one line and an exit status (docker: 125 for bad usage of options, 1 else; run and exec see their own).

#include "base/log.h"
#include "cli/commands.h"
#include "cli/globals.h"
#include "cli/help.h"
#include "cli/settings.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

constexpr int status_of_bad_options = 125;

int fail(const Error& error, int status) {
    Session::print_error(error);
    return status;
}

// docker's words for what berth does not do, and why.
struct Absent {
    std::string_view word;
    std::string_view reason;
};
constexpr std::string_view one_machine =
    "berth works on one machine; containerd and Kubernetes run containers on many through berth-oci";
constexpr Absent absent_commands[] = {
    {"swarm", one_machine},
    {"service", one_machine},
    {"stack", one_machine},
    {"node", one_machine},
    {"secret", "secrets of a swarm do not exist; mount a file with -v, or use 'berth build --secret'"},
    {"context", "there is one engine, this machine's; --root and --run-root choose another store"},
    {"plugin", "networks, volumes and logs are built in"},
    {"trust", "digests are always verified, signatures are not looked at"},
    {"checkpoint", "a container cannot be frozen to disk"},
    {"manifest", "images of several platforms are pulled, not made"},
    {"compose", "compose files are not read; write the containers as 'berth run' lines"},
};

Error unknown_command(const Words& words) {
    const bool in_family = is_command_family(words[0]) && words.size() > 1;
    for (const Absent& absent : absent_commands)
        if (words[0] == absent.word)
            return Error(Kind::unsupported, cat("there is no 'berth ", words[0], in_family ? " " : "", in_family ? words[1] : "", "'"))
                .with_hint(std::string(absent.reason));
    std::vector<std::string> candidates = first_words();
    if (in_family) {
        candidates.clear();
        for (const auto& [verb, entry] : family_members(words[0])) candidates.push_back(verb);
    }
    const std::string typed = in_family ? cat(words[0], " ", words[1]) : words[0];
    const std::string near = nearest_word(in_family ? words[1] : words[0], candidates);
    Error error(Kind::invalid, cat("'", typed, "' is not a berth command"));
    if (near.empty()) return std::move(error).with_hint("see 'berth --help'");
    return std::move(error).with_hint(cat("did you mean 'berth ", in_family ? cat(words[0], " ") : "", near, "'?"));
}

int run_command(Session& session, const Settings& settings, const CommandEntry& entry, const std::string& spelling,
                const Words& words) {
    Parser parser;
    const Action action = entry.define(parser);
    if (const auto set = settings.apply(entry.name(), parser); !set.ok()) return fail(set.error(), status_of_bad_options);
    auto parsed = parser.parse(words);
    const auto hint = [&] { return cat("see 'berth ", spelling, " --help'"); };
    if (!parsed.ok()) return fail(std::move(parsed).error().context(spelling).with_hint(hint()), status_of_bad_options);
    if (parsed.value().wants_help) return print(command_help(entry, spelling)), 0;
    if (const auto complaint = parser.count_complaint(parsed.value().arguments.size()))
        return fail(Error(Kind::invalid, cat("'berth ", spelling, "' ", *complaint))
                        .with_hint(cat("usage: berth ", spelling, parser.synopsis().empty() ? "" : " ", parser.synopsis())),
                    1);
    const auto status = action(session, parsed.value().arguments);
    return status.ok() ? status.value() : fail(status.error(), entry.failure_status);
}

// `berth help run`: all words are the command's name. Nothing is run, whatever they are.
int show_help(const Words& words) {
    if (words.empty()) return print(overview_help()), 0;
    const FoundCommand found = find_command(words);
    if (found.entry != nullptr && found.words == words.size()) return print(command_help(*found.entry, join_text(words, " "))), 0;
    if (words.size() == 1 && is_command_family(words[0])) return print(family_help(words[0])), 0;
    if (found.entry == nullptr) return fail(unknown_command(words), 1);
    return fail(Error(Kind::invalid, cat("unknown help topic '", join_text(words, " "), "'")).with_hint("see 'berth --help'"), 1);
}

int run_main(const Words& all) {
    auto settings = Settings::load();
    if (!settings.ok()) return fail(settings.error(), status_of_bad_options);
    auto read = read_globals(all, settings.value());
    if (!read.ok()) return fail(read.error(), status_of_bad_options);
    const Globals globals = std::move(read).value();
    if (globals.debug) log::set_level(log::Level::debug);
    if (globals.wants_version) return print_line(cat("berth version ", BERTH_VERSION)), 0;
    if (globals.words.empty()) return print(overview_help()), 0;

    Session session(globals.paths);
    const FoundCommand found = find_command(globals.words);
    if (found.entry != nullptr) {
        const auto rest = globals.words.begin() + static_cast<long>(found.words);
        const std::string spelling = join_text(Words(globals.words.begin(), rest), " ");
        return run_command(session, settings.value(), *found.entry, spelling, Words(rest, globals.words.end()));
    }
    const std::string& first = globals.words[0];
    if (first == "help") {
        return show_help(Words(globals.words.begin() + 1, globals.words.end()));
    }
    const bool asks_family = globals.words.size() == 1 || globals.words[1] == "--help" || globals.words[1] == "-h";
    if (is_command_family(first) && asks_family) return print(family_help(first)), 0;
    return fail(unknown_command(globals.words), 1);
}

}  // namespace
}  // namespace berth::cli

int main(int argc, char** argv) { return berth::cli::run_main(berth::cli::Words(argv + 1, argv + argc)); }
