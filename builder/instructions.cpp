// One function an instruction, from words to type. Words that BuildKit's users search for ("unknown instruction",
// "unknown flag", "requires at least one argument") are kept; what was expected is added.

#include "builder/instructions.h"

#include <algorithm>
#include <charconv>

#include "builder/flags.h"
#include "builder/heredoc.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

Error needs_argument(const Node& node, std::string_view form) {
    return Error(Kind::invalid, cat(to_upper(node.keyword), " requires at least one argument: expected ", form));
}

Result<void> refuse_flags(const Node& node) {
    TRY(FlagValues::read(node.flags, {}));
    return {};
}

Result<std::string> only_word(const Node& node, std::string_view form) {
    TRY(refuse_flags(node));
    if (node.words.size() == 1) return node.words.front();
    return Error(Kind::invalid, cat(to_upper(node.keyword), " requires exactly one argument: expected ", form));
}

CommandLine command_line(const Node& node, std::size_t skipped = 0) {
    CommandLine command;
    command.words.assign(node.words.begin() + static_cast<std::ptrdiff_t>(skipped), node.words.end());
    command.is_shell = !node.is_json;
    command.heredocs = node.heredocs;
    return command;
}

Result<std::vector<KeyValue>> pairs_of(const Node& node) {
    TRY(refuse_flags(node));
    if (node.words.empty()) return needs_argument(node, "NAME=VALUE");
    std::vector<KeyValue> pairs;
    for (std::size_t i = 0; i + 2 < node.words.size(); i += 3) {
        if (node.words[i].empty())
            return Error(Kind::invalid, cat(to_upper(node.keyword), " names can not be blank: found '=", node.words[i + 1], "'"));
        pairs.push_back({node.words[i], node.words[i + 1], node.words[i + 2].empty()});
    }
    return pairs;
}

bool is_stage_name(std::string_view name) {
    const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; };
    return !name.empty() && name.front() >= 'a' && name.front() <= 'z' && std::all_of(name.begin(), name.end(), is_inner);
}

Result<From> parse_from(const Node& node) {
    const FlagValues flags = TRY(FlagValues::read(node.flags, {{"platform", FlagKind::text}}));
    From from{"", flags.text("platform"), ""};
    if (node.words.size() == 3 && to_lower(node.words[1]) == "as") {
        from.stage_name = to_lower(node.words[2]);
        if (!is_stage_name(from.stage_name))
            return Error(Kind::invalid, cat("invalid name for build stage: '", node.words[2],
                                            "', a name starts with a letter and holds letters, digits, '-', '_' and '.'"));
    } else if (node.words.size() != 1) {
        return Error(Kind::invalid, "FROM requires either one or three arguments: expected FROM IMAGE [AS NAME]");
    }
    from.image = node.words.front();
    return from;
}

Result<Run> parse_run(const Node& node) {
    const FlagValues flags = TRY(FlagValues::read(node.flags, {{"mount", FlagKind::list},
                                                               {"network", FlagKind::text},
                                                               {"security", FlagKind::text},
                                                               {"device", FlagKind::list}}));
    if (node.words.empty() && node.heredocs.empty()) return needs_argument(node, "RUN COMMAND");
    return Run{command_line(node), flags.list("mount"), flags.text("network"), flags.text("security"), flags.list("device")};
}

Result<void> take_sources(const Node& node, Copy& copy) {
    const std::string keyword = to_upper(node.keyword);
    if (node.words.size() < 2)
        return Error(Kind::invalid, cat(keyword, " requires at least two arguments: expected ", keyword, " SOURCE… DESTINATION"));
    copy.destination = node.words.back();
    const auto misplaced = TRY(parse_heredoc(copy.destination));
    if (!node.is_json && misplaced)
        return Error(Kind::invalid, cat(keyword, " cannot accept a heredoc as a destination: found '", copy.destination, "'"));
    for (std::size_t i = 0; i + 1 < node.words.size(); ++i) {
        const auto mark = TRY(parse_heredoc(node.words[i]));
        const auto document = std::find_if(node.heredocs.begin(), node.heredocs.end(),
                                           [&](const Heredoc& one) { return mark && one.name == mark->name; });
        if (document == node.heredocs.end()) {
            copy.sources.push_back(node.words[i]);
            continue;
        }
        copy.documents.push_back(*document);
        if (document->strips_tabs) copy.documents.back().content = strip_leading_tabs(document->content);
    }
    return {};
}

