#include "builder/expand.h"

#include <map>

#include <criterion/criterion.h>

#include "tests/unit/builder/buildkit.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_expand, .timeout = 10);

namespace {

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

Lookup lookup_in(const std::map<std::string, std::string>& values) {
    return [&values](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

const std::map<std::string, std::string> some = {{"a", "hello world"}, {"e", ""}, {"path", "/a/b/c.tar.gz"}, {"w", "x y"}};

std::string text_of(const std::string& word, const ExpandOptions& options = {}) {
    const auto done = expand(word, lookup_in(some), options);
    return done.ok() ? done.value().text : "error: " + done.error().text();
}

void expect(const std::string& word, const std::string& wanted) {
    const std::string got = text_of(word);
    cr_expect(got == wanted, "%s: expected '%s', got '%s'", word.c_str(), wanted.c_str(), got.c_str());
}

}  // namespace

Test(builder_expand, agrees_with_buildkit_about_every_row_of_its_variable_table) {
    const std::string table = support::read_file(support::checkout_path("BERTH_BUILDKIT", "frontend/dockerfile/shell/envVarTest"));
    const std::map<std::string, std::string> values = {{"PWD", "/home"}, {"SHELL", "bash"}, {"KOREAN", "한국어"}, {"NULL", ""}};
    int rows = 0;
    for (const std::string& line : support::lines_of(table)) {
        if (line.empty() || line[0] == '#' || trimmed(line).empty()) continue;
        const auto first = line.find('|'), second = line.find('|', first + 1);
        if (trimmed(line.substr(0, first)) == "W") continue;
        const std::string source = trimmed(line.substr(first + 1, second - first - 1)), wanted = trimmed(line.substr(second + 1));
        const auto done = expand(source, lookup_in(values));
        const std::string got = done.ok() ? done.value().text : "error";
        cr_expect(got == wanted, "%s: expected '%s', got '%s'", source.c_str(), wanted.c_str(), got.c_str());
        ++rows;
    }
    cr_expect(rows >= 228, "only %d rows were read", rows);
}

Test(builder_expand, agrees_with_buildkit_about_every_row_of_its_word_table) {
    const std::string table = support::read_file(support::checkout_path("BERTH_BUILDKIT", "frontend/dockerfile/shell/wordsTest"));
    std::map<std::string, std::string> values;
    int rows = 0;
    for (const std::string& line : support::lines_of(table)) {
        if (line.empty() || line[0] == '#') continue;
        if (line.rfind("ENV ", 0) == 0) {
            const auto equals = line.find('=');
            values[line.substr(4, equals - 4)] = line.substr(equals + 1);
            continue;
        }
        const auto bar = line.find('|');
        const auto start = line.find_first_not_of(' ', bar + 1);
        const std::string source = trimmed(line.substr(0, bar)), wanted = start == std::string::npos ? "" : line.substr(start);
        const auto done = expand(source, lookup_in(values));
        std::string got;
        if (!done.ok()) got = "error";
        else for (const std::string& word : done.value().words) got += (got.empty() ? "" : ",") + word;
        cr_expect(got == wanted, "%s: expected '%s', got '%s'", source.c_str(), wanted.c_str(), got.c_str());
        ++rows;
    }
    cr_expect_eq(rows, 24);
}

Test(builder_expand, plain_words_stay) { expect("abc/def", "abc/def"); }
Test(builder_expand, names_end_at_the_first_other_character) { expect("$a.$e.${a}b", "hello world..hello worldb"); }
Test(builder_expand, single_quotes_keep_everything) { expect("'$a \\'", "$a \\"); }
Test(builder_expand, double_quotes_expand_and_keep_other_escapes) { expect("\"$a\\n\\$\"", "hello world\\n$"); }
Test(builder_expand, a_bare_escape_removes_itself) { expect("\\a\\$a", "a$a"); }
Test(builder_expand, unset_is_empty) { expect("[$nothing]", "[]"); }
Test(builder_expand, default_counts_empty_as_unset_with_a_colon_only) { expect("${e:-x}|${e-x}|${n:-x}|${n-x}", "x||x|x"); }
Test(builder_expand, alternative_counts_empty_as_unset_with_a_colon_only) { expect("${e:+x}|${e+x}|${n+x}|${a:+x}", "|x||x"); }
Test(builder_expand, defaults_are_expanded_themselves) { expect("${n:-${m:-$a}}", "hello world"); }
Test(builder_expand, shortest_and_longest_prefix_go) { expect("${path#*/}|${path##*/}", "a/b/c.tar.gz|c.tar.gz"); }
Test(builder_expand, shortest_and_longest_suffix_go) { expect("${path%.*}|${path%%.*}", "/a/b/c.tar|/a/b/c"); }
Test(builder_expand, question_mark_is_one_character) { expect("${a#??}|${a%?}", "llo world|hello worl"); }
Test(builder_expand, the_first_or_every_match_is_replaced) { expect("${path/\\//_}|${path//\\//_}", "_a/b/c.tar.gz|_a_b_c.tar.gz"); }
Test(builder_expand, replacing_is_greedy) { expect("${path/a*c/X}", "/X.tar.gz"); }
Test(builder_expand, a_required_variable_gives_its_message) { expect("${n:?give me n}", "error: n: give me n"); }
Test(builder_expand, a_required_variable_has_a_message_of_its_own) { expect("${e:?}", "error: e: is not allowed to be empty"); }
Test(builder_expand, an_unknown_operator_is_named) { expect("${a^^}", "error: unsupported modifier '^' in ${a…}"); }
Test(builder_expand, a_missing_brace_is_named) { expect("${a", "error: missing '}' after ${"); }
Test(builder_expand, a_missing_name_is_named) { expect("${}", "error: bad substitution: a name is missing in ${}"); }
Test(builder_expand, a_value_is_split_but_a_quoted_one_is_not) {
    const auto done = expand("$a \"$a\"", lookup_in(some));
    cr_assert(done.ok());
    cr_expect(done.value().words == (std::vector<std::string>{"hello", "world", "hello world"}));
}
Test(builder_expand, tells_what_was_used_and_what_was_unset) {
    const auto done = expand("$a ${n:-x}", lookup_in(some));
    cr_expect(done.value().used == std::set<std::string>{"a"});
    cr_expect(done.value().unset == std::set<std::string>{"n"});
}
Test(builder_expand, ignored_quotes_are_characters) {
    const std::string got = text_of("it's \"$w\" \\$w", {.quotes = Quotes::ignore});
    cr_expect_str_eq(got.c_str(), "it's \"x y\" $w");
}
Test(builder_expand, kept_unset_variables_stay_as_written) {
    const std::string got = text_of("$n ${n} ${n:-d}", {.keeps_unset = true});
    cr_expect_str_eq(got.c_str(), "$n ${n} ${n:-d}");
}
Test(builder_expand, a_long_pattern_of_stars_ends_soon) {
    const std::string got = text_of("${path##*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*z}");
    cr_expect_str_eq(got.c_str(), "/a/b/c.tar.gz");
}

Test(builder_expand, variables_that_multiply_are_stopped) {
    std::map<std::string, std::string> values{{"a", std::string(200'000, 'x')}};
    const auto fits = expand("$a$a$a$a$a", lookup_in(values));
    cr_assert(fits.ok());
    cr_expect_eq(fits.value().text.size(), 1'000'000);
    for (const char* word : {"$a$a$a$a$a$a", "${a}${b:-$a$a$a$a$a}", "\"$a$a$a$a$a$a\"", "${a//x/xxxxxx}"}) {
        const auto too_much = expand(word, lookup_in(values));
        cr_assert(!too_much.ok());
        const std::string text = too_much.error().text();
        cr_expect_str_eq(text.c_str(), "variables bring more than 1 MiB");
    }
}
