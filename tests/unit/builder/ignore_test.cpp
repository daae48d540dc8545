#include "builder/ignore.h"

#include <set>

#include <criterion/criterion.h>

#include "base/root.h"
#include "tests/unit/builder/buildkit.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_ignore, .timeout = 10);

namespace {

bool matches(const std::vector<std::string>& patterns, const std::string& path) {
    const auto matcher = IgnoreMatcher::compile(patterns);
    cr_assert(matcher.ok(), "%s", matcher.ok() ? "" : matcher.error().text().c_str());
    const std::string cleaned = clean_path(path);
    return cleaned != "." && matcher.value().matches(cleaned);
}

std::string go_tests() { return support::read_file(support::checkout_path("BERTH_PATTERNMATCHER", "patternmatcher_test.go")); }

void check_rows(const std::vector<support::GoRow>& rows, std::size_t at_least) {
    cr_expect_geq(rows.size(), at_least);
    for (const support::GoRow& row : rows) {
        if (row.strings.size() < 2 || row.words.empty()) continue;
        const std::string wanted = row.words.back();
        const std::vector<std::string> patterns(row.strings.begin(), row.strings.end() - 1);
        const std::string got = matches(patterns, row.strings.back()) ? "true" : "false";
        cr_expect(got == wanted, "%s on %s: expected %s", patterns[0].c_str(), row.strings.back().c_str(), wanted.c_str());
    }
}

}  // namespace

Test(builder_ignore, agrees_with_the_table_of_single_patterns) { check_rows(support::go_rows(go_tests(), "tests := []matchesTestCase"), 60); }
Test(builder_ignore, agrees_with_the_table_of_several_patterns) { check_rows(support::go_rows(go_tests(), "multiPatternTests := []multiPatternTestCase"), 4); }
// One row takes "a[" because its text is shorter than the pattern; here a pattern is malformed whatever it is held against.
Test(builder_ignore, agrees_with_the_table_of_filepath_match) {
    const auto rows = support::go_rows(go_tests(), "var matchTests = []matchTest");
    cr_expect_geq(rows.size(), 50u);
    std::set<std::string> malformed;
    for (const support::GoRow& row : rows)
        if (row.words.back() == "ErrBadPattern") malformed.insert(row.strings[0]);
    for (const support::GoRow& row : rows) {
        const auto matcher = IgnoreMatcher::compile({row.strings[0]});
        cr_expect(matcher.ok() != (malformed.count(row.strings[0]) != 0), "%s: malformed or not?", row.strings[0].c_str());
        if (!matcher.ok()) continue;
        cr_expect(matcher.value().matches(row.strings[1]) == (row.words[0] == "true"), "%s on %s", row.strings[0].c_str(), row.strings[1].c_str());
    }
}

Test(builder_ignore, a_star_stops_at_a_slash) {
    const Glob glob = Glob::compile("a*", Glob::Dialect::path).value();
    cr_expect(glob.matches("ab") && !glob.matches("ab/c"));
}
Test(builder_ignore, a_name_means_the_top_only) { cr_expect(matches({"a"}, "a") && !matches({"a"}, "b/a")); }
Test(builder_ignore, a_folder_takes_its_content_along) { cr_expect(matches({"a/"}, "a/b/c")); }
Test(builder_ignore, two_stars_mean_any_depth) { cr_expect(matches({"**/*.md"}, "x.md") && matches({"**/*.md"}, "a/b/x.md")); }
Test(builder_ignore, the_last_match_wins) { cr_expect(!matches({"*.log", "!keep.log"}, "keep.log") && matches({"!keep.log", "*.log"}, "keep.log")); }
Test(builder_ignore, an_exception_brings_back_below_an_excluded_folder) { cr_expect(!matches({"docs", "!docs/README.md"}, "docs/README.md")); }
Test(builder_ignore, a_bare_exclamation_mark_is_refused) {
    const auto matcher = IgnoreMatcher::compile({"!"});
    cr_assert(!matcher.ok());
    cr_expect_str_eq(matcher.error().text().c_str(), "the pattern '!' excepts nothing");
}
Test(builder_ignore, a_malformed_pattern_is_named) {
    const auto matcher = IgnoreMatcher::compile({"a[b"});
    cr_assert(!matcher.ok());
    cr_expect_str_eq(matcher.error().text().c_str(), "malformed pattern 'a[b': '[' has no ']'");
}
Test(builder_ignore, the_file_is_cleaned_line_by_line) {
    const auto patterns = parse_ignore_file("\xEF\xBB\xBF# c\n /a/b/../c/ \n\n! /x\n #no\n/\n!\n");
    cr_expect(patterns == (std::vector<std::string>{"a/c", "!x", "#no", "/", "!"}));
}
Test(builder_ignore, a_walk_that_carries_its_parent_agrees) {
    const auto matcher = IgnoreMatcher::compile({"a", "!a/b", "a/b/c"}).value();
    IgnoreMatcher::Parent top, a, b, c;
    cr_expect(matcher.matches("a", top, a));
    cr_expect(!matcher.matches("a/b", a, b));
    cr_expect(matcher.matches("a/b/c", b, c));
    cr_expect(!matcher.matches("a/b/d", b, c));
}
Test(builder_ignore, an_excluded_folder_is_skipped_unless_an_exception_may_lie_below) {
    const auto matcher = IgnoreMatcher::compile({"*", "!a/b/c", "!d*/e"}).value();
    cr_expect(!matcher.may_prune("a"));
    cr_expect(!matcher.may_prune("a/b"));
    cr_expect(matcher.may_prune("a/x"));
    cr_expect(!matcher.may_prune("dd"));
    cr_expect(matcher.may_prune("z"));
}
