#include "builder/checks.h"

#include <algorithm>

#include "builder/expose.h"
#include "builder/text.h"
#include "image/reference.h"

namespace berth::builder {
namespace {

struct Switches {
    std::vector<std::string> skipped;
    bool are_errors = false;
};

Switches read_switches(const Dockerfile& file) {
    Switches switches;
    for (const std::string& part : split(file.directives.check, ';')) {
        const Cut parts = cut(trim(part), '=');
        if (to_lower(parts.before) == "skip")
            for (const std::string& rule : split(parts.after.value_or(""), ',')) switches.skipped.push_back(to_lower(trim(rule)));
        if (to_lower(parts.before) == "error") switches.are_errors = to_lower(parts.after.value_or("")) == "true";
    }
    return switches;
}

bool is_upper(std::string_view word) { return word == to_upper(word); }
bool is_lower(std::string_view word) { return word == to_lower(word); }

/// Whether a name means something secret: one of its words does, and none says that it is public.
bool sounds_secret(std::string_view name) {
    static const std::vector<std::string> secret = {"apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"};
    static const std::vector<std::string> harmless = {"public", "file", "version"};
    const std::vector<std::string> words = split(to_lower(name), '_');
    const auto has_one_of = [&](const std::vector<std::string>& list) {
        return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); });
    };
    return has_one_of(secret) && !has_one_of(harmless);
}

class Checker {
public:
    explicit Checker(const Session& session) : session_(session), skipped_(read_switches(session.file).skipped) {}

    Result<std::vector<Finding>> run() {
        for (const Warning& warning : session_.file.warnings) add("NoEmptyContinuation", "Empty continuation line", warning.first_line, warning.last_line);
        check_casing();
        for (const Stage& stage : session_.plan.stages) {
            check_from(stage);
            TRY(walk(stage));
        }
        std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) { return a.first_line < b.first_line; });
        return std::move(findings_);
    }

