#include "cli/parser.h"

#include <criterion/criterion.h>

#include "cli/texts.h"

using namespace berth;
using namespace berth::cli;

namespace {

struct Options {
    bool detach = false, interactive = false, tty = false;
    std::string name;
    std::optional<std::string> entrypoint;
    Words env, publish;
    std::optional<std::int64_t> memory;
};

struct Outcome {
    Options options;
    Words arguments;
    std::string error, hint;
    bool wants_help = false;
};

Outcome read(const Words& words, bool ends_at_first_word = true) {
    Outcome out;
    Parser parser;
    if (ends_at_first_word) parser.options_end_at_first_word();
    parser.flag("-d,--detach", out.options.detach, "");
    parser.flag("-i,--interactive", out.options.interactive, "");
    parser.flag("-t,--tty", out.options.tty, "");
    parser.text("--name", out.options.name, "NAME", "a name");
    parser.text("--entrypoint", out.options.entrypoint, "PROGRAM", "");
    parser.list("-e,--env", out.options.env, "KEY=VALUE", "");
    parser.list("-p,--publish", out.options.publish, "PORT", "");
    parser.parsed<std::int64_t>("-m,--memory", out.options.memory, parse_size, "SIZE", "");
    parser.refused("--host", "ADDRESS", "there is no daemon");
    auto parsed = parser.parse(words);
    if (!parsed.ok()) {
        out.error = parsed.error().text();
        out.hint = parsed.error().hint();
    } else {
        out.arguments = parsed.value().arguments;
        out.wants_help = parsed.value().wants_help;
    }
    return out;
}

void expect_words(const Words& found, const std::string& wanted) {
    const std::string joined = join_text(found, "|");
    cr_expect_str_eq(joined.c_str(), wanted.c_str());
}
void expect_error(const Words& words, const std::string& wanted) {
    const Outcome out = read(words);
    cr_expect_str_eq(out.error.c_str(), wanted.c_str());
}

}  // namespace

TestSuite(cli_parser, .timeout = 5);

Test(cli_parser, short_flags_combine) {
    const Outcome out = read({"-dit", "image"});
    cr_expect(out.options.detach && out.options.interactive && out.options.tty);
    expect_words(out.arguments, "image");
}
Test(cli_parser, options_end_at_the_first_word) {
    const Outcome out = read({"-d", "image", "-t", "--name", "x"});
    cr_expect(!out.options.tty);
    expect_words(out.arguments, "image|-t|--name|x");
}
Test(cli_parser, options_may_follow_words_elsewhere) {
    const Outcome out = read({"a", "-d", "b"}, false);
    cr_expect(out.options.detach);
    expect_words(out.arguments, "a|b");
}
Test(cli_parser, two_dashes_end_options) {
    const Outcome out = read({"a", "--", "-d", "--name"}, false);
    cr_expect(!out.options.detach);
    expect_words(out.arguments, "a|-d|--name");
}
Test(cli_parser, values_stand_apart_attached_or_behind_an_equals_sign) {
    expect_words(read({"-p", "80:80", "-p81:81", "-p=82:82", "--publish=83:83", "--publish", "84:84", "i"}).options.publish,
                 "80:80|81:81|82:82|83:83|84:84");
}
Test(cli_parser, a_value_may_begin_with_a_dash_or_hold_an_equals_sign) {
    expect_words(read({"-e", "-x", "-e", "A=b=c", "--env==d", "i"}).options.env, "-x|A=b=c|=d");
}
Test(cli_parser, a_flag_group_may_end_in_an_option_with_a_value) {
    const Outcome out = read({"-itp", "80", "i"});
    cr_expect(out.options.tty);
    expect_words(out.options.publish, "80");
}
Test(cli_parser, booleans_take_values) {
    cr_expect(!read({"--detach=false", "i"}).options.detach);
    cr_expect(read({"-d=true", "i"}).options.detach);
    expect_error({"--detach=maybe", "i"}, "invalid argument 'maybe' for -d, --detach: neither true nor false");
}
Test(cli_parser, the_last_of_a_scalar_counts) {
    const Outcome out = read({"--name", "a", "--name", "b", "i"});
    cr_expect_str_eq(out.options.name.c_str(), "b");
}
Test(cli_parser, an_empty_value_is_a_value) {
    const Outcome out = read({"--entrypoint", "", "i"});
    cr_assert(out.options.entrypoint.has_value());
    cr_expect(out.options.entrypoint->empty());
    cr_expect(read({"--entrypoint=", "i"}).options.entrypoint.has_value());
    cr_expect(!read({"i"}).options.entrypoint.has_value());
}
Test(cli_parser, an_unknown_option_suggests_the_nearest) {
    const Outcome out = read({"--nane", "x", "i"});
    cr_expect_str_eq(out.error.c_str(), "unknown flag: --nane");
    cr_expect_str_eq(out.hint.c_str(), "did you mean '--name'?");
    expect_error({"-dx", "i"}, "unknown shorthand flag: 'x' in -dx");
}
Test(cli_parser, a_missing_value_is_told) {
    expect_error({"--name"}, "flag needs an argument: --name");
    expect_error({"-p"}, "flag needs an argument: 'p' in -p");
}
Test(cli_parser, a_bad_value_names_the_option) {
    expect_error({"-m", "lots", "i"}, "invalid argument 'lots' for -m, --memory: invalid size 'lots'");
}
Test(cli_parser, refused_options_say_why) {
    expect_error({"--host", "x", "i"}, "invalid argument 'x' for --host: there is no daemon");
}
Test(cli_parser, help_is_asked_for_anywhere_before_the_words) {
    cr_expect(read({"--help"}).wants_help);
    cr_expect(read({"-d", "-h"}).wants_help);
    cr_expect(!read({"i", "--help"}).wants_help);
}
Test(cli_parser, argument_counts_are_judged) {
    Parser parser;
    parser.usage("A B", 2, 2);
    const auto complaint = parser.count_complaint(1);
    cr_assert(complaint.has_value());
    cr_expect_str_eq(complaint->c_str(), "requires exactly 2 arguments");
    cr_expect(!parser.count_complaint(2).has_value());
}