Result<Copy> parse_copy(const Node& node) {
    Copy copy;
    copy.is_add = node.keyword == "add";
    std::vector<KnownFlag> known = {{"chown", FlagKind::text}, {"chmod", FlagKind::text}, {"link", FlagKind::boolean}, {"exclude", FlagKind::list}};
    if (copy.is_add)
        known.insert(known.end(), {{"checksum", FlagKind::text}, {"unpack", FlagKind::boolean}, {"keep-git-dir", FlagKind::boolean}});
    else
        known.insert(known.end(), {{"from", FlagKind::text}, {"parents", FlagKind::boolean}});
    const FlagValues flags = TRY(FlagValues::read(node.flags, known));
    TRY(take_sources(node, copy));
    copy.chown = flags.text("chown");
    copy.chmod = flags.text("chmod");
    copy.from = flags.text("from");
    copy.checksum = flags.text("checksum");
    copy.excludes = flags.list("exclude");
    copy.link = flags.is_true("link");
    copy.parents = flags.is_true("parents");
    copy.keeps_git_folder = flags.is_true("keep-git-dir");
    if (flags.has("unpack")) copy.unpack = flags.is_true("unpack");
    return copy;
}

Result<Arg> parse_arg(const Node& node) {
    TRY(refuse_flags(node));
    if (node.words.empty()) return needs_argument(node, "ARG NAME[=DEFAULT]");
    Arg arg;
    for (const std::string& word : node.words) {
        const Cut parts = cut(word, '=');
        if (parts.before.empty()) return Error(Kind::invalid, cat("ARG names can not be blank: found '", word, "'"));
        std::optional<std::string> value;
        if (parts.after) value.emplace(*parts.after);
        arg.pairs.push_back({std::string(parts.before), std::move(value), false});
    }
    return arg;
}

Result<Duration> parse_interval(const FlagValues& flags, const std::string& name) {
    const std::string text = flags.text(name);
    if (text.empty()) return Duration{};
    const Duration duration = TRY(parse_duration(text), "--", name);
    if (duration.nanoseconds != 0 && duration < Duration::of_milliseconds(1))
        return Error(Kind::invalid, cat("--", name, " '", text, "' is less than 1ms"));
    return duration;
}

Result<std::int64_t> parse_retries(const std::string& text) {
    std::int32_t retries = 0;
    if (text.empty()) return std::int64_t{0};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), retries);
    if (failure != std::errc() || end != text.data() + text.size() || retries < 0)
        return Error(Kind::invalid, cat("--retries is '", text, "': expected a number that is not negative"));
    return std::int64_t{retries};
}

Result<Healthcheck> parse_healthcheck(const Node& node) {
    if (node.words.empty()) return needs_argument(node, "HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE");
    const std::string type = to_upper(node.words.front());
    const FlagValues flags = TRY(FlagValues::read(
        type == "NONE" ? std::vector<std::string>() : node.flags,
        {{"interval", FlagKind::text}, {"timeout", FlagKind::text}, {"start-period", FlagKind::text},
         {"start-interval", FlagKind::text}, {"retries", FlagKind::text}}));
    Healthcheck health;
    if (type == "NONE") {
        if (node.words.size() > 1) return Error(Kind::invalid, "HEALTHCHECK NONE takes no arguments");
        health.config.test = {"NONE"};
        return health;
    }
    if (type != "CMD") return Error(Kind::invalid, cat("unknown type '", node.words.front(), "' in HEALTHCHECK: expected CMD or NONE"));
    if (node.words.size() < 2) return Error(Kind::invalid, "a command is missing after HEALTHCHECK CMD");
    health.config.test = {node.is_json ? "CMD" : "CMD-SHELL"};
    health.config.test.insert(health.config.test.end(), node.words.begin() + 1, node.words.end());
    health.config.interval = TRY(parse_interval(flags, "interval"));
    health.config.timeout = TRY(parse_interval(flags, "timeout"));
    health.config.start_period = TRY(parse_interval(flags, "start-period"));
    health.config.start_interval = TRY(parse_interval(flags, "start-interval"));
    health.config.retries = TRY(parse_retries(flags.text("retries")));
    return health;
}

Result<Onbuild> parse_onbuild(const Node& node) {
    TRY(refuse_flags(node));
    if (node.nested.empty()) return needs_argument(node, "ONBUILD INSTRUCTION");
    const Node& inner = node.nested.front();
    if (inner.keyword == "onbuild") return Error(Kind::invalid, "ONBUILD ONBUILD isn't allowed: a trigger is one instruction");
    if (inner.keyword == "from" || inner.keyword == "maintainer")
        return Error(Kind::invalid, cat(to_upper(inner.keyword), " isn't allowed as an ONBUILD trigger"));
    Onbuild onbuild{std::string(trim_left(std::string_view(node.text).substr(node.written.size()))), inner};
    // The image keeps one text, so bodies travel in it.
    for (const Heredoc& document : node.heredocs) onbuild.text += cat('\n', document.content, document.name);
    return onbuild;
}

