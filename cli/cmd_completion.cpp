// completion, and the two hidden commands behind the scenes: __complete answers a shell's question from the table and the
// store, __man writes the man pages that the project ships.

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "base/sys.h"
#include "cli/cmds.h"
#include "cli/commands.h"
#include "cli/completion_scripts.h"
#include "cli/globals.h"
#include "cli/help.h"
#include "cli/texts.h"
#include "image/store.h"
#include "network/networks.h"

namespace berth::cli {
namespace {

constexpr std::string_view capabilities[] = {"ALL",
                                             "AUDIT_CONTROL",
                                             "AUDIT_READ",
                                             "AUDIT_WRITE",
                                             "BLOCK_SUSPEND",
                                             "BPF",
                                             "CHECKPOINT_RESTORE",
                                             "CHOWN",
                                             "DAC_OVERRIDE",
                                             "DAC_READ_SEARCH",
                                             "FOWNER",
                                             "FSETID",
                                             "IPC_LOCK",
                                             "IPC_OWNER",
                                             "KILL",
                                             "LEASE",
                                             "LINUX_IMMUTABLE",
                                             "MAC_ADMIN",
                                             "MAC_OVERRIDE",
                                             "MKNOD",
                                             "NET_ADMIN",
                                             "NET_BIND_SERVICE",
                                             "NET_BROADCAST",
                                             "NET_RAW",
                                             "PERFMON",
                                             "SETFCAP",
                                             "SETGID",
                                             "SETPCAP",
                                             "SETUID",
                                             "SYSLOG",
                                             "SYS_ADMIN",
                                             "SYS_BOOT",
                                             "SYS_CHROOT",
                                             "SYS_MODULE",
                                             "SYS_NICE",
                                             "SYS_PACCT",
                                             "SYS_PTRACE",
                                             "SYS_RAWIO",
                                             "SYS_RESOURCE",
                                             "SYS_TIME",
                                             "SYS_TTY_CONFIG",
                                             "WAKE_ALARM"};

std::vector<std::string> container_names(container::Engine& engine, Values values) {
    std::vector<std::string> out;
    const auto records = container::list(engine);
    if (!records.ok()) return out;
    for (const container::Record& record : records.value()) {
        const bool runs = record.run.state.running();
        if ((values == Values::running && !runs) || (values == Values::stopped && runs)) continue;
        out.push_back(record.name());
    }
    return out;
}

std::vector<std::string> image_names(container::Engine& engine) {
    std::vector<std::string> out;
    auto store = engine.images();
    if (!store.ok()) return out;
    if (const auto listed = store.value()->list(); listed.ok())
        for (const auto& image : listed.value())
            for (const image::Reference& name : image.names) {
                out.push_back(name.str());
                if (name.tag() == "latest") out.push_back(name.familiar_name());
            }
    return out;
}

std::vector<std::string> signal_names() {
    std::vector<std::string> out;
    for (int number = 1; number < 32; ++number) out.push_back(Signal::of(number).name());
    return out;
}

template <class Things>
std::vector<std::string> names_of(const Things& things) {
    std::vector<std::string> out;
    if (things.ok())
        for (const auto& thing : things.value()) out.push_back(thing.name);
    return out;
}

/// What may stand for `values`; a shell's own file names are asked for by ":files" and ":folders".
std::vector<std::string> candidates_of(Session& session, Values values, std::string_view typed) {
    switch (values) {
        case Values::none:
        case Values::format:
        case Values::command:
            return {};
        case Values::file:
            return {":files"};
        case Values::folder:
            return {":folders"};
        case Values::signal:
            return signal_names();
        case Values::capability:
            return {std::begin(capabilities), std::end(capabilities)};
        default:
            break;
    }
    auto opened = session.engine();
    if (!opened.ok()) return {};
    container::Engine& engine = *opened.value();
    std::vector<std::string> out;
    if (values == Values::image || values == Values::container_or_image) out = image_names(engine);
    if (values == Values::network)
        if (auto networks = engine.networks(); networks.ok()) out = names_of(networks.value()->list());
    if (values == Values::volume)
        if (auto volumes = engine.volumes(); volumes.ok()) out = names_of(volumes.value()->list());
    if (values == Values::volume && typed.find('/') != std::string_view::npos) out.emplace_back(":files");
    if (values == Values::image || values == Values::network || values == Values::volume) return out;
    for (std::string& name : container_names(engine, values)) out.push_back(values == Values::container_path ? name + ":" : name);
    if (values == Values::container_path) out.emplace_back(":files");
    return out;
}

std::vector<std::string> option_words(const Parser& parser) {
    std::vector<std::string> out;
    for (const Option& option : parser.options())
        if (!option.is_hidden) out.push_back(cat("--", option.long_name()));
    out.emplace_back("--help");
    return out;
}

std::vector<std::string> values_of(Session& session, const Option& option, std::string_view typed) {
    if (!option.choices.empty()) return split_text(option.choices, '|');
    return candidates_of(session, option.values, typed);
}

// Within a command: the value of the option before, an option, or one of the command's own words.
std::vector<std::string> complete_command(Session& session, const Parser& parser, const Words& before, const std::string& typed) {
    const std::string previous = before.empty() ? "" : before.back();
    const bool is_option = previous.size() > 1 && previous[0] == '-' && previous.find('=') == std::string::npos;
    if (is_option) {
        const Option* option = previous[1] == '-' ? parser.find_long(previous.substr(2)) : parser.find_short(previous.back());
        if (option != nullptr && !option->is_flag()) return values_of(session, *option, typed);
    }
    if (typed.starts_with("--") && typed.find('=') != std::string::npos) {
        const std::size_t equals = typed.find('=');
        const Option* option = parser.find_long(typed.substr(2, equals - 2));
        std::vector<std::string> out;
        if (option != nullptr)
            for (const std::string& value : values_of(session, *option, typed))
                out.push_back(cat(typed.substr(0, equals + 1), value));
        return out;
    }
    if (typed.starts_with('-')) return option_words(parser);
    if (!parser.ends_at_first_word()) return candidates_of(session, parser.argument_values(), typed);
    // Behind the image or container stands somebody else's command line.
    bool has_word = false;
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (!before[i].starts_with('-')) {
            has_word = true;
            break;
        }
        const Option* option =
            before[i].starts_with("--") ? parser.find_long(before[i].substr(2)) : parser.find_short(before[i].back());
        if (option != nullptr && !option->is_flag() && before[i].find('=') == std::string::npos) ++i;
    }
    return has_word ? std::vector<std::string>{":files"} : candidates_of(session, parser.argument_values(), typed);
}

std::vector<std::string> complete(Session& session, const Words& words) {
    Words before(words.begin(), words.end() - 1);
    const std::string& typed = words.back();
    while (!before.empty() && before[0].starts_with('-')) before.erase(before.begin());
    if (const FoundCommand found = find_command(before); found.entry != nullptr) {
        Parser parser;
        found.entry->define(parser);
        return complete_command(session, parser, Words(before.begin() + static_cast<long>(found.words), before.end()), typed);
    }
    if (before.empty() && typed.starts_with('-')) {
        Parser parser;
        Globals globals;
        describe_globals(parser, globals);
        return option_words(parser);
    }
    if (before.empty()) return first_words();
    std::vector<std::string> out;
    if (before.size() == 1)
        for (const auto& [verb, entry] : family_members(before[0])) out.push_back(verb);
    return out;
}

}  // namespace

