// Reading a command line in two steps: docker's own rules turn it into plain "--name value" pairs and words, then CLI11
// binds them. CLI11 throws; what it throws ends here.

#include <CLI/CLI.hpp>

#include "cli/parser.h"

#include <algorithm>

#include "base/log.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

/// The command line in canonical form.
struct Canonical {
    std::vector<std::pair<const Option*, std::string>> values;
    Words arguments;
    bool wants_help = false;
};

Error unknown_option(const Parser& parser, std::string_view shown, std::string_view name) {
    Error error(Kind::invalid, cat("unknown ", shown.starts_with("--") ? "flag" : "shorthand flag", ": ", shown));
    std::vector<std::string> names;
    for (const Option& option : parser.options())
        if (!option.is_hidden) names.emplace_back(option.long_name());
    const std::string near = name.size() > 1 ? nearest_word(name, names) : "";
    if (near.empty()) return error;
    return std::move(error).with_hint(cat("did you mean '--", near, "'?"));
}

class Reading {
public:
    Reading(const Parser& parser, const Words& words) : parser_(parser), words_(words) {}

    Result<Canonical> all() {
        for (; at_ < words_.size(); ++at_) {
            const std::string& word = words_[at_];
            if (word == "--") {
                out_.arguments.insert(out_.arguments.end(), words_.begin() + static_cast<long>(at_) + 1, words_.end());
                break;
            }
            if (word.size() > 1 && word[0] == '-') {
                TRY(word[1] == '-' ? long_option(word) : short_options(word));
                if (out_.wants_help) break;
                continue;
            }
            out_.arguments.push_back(word);
            if (!parser_.ends_at_first_word()) continue;
            out_.arguments.insert(out_.arguments.end(), words_.begin() + static_cast<long>(at_) + 1, words_.end());
            break;
        }
        return std::move(out_);
    }

private:
    Result<void> long_option(const std::string& word) {
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
        if (name == "help") return out_.wants_help = true, Result<void>();
        const Option* option = parser_.find_long(name);
        if (option == nullptr) return unknown_option(parser_, cat("--", name), name);
        if (equals != std::string::npos) return take(option, word.substr(equals + 1));
        if (option->is_flag()) return take(option, "true");
        return take_next(option, cat("--", name));
    }

    Result<void> short_options(const std::string& word) {
        for (std::size_t i = 1; i < word.size(); ++i) {
            const Option* option = parser_.find_short(word[i]);
            if (option == nullptr) {
                // docker: -h is help unless the command has an option of that letter.
                if (word == "-h") return out_.wants_help = true, Result<void>();
                return unknown_option(parser_, cat("'", word[i], "' in ", word), "");
            }
            const std::string rest = word.substr(i + 1);
            if (rest.starts_with('=')) return take(option, rest.substr(1));
            if (option->is_flag()) {
                TRY(take(option, "true"));
                continue;
            }
            if (!rest.empty()) return take(option, rest);
            return take_next(option, cat("'", word[i], "' in ", word));
        }
        return {};
    }

    Result<void> take_next(const Option* option, const std::string& shown) {
        if (at_ + 1 >= words_.size())
            return Error(Kind::invalid, cat("flag needs an argument: ", shown))
                .with_hint(cat("it takes ", option->value, ": ", option->help));
        return take(option, words_[++at_]);
    }

    Result<void> take(const Option* option, std::string value) {
        out_.values.emplace_back(option, std::move(value));
        return {};
    }

    const Parser& parser_;
    const Words& words_;
    std::size_t at_ = 0;
    Canonical out_;
};

std::string flag_text(const Option& option) {
    const char letter = option.short_name();
    return letter == 0 ? cat("--", option.long_name()) : cat("-", letter, ", --", option.long_name());
}

Result<void> set_option(const Option& option, const std::string& value) {
    auto done = option.set(value);
    if (done.ok()) return done;
    Error error = std::move(done).error();
    const std::string text = cat("invalid argument '", value, "' for ", flag_text(option), ": ", error.text());
    return Error(Kind::invalid, text).with_hint(error.hint());
}

// Each option that was mentioned becomes one of CLI11's, whose call sets it with all values in their order.
Result<void> bind_values(const Canonical& line) {
    CLI::App app;
    app.set_help_flag();
    std::vector<std::string> words;
    std::vector<const Option*> seen;
    Result<void> failure;
    for (const auto& [option, value] : line.values) {
        words.push_back(cat("--", option->long_name()));
        words.push_back(value);
        if (std::ranges::find(seen, option) != seen.end()) continue;
        seen.push_back(option);
        const auto set_all = [&failure, option = option](const CLI::results_t& values) {
            for (const std::string& text : values)
                if (failure.ok()) failure = set_option(*option, text);
            return true;
        };
        app.add_option(cat("--", option->long_name()), set_all)->take_all()->allow_extra_args(false);
    }
    std::ranges::reverse(words);  // CLI11 takes them from the end.
    try {
        app.parse(std::move(words));
    } catch (const CLI::Error& error) {
        return Error(Kind::invalid, error.what());
    }
    return failure;
}

}  // namespace