Result<Shell> parse_shell(const Node& node) {
    TRY(refuse_flags(node));
    if (!node.is_json && !node.words.empty())
        return Error(Kind::invalid, cat("SHELL requires the arguments to be in JSON form: found ", node.rest))
            .with_hint("for example SHELL [\"/bin/bash\", \"-c\"]");
    if (node.words.empty()) return needs_argument(node, "SHELL [\"PROGRAM\", \"ARGUMENT\"]");
    return Shell{node.words};
}

Result<Volume> parse_volume(const Node& node) {
    TRY(refuse_flags(node));
    if (node.words.empty()) return needs_argument(node, "VOLUME PATH");
    Volume volume;
    for (const std::string& path : node.words) {
        if (trim(path).empty()) return Error(Kind::invalid, "VOLUME specified can not be an empty string");
        volume.paths.emplace_back(trim(path));
    }
    return volume;
}

Result<Expose> parse_expose(const Node& node) {
    TRY(refuse_flags(node));
    if (node.words.empty()) return needs_argument(node, "EXPOSE PORT[/PROTOCOL]");
    Expose expose{node.words};
    std::sort(expose.ports.begin(), expose.ports.end());
    return expose;
}

Result<Env> parse_env(const Node& node) {
    auto pairs = TRY(pairs_of(node));
    return Env{std::move(pairs)};
}
Result<Label> parse_label(const Node& node) {
    auto pairs = TRY(pairs_of(node));
    return Label{std::move(pairs)};
}
Result<Maintainer> parse_maintainer(const Node& node) {
    auto author = TRY(only_word(node, "MAINTAINER NAME"));
    return Maintainer{std::move(author)};
}
Result<Stopsignal> parse_stopsignal(const Node& node) {
    auto signal = TRY(only_word(node, "STOPSIGNAL SIGNAL"));
    return Stopsignal{std::move(signal)};
}
Result<User> parse_user(const Node& node) {
    auto user = TRY(only_word(node, "USER NAME[:GROUP]"));
    return User{std::move(user)};
}
Result<Workdir> parse_workdir(const Node& node) {
    auto path = TRY(only_word(node, "WORKDIR PATH"));
    return Workdir{std::move(path)};
}
Result<Cmd> parse_cmd(const Node& node) {
    TRY(refuse_flags(node));
    return Cmd{command_line(node)};
}
Result<Entrypoint> parse_entrypoint(const Node& node) {
    TRY(refuse_flags(node));
    return Entrypoint{command_line(node)};
}

template <auto parse>
Result<Instruction> typed(const Node& node) {
    auto what = TRY(parse(node));
    return Instruction{std::move(what), node.text, node.first_line, node.last_line};
}

struct Parser {
    std::string_view keyword;
    Result<Instruction> (*parse)(const Node&);
};
constexpr Parser parsers[] = {
    {"ADD", typed<parse_copy>},           {"ARG", typed<parse_arg>},         {"CMD", typed<parse_cmd>},
    {"COPY", typed<parse_copy>},          {"ENTRYPOINT", typed<parse_entrypoint>}, {"ENV", typed<parse_env>},
    {"EXPOSE", typed<parse_expose>},      {"FROM", typed<parse_from>},       {"HEALTHCHECK", typed<parse_healthcheck>},
    {"LABEL", typed<parse_label>},        {"MAINTAINER", typed<parse_maintainer>}, {"ONBUILD", typed<parse_onbuild>},
    {"RUN", typed<parse_run>},            {"SHELL", typed<parse_shell>},     {"STOPSIGNAL", typed<parse_stopsignal>},
    {"USER", typed<parse_user>},          {"VOLUME", typed<parse_volume>},   {"WORKDIR", typed<parse_workdir>}};

Result<Instruction> parse_checked(const Node& node) {
    const std::string wanted = to_upper(node.keyword);
    std::vector<std::string> keywords;
    for (const Parser& parser : parsers) {
        if (parser.keyword == wanted) return parser.parse(node);
        keywords.emplace_back(parser.keyword);
    }
    return Error(Kind::invalid, cat("unknown instruction: ", node.written, suggestion(node.written, keywords)));
}

}  // namespace

Result<Instruction> parse_instruction(const Node& node, const Dockerfile& file) {
    auto parsed = parse_checked(node);
    if (!parsed.ok()) return std::move(parsed).error().context(file.name, ':', node.first_line);
    return parsed;
}

}  // namespace berth::builder
