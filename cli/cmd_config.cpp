// config show: what the configuration files say, and where. config check: whether every line of them means something.

#include <algorithm>

#include "cli/cmds.h"
#include "cli/commands.h"
#include "cli/globals.h"
#include "cli/settings.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

std::string toml_text(const Setting& setting) {
    const auto quoted = [](const std::string& value) {
        std::string out = "\"";
        for (const char c : value) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        return out + '"';
    };
    if (setting.values.size() == 1) return cat(setting.key, " = ", quoted(setting.values[0]));
    std::vector<std::string> values;
    for (const std::string& value : setting.values) values.push_back(quoted(value));
    return cat(setting.key, " = [", join_text(values, ", "), "]");
}

Result<int> show(bool with_origin) {
    const Settings settings = TRY(Settings::load());
    std::string section;
    for (const Setting& setting : settings.all()) {
        if (setting.section != section) print_line(cat(section.empty() ? "" : "\n", "[", setting.section, "]"));
        section = setting.section;
        print_line(with_origin ? cat(toml_text(setting), "  # ", setting.origin) : toml_text(setting));
    }
    if (with_origin)
        for (const auto& [name, was_there] : settings.files()) tell(cat(was_there ? "read:      " : "not there: ", name, "\n"));
    return 0;
}

// Every section is a command, every key one of its options, every value one that it takes.
Result<int> check() {
    const Settings settings = TRY(Settings::load());
    int problems = 0;
    const auto judge = [&](const Result<void>& outcome) {
        if (outcome.ok()) return;
        Session::print_error(outcome.error());
        ++problems;
    };
    std::vector<std::string> known{"berth"};
    Parser globals_parser;
    Globals globals;
    describe_globals(globals_parser, globals);
    judge(settings.apply("berth", globals_parser));
    for (const CommandEntry& entry : command_table()) {
        Parser parser;
        const Action action = entry.define(parser);
        judge(settings.apply(entry.name(), parser));
        known.emplace_back(entry.name());
        std::ranges::replace(known.back(), ' ', '-');
    }
    for (const Setting& setting : settings.all())
        if (std::ranges::find(known, setting.section) == known.end())
            judge(Error(Kind::invalid, cat(setting.origin, ": [", setting.section, "] is no command"))
                      .with_hint(cat("did you mean [", nearest_word(setting.section, known), "]?")));
    tell(cat(settings.all().size(), " settings, ", problems, problems == 1 ? " problem\n" : " problems\n"));
    return problems == 0 ? 0 : 1;
}

}  // namespace

Action define_config_show(Parser& p) {
    const auto origin = std::make_shared<bool>(false);
    p.usage("", 0, 0);
    p.flag("--origin", *origin, "Show which file and line each setting is from");
    p.about(
        "Shows the settings of /etc/berth/berth.toml, /etc/berth/berth.toml.d/*.toml and ~/.config/berth/berth.toml, later ones "
        "winning. A table is a command, a key one of its long options: what stands there is as if it were typed.");
    p.example("berth config show --origin", "what is set, and where");
    p.see_also("config check");
    return [origin](Session&, const Words&) { return show(*origin); };
}

Action define_config_check(Parser& p) {
    p.usage("", 0, 0);
    p.about("Reads the configuration and tells every line that means nothing.");
    p.see_also("config show");
    return [](Session&, const Words&) { return check(); };
}

}  // namespace berth::cli