std::string_view Option::long_name() const {
    const std::size_t start = names.find("--") + 2;
    return names.substr(start, names.find(',', start) - start);
}

char Option::short_name() const { return names.size() > 1 && names[1] != '-' ? names[1] : '\0'; }

bool Option::has_name(std::string_view name) const {
    for (std::size_t at = 0; (at = names.find("--", at)) != std::string_view::npos;) {
        at += 2;
        const std::size_t end = std::min(names.find(',', at), names.size());
        if (names.substr(at, end - at) == name) return true;
    }
    return false;
}

Result<bool> parse_boolean(std::string_view text) {
    // Go's strconv.ParseBool.
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == yes) return true;
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == no) return false;
    return Error(Kind::invalid, "neither true nor false");
}

void Parser::usage(std::string_view synopsis, int least, int most, Values values) {
    synopsis_ = synopsis;
    least_ = least;
    most_ = most;
    argument_values_ = values;
    // One more of the same when there may be any number.
    later_values_ = most < 0 ? values : Values::none;
}

void Parser::flag(std::string_view names, bool& into, std::string_view help) {
    parsed<bool>(names, into, parse_boolean, "", help);
}
void Parser::flag(std::string_view names, std::optional<bool>& into, std::string_view help) {
    parsed<bool>(names, into, parse_boolean, "", help);
}

void Parser::text(std::string_view names, std::string& into, std::string_view value, std::string_view help, Values values) {
    add({names, value, help, values, {}, false, false, [&into](const std::string& text) { return into = text, Result<void>(); }});
}
void Parser::text(std::string_view names, std::optional<std::string>& into, std::string_view value, std::string_view help,
                  Values values) {
    add({names, value, help, values, {}, false, false, [&into](const std::string& text) { return into = text, Result<void>(); }});
}

void Parser::choice(std::string_view names, std::string& into, std::string_view choices, std::string_view help) {
    const auto set = [&into, choices](const std::string& text) -> Result<void> {
        const std::vector<std::string> known = split_text(choices, '|');
        if (std::ranges::find(known, text) == known.end())
            return Error(Kind::invalid, cat("must be one of ", join_text(known, ", ")));
        into = text;
        return {};
    };
    add({names, choices, help, Values::none, choices, false, false, set});
}

void Parser::list(std::string_view names, Words& into, std::string_view value, std::string_view help, Values values) {
    add({names, value, help, values, {}, true, false, [&into](const std::string& text) {
             return into.push_back(text), Result<void>();
         }});
}

void Parser::comma_list(std::string_view names, Words& into, std::string_view value, std::string_view help, Values values) {
    const auto set = [&into](const std::string& text) {
        for (std::string& part : split_text(text, ',')) into.push_back(std::move(part));
        return Result<void>();
    };
    add({names, value, help, values, {}, true, false, set});
}

void Parser::last_checks(std::function<Result<void>(const std::string&)> check) {
    Option& option = options_.back();
    option.set = [check = std::move(check), set = std::move(option.set)](const std::string& text) -> Result<void> {
        TRY(check(text));
        return set(text);
    };
}

void Parser::ignored(std::string_view names, std::string_view value, std::string_view why) {
    const auto set = [names, value, why](const std::string& text) -> Result<void> {
        if (value.empty()) TRY(parse_boolean(text));
        log::warn(names.substr(names.find("--")), ": ", why, ", continuing without it");
        return {};
    };
    add({names, value, why, Values::none, {}, false, true, set});
}

void Parser::refused(std::string_view names, std::string_view value, std::string_view why) {
    add({names, value, why, Values::none, {}, false, true, [why](const std::string&) -> Result<void> {
             return Error(Kind::unsupported, std::string(why));
         }});
}

const Option* Parser::find_long(std::string_view name) const {
    const auto found = std::ranges::find_if(options_, [&](const Option& option) { return option.has_name(name); });
    return found == options_.end() ? nullptr : &*found;
}

const Option* Parser::find_short(char name) const {
    const auto found = std::ranges::find_if(options_, [&](const Option& option) { return option.short_name() == name; });
    return found == options_.end() ? nullptr : &*found;
}

Result<Parser::Parsed> Parser::parse(const Words& words) const {
    Canonical line = TRY(Reading(*this, words).all());
    if (line.wants_help) return Parsed{{}, true};
    if (!line.values.empty()) TRY(bind_values(line));
    return Parsed{std::move(line.arguments), false};
}

std::optional<std::string> Parser::count_complaint(std::size_t arguments) const {
    const int count = static_cast<int>(arguments);
    const auto plural = [](int n) { return cat(n, n == 1 ? " argument" : " arguments"); };
    if (most_ == 0 && count > 0) return "accepts no arguments";
    if (least_ == most_ && count != least_) return cat("requires exactly ", plural(least_));
    if (count < least_) return cat("requires at least ", plural(least_));
    if (most_ >= 0 && count > most_) return cat("requires at most ", plural(most_));
    return std::nullopt;
}

}  // namespace berth::cli
