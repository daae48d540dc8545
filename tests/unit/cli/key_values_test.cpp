#include "cli/key_values.h"

#include <criterion/criterion.h>
#include <cstdlib>

#include "cli/texts.h"

using namespace berth;
using namespace berth::cli;

namespace {

std::string lines_of(std::string_view text) {
    const auto parsed = parse_key_value_file("f", text);
    return parsed.ok() ? join_text(parsed.value(), "|") : parsed.error().text();
}
void expect(const std::string& found, const std::string& wanted) { cr_expect_str_eq(found.c_str(), wanted.c_str()); }

}  // namespace

TestSuite(cli_key_values, .timeout = 5);

Test(cli_key_values, values_stand_as_they_are) { expect(lines_of("A=\"q\" # x \nB='y'\n"), "A=\"q\" # x |B='y'"); }
Test(cli_key_values, comments_blank_lines_and_leading_blanks_go) { expect(lines_of("# c\n\n  A=1\n\t# d\nB=2\r\n"), "A=1|B=2"); }
Test(cli_key_values, a_byte_order_mark_is_dropped) {
    expect(lines_of("\xef\xbb\xbf"
                    "A=1"),
           "A=1");
}
Test(cli_key_values, a_blank_in_a_name_is_refused_with_its_line) {
    expect(lines_of("A=1\nB C=2"), "f:2: name 'B C' contains a blank");
}
Test(cli_key_values, a_missing_name_is_refused) { expect(lines_of("=x"), "f:1: no name in front of '='"); }
Test(cli_key_values, a_bare_variable_is_the_callers_or_nothing) {
    ::setenv("BERTH_TEST_SET", "v", 1);
    ::unsetenv("BERTH_TEST_UNSET");
    const auto env = read_environment({}, {"BERTH_TEST_SET", "BERTH_TEST_UNSET", "E="});
    cr_assert(env.ok());
    expect(join_text(env.value(), "|"), "BERTH_TEST_SET=v|E=");
}
Test(cli_key_values, a_bare_label_is_empty) {
    const auto labels = read_labels({}, {"a", "b=c=d"});
    cr_assert(labels.ok());
    expect(labels.value().at("a"), "");
    expect(labels.value().at("b"), "c=d");
}
Test(cli_key_values, csv_fields_may_be_quoted) {
    expect(join_text(parse_csv("a,\"b,c\",d\"\"").value(), "|"), "a|b,c|d");
    cr_expect(!parse_csv("a,\"b").ok());
}
