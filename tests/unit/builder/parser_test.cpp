#include "builder/dockerfile.h"

#include <algorithm>
#include <filesystem>

#include <criterion/criterion.h>

#include "builder/words.h"
#include "tests/unit/builder/buildkit.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_parser, .timeout = 10);

namespace {

std::vector<std::string> folders_in(const std::string& path) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

std::string tree(const std::string& text) {
    const auto file = parse_dockerfile(text, "Dockerfile");
    return file.ok() ? dump_tree(file.value()) : "error: " + file.error().text() + "\n";
}

void expect(const std::string& text, const std::string& wanted) {
    const std::string got = tree(text);
    cr_expect(got == wanted + "\n", "expected\n%s\ngot\n%s", wanted.c_str(), got.c_str());
}

}  // namespace

Test(builder_parser, agrees_with_every_golden_file_of_buildkit) {
    const std::string folder = support::checkout_path("BERTH_BUILDKIT", "frontend/dockerfile/parser/testfiles");
    const auto names = folders_in(folder);
    for (const std::string& name : names) {
        const std::string got = tree(support::read_file(folder + "/" + name + "/Dockerfile"));
        const std::string wanted = support::read_file(folder + "/" + name + "/result");
        cr_expect(got == wanted, "%s: expected\n%s\ngot\n%s", name.c_str(), wanted.c_str(), got.c_str());
    }
    cr_expect_geq(names.size(), 33u);
}

Test(builder_parser, refuses_every_negative_file_of_buildkit) {
    const std::string folder = support::checkout_path("BERTH_BUILDKIT", "frontend/dockerfile/parser/testfiles-negative");
    for (const std::string& name : folders_in(folder))
        cr_expect(!parse_dockerfile(support::read_file(folder + "/" + name + "/Dockerfile"), name).ok(), "%s is taken", name.c_str());
}

Test(builder_parser, keeps_the_lines_that_buildkit_keeps) {
    const auto file = parse_dockerfile(support::read_file(support::checkout_path("BERTH_BUILDKIT", "frontend/dockerfile/parser/testfile-line/Dockerfile")), "Dockerfile");
    cr_assert(file.ok());
    std::vector<std::pair<int, int>> lines;
    for (const Node& node : file.value().nodes) lines.emplace_back(node.first_line, node.last_line);
    cr_expect(lines == (std::vector<std::pair<int, int>>{{5, 5}, {11, 12}, {17, 31}}));
}

