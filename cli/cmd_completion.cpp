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
        case Values::command:
            return {};
        case Values::format:
            return {"json"};
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

/// A word that may come next, and what it means where that is known.
struct Candidate {
    std::string word;
    std::string help;
};

std::vector<Candidate> without_help(const std::vector<std::string>& words) {
    std::vector<Candidate> out;
    for (const std::string& word : words) out.push_back({word, ""});
    return out;
}

std::vector<Candidate> option_words(const Parser& parser) {
    std::vector<Candidate> out;
    for (const Option& option : parser.options())
        if (!option.is_hidden) out.push_back({cat("--", option.long_name()), std::string(option.help)});
    out.push_back({"--help", "Show this command's help"});
    return out;
}

std::vector<Candidate> values_of(Session& session, const Option& option, std::string_view typed) {
    if (!option.choices.empty()) return without_help(split_text(option.choices, '|'));
    return without_help(candidates_of(session, option.values, typed));
}

/// The option whose value stands apart behind `word`, if it is one.
const Option* option_before(const Parser& parser, const std::string& word) {
    if (word.size() < 2 || word[0] != '-' || word.find('=') != std::string::npos) return nullptr;
    const Option* option = word[1] == '-' ? parser.find_long(word.substr(2)) : parser.find_short(word.back());
    return option == nullptr || option->is_flag() ? nullptr : option;
}

/// How many of the words are neither options nor their values.
std::size_t count_arguments(const Parser& parser, const Words& words) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!words[i].starts_with('-'))
            ++count;
        else if (option_before(parser, words[i]) != nullptr)
            ++i;
    }
    return count;
}

/// What an option line goes on with: the value of the option before, or an option. Nothing when a word of another kind comes.
std::optional<std::vector<Candidate>> complete_option(Session& session, const Parser& parser, const Words& before,
                                                      const std::string& typed) {
    if (!before.empty())
        if (const Option* option = option_before(parser, before.back())) return values_of(session, *option, typed);
    if (typed.starts_with("--") && typed.find('=') != std::string::npos) {
        const std::size_t equals = typed.find('=');
        const Option* option = parser.find_long(typed.substr(2, equals - 2));
        std::vector<Candidate> out;
        if (option != nullptr)
            for (const Candidate& value : values_of(session, *option, typed))
                out.push_back({cat(typed.substr(0, equals + 1), value.word), ""});
        return out;
    }
    if (typed.starts_with('-')) return option_words(parser);
    return std::nullopt;
}

std::vector<Candidate> complete_command(Session& session, const Parser& parser, const Words& before, const std::string& typed) {
    // Behind the image or container of run and exec stands somebody else's command line.
    const std::size_t arguments = count_arguments(parser, before);
    if (parser.ends_at_first_word() && arguments > 0) return {{":files", ""}};
    if (auto options = complete_option(session, parser, before, typed)) return *options;
    return without_help(candidates_of(session, parser.argument_values(arguments), typed));
}

// The command's name, when all before it are options of berth itself.
std::vector<Candidate> complete_name(Session& session, const Words& before, const Words& options, const std::string& typed) {
    std::vector<Candidate> out;
    if (before.size() == 1)
        for (const auto& [verb, entry] : family_members(before[0])) out.push_back({verb, std::string(entry->summary)});
    if (!before.empty()) return out;
    Parser parser;
    Globals globals;
    describe_globals(parser, globals);
    if (auto found = complete_option(session, parser, options, typed)) return *found;
    for (const std::string& word : first_words()) {
        const FoundCommand found = find_command({word});
        out.push_back({word, found.entry == nullptr ? cat("Commands of ", word) : std::string(found.entry->summary)});
    }
    return out;
}

std::vector<Candidate> complete(Session& session, const Words& words) {
    Words before(words.begin(), words.end() - 1);
    const std::string& typed = words.back();
    Parser globals_parser;
    Globals globals;
    describe_globals(globals_parser, globals);
    Words options;
    while (!before.empty() && before[0].starts_with('-')) {
        const std::size_t taken = option_before(globals_parser, before[0]) != nullptr && before.size() > 1 ? 2 : 1;
        options.insert(options.end(), before.begin(), before.begin() + static_cast<long>(taken));
        before.erase(before.begin(), before.begin() + static_cast<long>(taken));
    }
    const FoundCommand found = find_command(before);
    if (found.entry == nullptr) return complete_name(session, before, options, typed);
    Parser parser;
    found.entry->define(parser);
    return complete_command(session, parser, Words(before.begin() + static_cast<long>(found.words), before.end()), typed);
}

}  // namespace

Action define_complete(Parser& p) {
    const auto describe = std::make_shared<bool>(false);
    p.usage("WORD [WORD...]", 0, -1, Values::command);
    p.flag("--describe", *describe, "What a word means, behind a tab");
    p.options_end_at_first_word();
    return [describe](Session& session, const Words& arguments) -> Result<int> {
        const Words words = arguments.empty() ? Words{""} : arguments;
        std::string out;
        for (const Candidate& candidate : complete(session, words)) {
            if (!candidate.word.starts_with(':') && !candidate.word.starts_with(words.back())) continue;
            out += candidate.word;
            if (*describe && !candidate.help.empty()) out += cat("\t", candidate.help);
            out += '\n';
        }
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