private:
    void add(std::string_view rule, std::string text, int first, int last) {
        const bool is_skipped = std::any_of(skipped_.begin(), skipped_.end(), [&](const std::string& name) { return name == "all" || name == to_lower(rule); });
        if (!is_skipped) findings_.push_back({std::string(rule), std::move(text), first, last});
    }
    void add(std::string_view rule, std::string text, const Instruction& at) { add(rule, std::move(text), at.first_line, at.last_line); }

    void check_casing() {
        int lower = 0, upper = 0;
        for (const Node& node : session_.file.nodes) {
            if (is_lower(node.written)) ++lower;
            else if (is_upper(node.written)) ++upper;
        }
        const bool wants_lower = lower > upper;
        for (const Node& node : session_.file.nodes)
            if (wants_lower ? !is_lower(node.written) : !is_upper(node.written))
                add("ConsistentInstructionCasing", cat("Command '", node.written, "' should match the case of the command majority (", wants_lower ? "lowercase" : "uppercase", ")"), node.first_line, node.last_line);
    }

    void check_from(const Stage& stage) {
        const int line = stage.line;
        const std::vector<std::string>& words = stage.from_node.words;
        if (words.size() == 3) {
            if (!is_lower(words[2])) add("StageNameCasing", cat("Stage name '", words[2], "' should be lowercase"), line, line);
            const std::string& from = stage.from_node.written;
            if ((is_lower(from) && !is_lower(words[1])) || (is_upper(from) && !is_upper(words[1])))
                add("FromAsCasing", cat("'", words[1], "' and '", from, "' keywords' casing do not match"), line, line);
        }
        if (stage.name == "scratch" || stage.name == "context")
            add("ReservedStageName", cat("Stage name should not use the same name as reserved stage ", quote(stage.name)), line, line);
        for (const Stage& other : session_.plan.stages)
            if (other.index < stage.index && !stage.name.empty() && other.name == stage.name) {
                add("DuplicateStageName", cat("Duplicate stage name ", quote(stage.name), ", stage names should be unique"), line, line);
                break;
            }
        check_from_variables(stage);
        check_platform(stage);
    }

    void check_from_variables(const Stage& stage) {
        const auto used = expand(stage.from.image, session_.plan.globals.lookup(), {.escape = session_.file.directives.escape});
        if (!used.ok()) return;
        std::vector<std::string> declared;
        for (const Instruction& instruction : session_.plan.global_args)
            for (const KeyValue& pair : std::get<Arg>(instruction.what).pairs) declared.push_back(pair.key);
        for (const std::string& name : used.value().unset)
            if (std::find(declared.begin(), declared.end(), name) == declared.end())
                add("UndefinedArgInFrom", cat("FROM argument '", name, "' is not declared", suggestion(name, declared)), stage.line, stage.line);
        check_default_base(stage);
    }

    /// Whether the base has a good name without any --build-arg.
    void check_default_base(const Stage& stage) {
        Variables defaults = platform_variables(session_.platform, "", {});
        for (const Instruction& instruction : session_.plan.global_args)
            for (const KeyValue& pair : std::get<Arg>(instruction.what).pairs) {
                if (!pair.value) continue;
                const auto value = expand(*pair.value, defaults.lookup(), {.escape = session_.file.directives.escape});
                if (value.ok()) defaults.set(pair.key, value.value().text);
            }
        const auto base = expand(stage.from.image, defaults.lookup(), {.escape = session_.file.directives.escape});
        if (base.ok() && !image::Reference::parse(base.value().text).ok())
            add("InvalidDefaultArgInFrom", cat("Default value for ARG ", stage.from.image, " results in empty or invalid base image name"), stage.line, stage.line);
    }

    void check_platform(const Stage& stage) {
        if (stage.from.platform.empty()) return;
        const auto used = expand(stage.from.platform, session_.plan.globals.lookup(), {.escape = session_.file.directives.escape});
        if (!used.ok()) return;
        if (used.value().used == std::set<std::string>{"TARGETPLATFORM"} && used.value().unset.empty() && used.value().text == session_.platform.str())
            add("RedundantTargetPlatform", cat("Setting platform to predefined ", stage.from.platform, " in FROM is redundant as this is the default behavior"), stage.line, stage.line);
        if (!used.value().used.empty() || !used.value().unset.empty()) return;
        const auto platform = parse_platform(used.value().text);
        const bool is_named_so = platform.ok() && (stage.name.find(platform.value().os) != std::string::npos || stage.name.find(platform.value().architecture) != std::string::npos);
        if (platform.ok() && !is_named_so)
            add("FromPlatformFlagConstDisallowed", cat("FROM --platform flag should not use constant value ", quote(used.value().text)), stage.line, stage.line);
    }

    /// The state that a stage starts with, as far as it is known here.
    Result<StageState> start_of(const Stage& stage) {
        if (stage.parent) return start_from_stage(states_[*stage.parent]);
        const auto known = session_.images.find(stage.base);
        if (known == session_.images.end()) return start_from_scratch(session_.platform);
        image::Image base = TRY(session_.store.load(known->second));
        const Platform found{base.config.os, base.config.architecture, ""};
        if (!base.config.architecture.empty() && (found.os != session_.platform.os || found.architecture != session_.platform.architecture) && stage.platform.empty())
            add("InvalidBaseImagePlatform", cat("Base image ", stage.base, " was pulled with platform ", quote(found.str()), ", expected ", quote(session_.platform.str()), " for current build"), stage.line, stage.line);
        return start_from_image(std::move(base.config), {});
    }

    Result<void> walk(const Stage& stage) {
        StageState state = TRY(start_of(stage));
        last_.clear();
        has_workdir_ = false;
        const StateContext context = session_.state_context();
        for (std::size_t i = 0; i < stage.instructions.size(); ++i) {
            const Instruction& written = stage.instructions[i];
            std::set<std::string> unset;
            const auto expanded = expand_instruction(written, state, context, &unset);
            // A build fails there and says so; a check has nothing to add.
            if (!expanded.ok()) break;
            note_unset(state, unset, written);
            check_instruction(stage.nodes[i], written, expanded.value(), state);
            if (!apply_metadata(state, expanded.value(), context).ok()) break;
            if (const Workdir* workdir = std::get_if<Workdir>(&expanded.value().what)) state.image.config.working_dir = next_working_dir(state, workdir->path);
        }
        states_[stage.index] = std::move(state);
        return {};
    }

    void note_unset(const StageState& state, const std::set<std::string>& unset, const Instruction& at) {
        for (const std::string& name : unset) {
            const bool is_declared = std::any_of(state.arguments.begin(), state.arguments.end(), [&](const KeyValue& argument) { return argument.key == name; });
            if (is_declared) continue;
            const auto near = find_nearest(name, state.variables.names());
            add("UndefinedVar", cat("Usage of undefined variable '$", name, "'", near ? cat(" (did you mean $", *near, "?)") : ""), at);
        }
    }

    /// CMD, ENTRYPOINT and HEALTHCHECK count once: the earlier one is lost.
    void note_once(const std::string& keyword, const Node& node, const Instruction& at) {
        const auto earlier = last_.find(keyword);
        if (earlier != last_.end())
            add("MultipleInstructionsDisallowed", cat("Multiple ", node.written, " instructions should not be used in the same stage because only the last one will be used"), earlier->second.first, earlier->second.second);
        last_[keyword] = {at.first_line, at.last_line};
    }

    void check_command(const CommandLine& command, const Node& node, const StageState& state, const Instruction& at) {
        note_once(node.keyword, node, at);
        if (command.is_shell && state.image.config.shell.empty())
            add("JSONArgsRecommended", cat("JSON arguments recommended for ", node.written, " to prevent unintended behavior related to OS signals"), at);
    }

    void check_pairs(const std::vector<KeyValue>& pairs, const Node& node, const Instruction& at, bool may_be_secret) {
        for (const KeyValue& pair : pairs) {
            if (pair.is_legacy)
                add("LegacyKeyValueFormat", cat("\"", node.written, " key=value\" should be used instead of legacy \"", node.written, " key value\" format"), at);
            if (may_be_secret && sounds_secret(pair.key))
                add("SecretsUsedInArgOrEnv", cat("Do not use ARG or ENV instructions for sensitive data (", to_upper(node.keyword), ' ', quote(pair.key), ')'), at);
        }
    }

    void check_copy(const Copy& copy, const Instruction& at) {
        const IgnoreMatcher* ignored = session_.context.ignored();
        if (!copy.from.empty() || ignored == nullptr || ignored->has_exceptions()) return;
        for (const std::string& source : copy.sources) {
            const std::string path = join_path("/", source).substr(1);
            if (!path.empty() && ignored->matches(path))
                add("CopyIgnoredFile", cat("Attempting to ", copy.is_add ? "Add" : "Copy", " file ", quote(path), " that is excluded by .dockerignore"), at);
        }
    }

    void check_expose(const Expose& expose, const Instruction& at) {
        for (const std::string& word : expose.ports) {
            const auto ports = parse_exposed(word);
            if (ports.ok() && ports.value().has_odd_case) add("ExposeProtoCasing", cat("Defined protocol '", word, "' in EXPOSE instruction should be lowercase"), at);
            if (ports.ok() && ports.value().has_mapping)
                add("ExposeInvalidFormat", cat("EXPOSE instruction should not define an IP address or host-port mapping, found '", word, "'"), at);
        }
    }

    void check_instruction(const Node& node, const Instruction& written, const Instruction& expanded, const StageState& state) {
        if (std::holds_alternative<Maintainer>(written.what))
            add("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label", written);
        if (const Cmd* cmd = std::get_if<Cmd>(&written.what)) check_command(cmd->command, node, state, written);
        if (const Entrypoint* entrypoint = std::get_if<Entrypoint>(&written.what)) check_command(entrypoint->command, node, state, written);
        if (std::holds_alternative<Healthcheck>(written.what)) note_once(node.keyword, node, written);
        if (const Env* env = std::get_if<Env>(&written.what)) check_pairs(env->pairs, node, written, true);
        if (const Label* label = std::get_if<Label>(&written.what)) check_pairs(label->pairs, node, written, false);
        if (const Arg* arg = std::get_if<Arg>(&written.what)) check_pairs(arg->pairs, node, written, true);
        if (const Copy* copy = std::get_if<Copy>(&expanded.what)) check_copy(*copy, written);
        if (const Expose* expose = std::get_if<Expose>(&expanded.what)) check_expose(*expose, written);
        if (const Workdir* workdir = std::get_if<Workdir>(&expanded.what)) {
            if (!has_workdir_ && !workdir->path.starts_with('/'))
                add("WorkdirRelativePath", cat("Relative workdir ", quote(workdir->path), " can have unexpected results if the base image changes"), written);
            has_workdir_ = true;
        }
    }

    const Session& session_;
    std::vector<std::string> skipped_;
    std::vector<Finding> findings_;
    std::map<std::size_t, StageState> states_;
    std::map<std::string, std::pair<int, int>> last_;
    bool has_workdir_ = false;
};

