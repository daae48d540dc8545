#include "base/visible.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_visible, .timeout = 5);

namespace {

void expect(const std::string& text, const std::string& wanted) {
    const std::string shown = visible_text(text);
    cr_expect_str_eq(shown.c_str(), wanted.c_str());
}

}  // namespace

Test(base_visible, words_lines_and_columns_stay) { expect("a\tb\nGröße 容器 \xf0\x9f\x9a\xa2", "a\tb\nGröße 容器 \xf0\x9f\x9a\xa2"); }
Test(base_visible, what_a_terminal_obeys_is_spelled_out) {
    expect("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    expect("over\rwritten\b\x7f", "over\\x0dwritten\\x08\\x7f");
}
Test(base_visible, so_are_the_controls_of_eight_bits_in_every_coding) {
    expect("\xc2\x9b" "2J", "\\x9b2J");
    expect("\x9b" "2J", "\\x9b2J");
    expect("\xe5\x9b" "2J", "\xe5\\x9b2J");
    expect("\xf0\x9f\x9b", "\xf0\\x9f\\x9b");
}
Test(base_visible, an_overlong_form_of_one_is_spelled_out_too) { expect("\xc1\x9b", "\xc1\\x9b"); }

namespace {

void expect_output(const std::string& line, bool with_colours, const std::string& wanted) {
    const std::string shown = visible_output(line, with_colours);
    cr_expect_str_eq(shown.c_str(), wanted.c_str());
}

}  // namespace

Test(base_visible, of_what_a_step_wrote_colours_and_returns_pass_and_end_with_the_line) {
    expect_output("10%\r\x1b[1;31mred", true, "10%\r\x1b[1;31mred\x1b[0m");
    expect_output("plain", true, "plain");
}
Test(base_visible, where_colours_do_not_fit_they_are_left_out) { expect_output("\x1b[1;31mred\x1b[0m", false, "red"); }
Test(base_visible, no_other_sequence_passes_with_the_colours) {
    expect_output("\x1b[2J\x1b]0;title\x07\x1b[31", true, "\\x1b[2J\\x1b]0;title\\x07\\x1b[31");
}
