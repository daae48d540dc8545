#include "cli/table.h"

#include <criterion/criterion.h>

using berth::cli::Table;

TestSuite(cli_table, .timeout = 5);

Test(cli_table, columns_are_ten_wide_at_least_and_three_apart) {
    Table table({"REPOSITORY", "TAG", "SIZE"});
    table.add({"busybox", "latest", "1.98MB"});
    const std::string text = table.text();
    cr_expect_str_eq(text.c_str(), "REPOSITORY   TAG       SIZE\nbusybox      latest    1.98MB\n");
}
Test(cli_table, the_header_stands_alone_when_there_are_no_rows) {
    const std::string text = Table({"DRIVER", "VOLUME NAME"}).text();
    cr_expect_str_eq(text.c_str(), "DRIVER    VOLUME NAME\n");
}
Test(cli_table, wide_characters_keep_columns_straight) {
    Table table({"NAME", "X"});
    table.add({"修改了默认", "1"});
    const std::string text = table.text();
    cr_expect_str_eq(text.c_str(), "NAME         X\n修改了默认   1\n");
}
Test(cli_table, a_column_ends_with_the_last_row_that_has_it) {
    Table table;
    table.add_lines("NAME\nsecond one\tX\nthe second of all\tY\nno column\nz\tZ\n");
    const std::string text = table.text();
    cr_expect_str_eq(text.c_str(), "NAME\nsecond one          X\nthe second of all   Y\nno column\nz         Z\n");
}