/// "NoEmptyContinuation" -> "no-empty-continuation", as the documentation's addresses have it.
std::string address_of(std::string_view rule) {
    std::string path;
    for (std::size_t i = 0; i < rule.size(); ++i) {
        const bool is_capital = rule[i] >= 'A' && rule[i] <= 'Z';
        const bool ends_run = i + 1 < rule.size() && rule[i + 1] >= 'a' && rule[i + 1] <= 'z';
        const bool follows_small = i > 0 && rule[i - 1] >= 'a' && rule[i - 1] <= 'z';
        if (i > 0 && is_capital && (follows_small || ends_run)) path += '-';
        path += rule[i];
    }
    return cat("https://docs.docker.com/go/dockerfile/rule/", to_lower(path), '/');
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size() + 2, width), ' ');
    return text;
}

}  // namespace

Result<std::vector<Finding>> check_file(const Session& session) { return Checker(session).run(); }

bool findings_are_errors(const Dockerfile& file) { return read_switches(file).are_errors; }

std::string check_report(const Dockerfile& file, const std::vector<Finding>& findings) {
    if (findings.empty()) return "Check complete, no warnings found.\n";
    std::string out = cat("Check complete, ", findings.size(), findings.size() == 1 ? " warning has" : " warnings have", " been found!\n");
    for (const Finding& finding : findings)
        out += cat("\nWARNING: ", finding.rule, " - ", address_of(finding.rule), '\n', finding.text, '\n', make_excerpt(file, finding.first_line, finding.last_line));
    return out;
}

