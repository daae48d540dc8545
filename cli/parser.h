#pragma once
// Parser: what one command takes. A command describes its options once; the same description reads the command line, and
// makes --help, the man page and the completion of values.
//
// The rules are docker's (pflag): short flags combine (-it), take their value attached or apart (-p80:80, -p=80:80,
// -p 80:80), booleans accept =true and =false, a scalar given twice counts once, the last. CLI11 binds what was read.
// Only the options that a command line mentions are ever given to CLI11: describing a hundred of them costs microseconds,
// building them into a parser a millisecond.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::cli {

using Words = std::vector<std::string>;

/// What a word stands for, which is what completion offers for it.
enum class Values {
    none,
    file,
    folder,
    container,
    running,
    stopped,
    image,
    network,
    volume,
    signal,
    capability,
    container_or_image,
    container_path,
    command,
    format
};

/// How an option is shown and completed. `choices`: "always|missing|never".
struct Option {
    std::string_view names;  ///< "-e,--env"; further long names are hidden aliases
    std::string_view value;  ///< "KEY=VALUE"; empty: a flag
    std::string_view help;
    Values values = Values::none;
    std::string_view choices;
    bool is_list = false;
    bool is_hidden = false;
    std::function<Result<void>(const std::string&)> set;

    bool is_flag() const { return value.empty(); }
    std::string_view long_name() const;  ///< without the dashes
    char short_name() const;             ///< 0 when there is none
    bool has_name(std::string_view long_name) const;
};

struct Example {
    std::string_view command;
    std::string_view what;
};

class Parser {
public:
    // --- describing ----------------------------------------------------------------------------------------------------
    /// "CONTAINER [CONTAINER...]" and how many there must be; -1: no limit.
    void usage(std::string_view synopsis, int least, int most, Values values = Values::none);
    /// What all arguments but the first stand for, where that is something else.
    void later_arguments_are(Values values) { later_values_ = values; }
    /// Options end at the first word that is none: what follows belongs to the program (run, exec, create).
    void options_end_at_first_word() { ends_at_first_word_ = true; }
    void about(std::string_view text) { about_ = text; }
    void example(std::string_view command, std::string_view what) { examples_.push_back({command, what}); }
    void see_also(std::string_view names) { see_also_ = names; }

    void flag(std::string_view names, bool& into, std::string_view help);
    void flag(std::string_view names, std::optional<bool>& into, std::string_view help);
    void text(std::string_view names, std::string& into, std::string_view value, std::string_view help,
              Values values = Values::none);
    void text(std::string_view names, std::optional<std::string>& into, std::string_view value, std::string_view help,
              Values values = Values::none);
    /// One of "a|b|c", nothing else.
    void choice(std::string_view names, std::string& into, std::string_view choices, std::string_view help);
    /// May be given several times.
    void list(std::string_view names, Words& into, std::string_view value, std::string_view help, Values values = Values::none);
    /// A list whose elements are also split at commas (docker: StringSlice).
    void comma_list(std::string_view names, Words& into, std::string_view value, std::string_view help,
                    Values values = Values::none);
    template <class T>
    void parsed(std::string_view names, std::optional<T>& into, Result<T> (*convert)(std::string_view), std::string_view value,
                std::string_view help) {
        add({names, value, help, Values::none, {}, false, false, [&into, convert](const std::string& text) -> Result<void> {
                 into = TRY(convert(text));
                 return {};
             }});
    }
    template <class T>
    void parsed(std::string_view names, T& into, Result<T> (*convert)(std::string_view), std::string_view value,
                std::string_view help) {
        add({names, value, help, Values::none, {}, false, false, [&into, convert](const std::string& text) -> Result<void> {
                 into = TRY(convert(text));
                 return {};
             }});
    }
    /// Taken for docker's sake and without an effect: one warning that says why. `value` empty: a flag.
    void ignored(std::string_view names, std::string_view value, std::string_view why);
    /// Known to docker, refused here with the reason.
    void refused(std::string_view names, std::string_view value, std::string_view why);
    void add(Option option) { options_.push_back(std::move(option)); }
    /// What the last described option completes to, when its description has no room for it.
    void last_completes(Values values) { options_.back().values = values; }
    void last_choices(std::string_view choices) { options_.back().choices = choices; }
    /// Refuses bad values of it when the line is read: the error says what would be good.
    void last_checks(std::function<Result<void>(const std::string&)> check);
    void last_is_hidden() { options_.back().is_hidden = true; }

    // --- reading -------------------------------------------------------------------------------------------------------
    /// Sets what the options were bound to and returns the words that are none. `wants_help` when --help was among them:
    /// then nothing else counts. Kind::invalid for an unknown option or a bad value.
    struct Parsed {
        Words arguments;
        bool wants_help = false;
    };
    Result<Parsed> parse(const Words& words) const;
    /// "requires at least 1 argument" and its like, or nothing.
    std::optional<std::string> count_complaint(std::size_t arguments) const;

    // --- showing -------------------------------------------------------------------------------------------------------
    const std::vector<Option>& options() const { return options_; }
    const std::vector<Example>& examples() const { return examples_; }
    std::string_view synopsis() const { return synopsis_; }
    std::string_view description() const { return about_; }
    std::string_view see_also() const { return see_also_; }
    /// Of the argument behind so many others.
    Values argument_values(std::size_t others = 0) const { return others == 0 ? argument_values_ : later_values_; }
    bool ends_at_first_word() const { return ends_at_first_word_; }
    const Option* find_long(std::string_view name) const;
    const Option* find_short(char name) const;

private:
    std::vector<Option> options_;
    std::vector<Example> examples_;
    std::string_view synopsis_;
    std::string_view about_;
    std::string_view see_also_;
    int least_ = 0;
    int most_ = 0;
    Values argument_values_ = Values::none;
    Values later_values_ = Values::none;
    bool ends_at_first_word_ = false;
};

Result<bool> parse_boolean(std::string_view text);

}  // namespace berth::cli