Action define_complete(Parser& p) {
    p.usage("WORD [WORD...]", 0, -1, Values::command);
    p.options_end_at_first_word();
    return [](Session& session, const Words& arguments) -> Result<int> {
        const Words words = arguments.empty() ? Words{""} : arguments;
        std::string out;
        for (const std::string& candidate : complete(session, words))
            if (candidate.starts_with(':') || candidate.starts_with(words.back())) out += candidate + '\n';
        print(out);
        return 0;
    };
}

Action define_completion(Parser& p) {
    p.usage("bash|zsh|fish", 1, 1);
    p.about(
        "Prints a script that lets a shell complete commands, options and the names of containers, images, networks and "
        "volumes.");
    p.example("berth completion bash > /etc/bash_completion.d/berth", "for all users of bash");
    p.example("berth completion fish > ~/.config/fish/completions/berth.fish", "for fish");
    return [](Session&, const Words& arguments) -> Result<int> {
        const auto script = completion_script(arguments[0]);
        if (!script) return Error(Kind::invalid, cat("'", arguments[0], "': there are scripts for bash, zsh and fish"));
        print(*script);
        return 0;
    };
}

Action define_man(Parser& p) {
    p.usage("FOLDER", 1, 1, Values::folder);
    return [](Session&, const Words& arguments) -> Result<int> {
        const Fd folder = TRY(sys::open(arguments[0], O_PATH | O_DIRECTORY));
        TRY(replace_file(folder, "berth.1", overview_man_page(), 0644, Durability::boot));
        TRY(replace_file(folder, "berth.toml.5", configuration_man_page(), 0644, Durability::boot));
        for (const CommandEntry& entry : command_table()) {
            if (entry.name().starts_with("__")) continue;
            std::string name = cat("berth-", entry.name(), ".1");
            std::ranges::replace(name, ' ', '-');
            TRY(replace_file(folder, name, command_man_page(entry), 0644, Durability::boot));
        }
        return 0;
    };
}

}  // namespace berth::cli
