#include "cli/texts.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::cli;

namespace {

void expect_text(const std::string& found, const std::string& wanted) { cr_expect_str_eq(found.c_str(), wanted.c_str()); }
std::string size_error(std::string_view text) {
    const auto parsed = parse_size(text);
    return parsed.ok() ? "accepted" : parsed.error().text();
}
Duration seconds(std::int64_t n) { return Duration::of_seconds(n); }

}  // namespace

TestSuite(cli_texts, .timeout = 5);

Test(cli_texts, decimal_sizes_have_three_digits_and_no_space) {
    expect_text(decimal_size(0), "0B");
    expect_text(decimal_size(999), "999B");
    expect_text(decimal_size(1980000), "1.98MB");
    expect_text(decimal_size(199'400'000), "199MB");
    expect_text(decimal_size(62'830, 4), "62.83kB");
}
Test(cli_texts, a_size_that_rounds_up_to_the_next_unit_takes_that_unit) {
    expect_text(decimal_size(999'600), "1MB");
    expect_text(decimal_size(999'400), "999kB");
}
Test(cli_texts, binary_sizes_have_four_digits) {
    expect_text(binary_size(540 * 1024), "540KiB");
    expect_text(binary_size(25'277'000'000), "23.54GiB");
}
Test(cli_texts, durations_are_dockers_words) {
    expect_text(duration_words({5}), "Less than a second");
    expect_text(duration_words(seconds(1)), "1 second");
    expect_text(duration_words(seconds(59)), "59 seconds");
    expect_text(duration_words(seconds(61)), "About a minute");
    expect_text(duration_words(seconds(59 * 60)), "59 minutes");
    expect_text(duration_words(seconds(3600)), "About an hour");
    expect_text(duration_words(seconds(47 * 3600)), "47 hours");
    expect_text(duration_words(seconds(48 * 3600)), "2 days");
    expect_text(duration_words(seconds(14 * 86400)), "2 weeks");
    expect_text(duration_words(seconds(60 * 86400)), "2 months");
    expect_text(duration_words(seconds(3ll * 365 * 86400)), "3 years");
}
Test(cli_texts, a_moment_that_never_was_has_no_age) {
    expect_text(age_words({0}, {1}), "N/A");
    expect_text(age_words({1'000'000'000}, {6'000'000'000}), "5 seconds ago");
}
Test(cli_texts, sizes_are_read_in_any_case_with_or_without_b) {
    cr_expect_eq(parse_size("512m").value(), 512ll << 20);
    cr_expect_eq(parse_size("512MB").value(), 512ll << 20);
    cr_expect_eq(parse_size("1.5GiB").value(), 3ll << 29);
    cr_expect_eq(parse_size("1048576").value(), 1048576);
    cr_expect_eq(parse_size("10b").value(), 10);
    cr_expect_eq(parse_size("1 k").value(), 1024);
}
Test(cli_texts, what_is_no_size_is_refused) {
    expect_text(size_error(""), "invalid size ''");
    expect_text(size_error("x"), "invalid size 'x'");
    expect_text(size_error("5x"), "invalid size '5x'");
    expect_text(size_error("-5m"), "invalid size '-5m'");
    expect_text(size_error("99999999999g"), "invalid size '99999999999g'");
}
Test(cli_texts, only_swap_may_be_minus_one) {
    cr_expect_eq(parse_size_or_unlimited("-1").value(), -1);
    cr_expect(!parse_size("-1").ok());
}
Test(cli_texts, cpus_become_billionths) {
    cr_expect_eq(parse_cpus("1.5").value(), 1'500'000'000);
    cr_expect_eq(parse_cpus(".5").value(), 500'000'000);
    cr_expect(!parse_cpus("two").ok());
    cr_expect(!parse_cpus("0.0000000001").ok());
}
Test(cli_texts, time_points_are_durations_back_moments_dates_and_seconds) {
    const Moment now{1'000'000'000'000'000'000};
    cr_expect_eq(parse_time_point("10m", now).value().nanoseconds, now.nanoseconds - 600'000'000'000);
    cr_expect_eq(parse_time_point("1700000000.5", now).value().nanoseconds, 1'700'000'000'500'000'000);
    cr_expect_eq(parse_time_point("1970-01-02", now).value().nanoseconds, 86'400'000'000'000);
    cr_expect_eq(parse_time_point("1970-01-01T00:00:01Z", now).value().nanoseconds, 1'000'000'000);
    const auto refused = parse_time_point("soon", now);
    cr_assert(!refused.ok());
    expect_text(refused.error().text(), "invalid time 'soon'");
}
Test(cli_texts, shortening_counts_characters_and_ends_in_an_ellipsis) {
    expect_text(shortened("abcdef", 6), "abcdef");
    expect_text(shortened("abcdefg", 6), "abcde…");
    expect_text(shortened("äöüß", 3), "äö…");
}
Test(cli_texts, wide_characters_take_two_columns) {
    cr_expect_eq(display_width("ab"), 2);
    cr_expect_eq(display_width("修改"), 4);
    cr_expect_eq(display_width("e\xcc\x81"), 1);
}
Test(cli_texts, the_nearest_word_is_found_when_it_is_near) {
    expect_text(nearest_word("statsu", {"status", "start"}), "status");
    expect_text(nearest_word("imgaes", {"images", "image"}), "images");
    expect_text(nearest_word("xyz", {"images", "ps"}), "");
}