Test(builder_parser, keywords_have_no_case) { expect("From x\nrUn y\n", "(from \"x\")\n(run \"y\")"); }
Test(builder_parser, a_byte_order_mark_and_carriage_returns_are_dropped) { expect("\xEF\xBB\xBF" "FROM x\r\nRUN a \\\r\n b\r\n", "(from \"x\")\n(run \"a  b\")"); }
Test(builder_parser, a_comment_inside_a_continuation_is_removed_and_does_not_continue) {
    expect("FROM x\nRUN a \\\n# no \\\n  # no\n b # yes\n", "(from \"x\")\n(run \"a  b # yes\")");
}
Test(builder_parser, blanks_may_follow_the_continuation_mark) { expect("FROM x\nRUN a \\ \t \n b\n", "(from \"x\")\n(run \"a  b\")"); }
Test(builder_parser, two_escapes_do_not_continue) { expect("FROM x\nRUN a \\\\\nRUN b\n", "(from \"x\")\n(run \"a \\\\\\\\\")\n(run \"b\")"); }
Test(builder_parser, a_lone_escape_continues) { expect("FROM x\nRUN a \\\n\\\n && b\n", "(from \"x\")\n(run \"a  && b\")"); }
Test(builder_parser, an_escape_at_the_end_is_dropped) { expect("FROM x\nRUN a \\", "(from \"x\")\n(run \"a\")"); }
Test(builder_parser, an_empty_line_in_a_continuation_is_a_warning) {
    const auto file = parse_dockerfile("FROM x\nRUN a \\\n\n b\n", "Dockerfile");
    cr_assert_eq(file.value().warnings.size(), 1u);
    cr_expect_eq(file.value().warnings[0].first_line, 4);
}
Test(builder_parser, the_escape_directive_changes_the_escape) { expect("# escape=`\nFROM x\nRUN a `\n b\\\n", "(from \"x\")\n(run \"a  b\\\\\")"); }
Test(builder_parser, a_directive_behind_a_comment_is_a_comment) { expect("# hello\n# escape=`\nFROM x\nRUN a `\nRUN b\n", "(from \"x\")\n(run \"a `\")\n(run \"b\")"); }
Test(builder_parser, a_directive_given_twice_is_refused) { expect("# escape=`\n# escape=`\nFROM x\n", "error: Dockerfile:2: only one 'escape' directive can be used"); }
Test(builder_parser, a_wrong_escape_is_refused) { expect("# escape=x\nFROM x\n", "error: Dockerfile:1: invalid escape character 'x': expected \\ or `"); }
Test(builder_parser, syntax_and_check_are_read) {
    const auto file = parse_dockerfile("# Syntax = docker/dockerfile:1\n# check=skip=all;error=true\nFROM x\n", "Dockerfile");
    cr_expect_str_eq(file.value().directives.syntax.c_str(), "docker/dockerfile:1");
    cr_expect_str_eq(file.value().directives.check.c_str(), "skip=all;error=true");
}
Test(builder_parser, an_empty_file_is_refused) { expect("# nothing\n\n", "error: Dockerfile: the file has no instructions"); }
Test(builder_parser, a_line_that_is_too_long_is_refused) {
    expect("FROM x\nRUN " + std::string(65536, 'a') + "\n", "error: Dockerfile:2: the line has 65541 bytes, at most 65535 are allowed");
}
Test(builder_parser, json_that_is_none_is_text) { expect("FROM x\nCMD ['a']\nCMD [\"a\", \"b\"] c\n", "(from \"x\")\n(cmd \"['a']\")\n(cmd \"[\\\"a\\\", \\\"b\\\"] c\")"); }
Test(builder_parser, json_with_other_than_strings_is_refused) { expect("FROM x\nCMD [\"a\", 1]\n", "error: Dockerfile:2: the JSON array [\"a\", 1] may hold strings only"); }
Test(builder_parser, flags_end_at_two_dashes) { expect("FROM x\nRUN --network=none -- --x\n", "(from \"x\")\n(run [\"--network=none\"] \"--x\")"); }
Test(builder_parser, flags_may_be_quoted) { expect("FROM x\nCOPY --from=\"a b\" c d\n", "(from \"x\")\n(copy [\"--from=a b\"] \"c\" \"d\")"); }
Test(builder_parser, env_without_a_value_is_refused) { expect("FROM x\nENV FOO\n", "error: Dockerfile:2: ENV 'FOO' has no value: expected ENV FOO=VALUE"); }
Test(builder_parser, env_with_a_word_without_equals_is_refused) { expect("FROM x\nENV A=b c\n", "error: Dockerfile:2: ENV 'c' has no '=': expected NAME=VALUE"); }
Test(builder_parser, env_in_the_old_form_takes_the_rest_of_the_line) { expect("FROM x\nENV ONE TWO= THREE=world\n", "(from \"x\")\n(env \"ONE\" \"TWO= THREE=world\" \"\")"); }
Test(builder_parser, onbuild_holds_an_instruction) { expect("FROM x\nONBUILD COPY --chown=1 a b\n", "(from \"x\")\n(onbuild (copy [\"--chown=1\"] \"a\" \"b\"))"); }

Test(builder_parser, heredocs_are_taken_raw_and_in_order) {
    const auto file = parse_dockerfile("FROM x\nCOPY <<A <<-\"B\" /d/\n# $x \\\nA\n\tb\n\tB\nRUN c\n", "Dockerfile");
    cr_assert(file.ok());
    const Node& copy = file.value().nodes[1];
    cr_expect(copy.heredocs == (std::vector<Heredoc>{{"A", "# $x \\\n", true, false, 0}, {"B", "\tb\n", false, true, 0}}));
    cr_expect_eq(copy.first_line, 2);
    cr_expect_eq(copy.last_line, 6);
    cr_expect_eq(file.value().nodes.size(), 3u);
}
Test(builder_parser, a_heredoc_without_end_is_refused) { expect("FROM x\nRUN <<E\na\n", "error: Dockerfile:2: the heredoc '<<E' has no end: expected a line 'E'"); }
Test(builder_parser, json_has_no_heredocs) { expect("FROM x\nRUN [\"cat\", \"<<E\"]\n", "(from \"x\")\n(run \"cat\" \"<<E\")"); }
Test(builder_parser, three_less_than_signs_are_no_heredoc) { expect("FROM x\nRUN cat <<< E\n", "(from \"x\")\n(run \"cat <<< E\")"); }
Test(builder_parser, the_excerpt_marks_the_lines) {
    const auto file = parse_dockerfile("FROM x\nRUN a\nRUN b\nRUN c\n", "Dockerfile");
    const std::string got = make_excerpt(file.value(), 3, 3);
    cr_expect_str_eq(got.c_str(),
                     "Dockerfile:3\n--------------------\n   1 |     FROM x\n   2 |     RUN a\n   3 | >>> RUN b\n   4 |     RUN c\n--------------------\n");
}
