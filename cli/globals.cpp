#include "cli/globals.h"

#include <cstdlib>

#include "cli/texts.h"

namespace berth::cli {
namespace {

void use_environment(const char* name, std::string& into) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') into = value;
}

// Every path is used from other folders and by other processes later, so relative ones end here.
Result<void> require_absolute(std::string_view option, const std::string& path) {
    if (path.starts_with('/')) return {};
    return Error(Kind::invalid, cat(option, " '", path, "': must be an absolute path"));
}

}  // namespace

void describe_globals(Parser& parser, Globals& into) {
    constexpr std::string_view no_daemon = "there is no daemon to talk to: berth works on this machine's own files";
    parser.text("--root", into.paths.root, "FOLDER", "Where images, containers and volumes are kept (BERTH_ROOT)",
                Values::folder);
    parser.text("--run-root", into.paths.run_root, "FOLDER", "Where the state of this boot is kept (BERTH_RUN_ROOT)",
                Values::folder);
    parser.flag("-D,--debug", into.debug, "Tell on stderr what is done");
    parser.choice("-l,--log-level", into.log_level, "debug|info|warn|error|fatal", "How much is told on stderr");
    parser.flag("-v,--version", into.wants_version, "Print the version");
    parser.refused("-H,--host", "ADDRESS", no_daemon);
    parser.refused("-c,--context", "NAME", no_daemon);
    parser.ignored("--config", "FOLDER", "set DOCKER_CONFIG to read credentials elsewhere");
    parser.ignored("--tls,--tlsverify", "", no_daemon);
}

Result<Globals> read_globals(const Words& all, const Settings& settings) {
    Globals globals;
    if (!settings.all().empty()) {
        Parser parser;
        describe_globals(parser, globals);
        TRY(settings.apply("berth", parser));
    }
    use_environment("BERTH_ROOT", globals.paths.root);
    use_environment("BERTH_RUN_ROOT", globals.paths.run_root);
    // The usual case first: the command stands at the front and nothing is to be read.
    if (!all.empty() && !all[0].starts_with('-')) {
        globals.words = all;
    } else {
        Parser parser;
        parser.options_end_at_first_word();
        describe_globals(parser, globals);
        auto parsed = TRY(parser.parse(all));
        globals.debug |= globals.log_level == "debug";
        globals.words = std::move(parsed.arguments);
        if (parsed.wants_help) globals.words.clear();
    }
    TRY(require_absolute("--root", globals.paths.root));
    TRY(require_absolute("--run-root", globals.paths.run_root));
    return globals;
}

}  // namespace berth::cli