std::string targets_report(const Session& session) {
    std::string out = cat(padded("TARGET", 24), "DESCRIPTION\n");
    for (const Stage& stage : session.plan.stages) {
        if (stage.name.empty() && stage.index != session.plan.target) continue;
        std::string name = stage.name.empty() ? "(default)" : stage.name;
        if (!stage.name.empty() && stage.index == session.plan.target) name += " (default)";
        std::string description;
        for (const std::string& comment : stage.from_node.comments_before)
            if (!stage.name.empty() && comment.starts_with(stage.name + ' ')) description = comment.substr(stage.name.size() + 1);
        out += cat(padded(std::move(name), 24), description, '\n');
    }
    return out;
}

std::string outline_report(const Session& session) {
    const Stage& target = session.plan.stages[session.plan.target];
    std::string out = cat(padded("TARGET:", 24), target.name.empty() ? "default" : target.name, "\n\n", padded("BUILD ARG", 24), "VALUE\n");
    const auto list = [&](const Instruction& instruction) {
        const Arg* arg = std::get_if<Arg>(&instruction.what);
        if (arg == nullptr) return;
        for (const KeyValue& pair : arg->pairs) {
            const auto given = session.build_args.find(pair.key);
            out += cat(padded(pair.key, 24), given != session.build_args.end() ? given->second : pair.value.value_or(""), '\n');
        }
    };
    for (const Instruction& instruction : session.plan.global_args) list(instruction);
    for (const Instruction& instruction : target.instructions) list(instruction);
    return out;
}

}  // namespace berth::builder
