#include "base/clock.h"

#include <type_traits>

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_clock, .timeout = 5);

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t nanoseconds_of(std::string_view text) {
    const auto parsed = parse_duration(text);
    return parsed.ok() ? parsed.value().nanoseconds : -999;
}
std::string written(std::int64_t nanoseconds) { return duration_text({nanoseconds}); }
std::string moment_again(std::string_view text) { return moment_text(parse_moment(text).value()); }

template <class A, class B>
concept subtractable = requires(A a, B b) { a - b; };
template <class A, class B>
concept comparable = requires(A a, B b) { a < b; };

}  // namespace

// Decisions are made of ticks and durations. That the wall clock has no way into them is the compiler's to see.
static_assert(subtractable<Tick, Tick> && !subtractable<Moment, Moment> && !subtractable<Tick, Moment> && !subtractable<Moment, Tick>);
static_assert(!comparable<Tick, Moment> && !comparable<Moment, Tick>);
static_assert(!std::is_convertible_v<Moment, Tick> && !std::is_convertible_v<Moment, Duration>);

Test(base_clock, durations_are_read_as_go_reads_them) {
    cr_expect_eq(nanoseconds_of("0"), 0);
    cr_expect_eq(nanoseconds_of("1ns"), 1);
    cr_expect_eq(nanoseconds_of("300ms"), 300'000'000);
    cr_expect_eq(nanoseconds_of("1.5h"), 5400 * second);
    cr_expect_eq(nanoseconds_of("2h45m"), 9900 * second);
    cr_expect_eq(nanoseconds_of("-1m"), -60 * second);
    cr_expect_eq(nanoseconds_of("+5s"), 5 * second);
    cr_expect_eq(nanoseconds_of("2us"), 2'000);
    cr_expect_eq(nanoseconds_of("2µs"), 2'000);
    cr_expect_eq(nanoseconds_of(".5s"), second / 2);
}

Test(base_clock, durations_that_are_none_are_refused) {
    for (const char* text : {"", "5", "s", "5x", "--5s", "1h-5m", "5 s", "infs", "nans", "1e3s", "300000h0m0s300000000000h", "0x1s"})
        cr_expect_not(parse_duration(text).ok(), "%s", text);
    const std::string error = parse_duration("30").error().text();
    cr_expect_str_eq(error.c_str(), "invalid duration '30': expected a number with a unit, such as 30s or 1m30s");
}

Test(base_clock, durations_are_written_as_go_writes_them) {
    const std::string texts = cat(written(0), ' ', written(1), ' ', written(1'500), ' ', written(300'000'000), ' ', written(3'723'500'000'000), ' ',
                                  written(60 * second), ' ', written(3600 * second), ' ', written(-1'500'000'000));
    cr_expect_str_eq(texts.c_str(), "0s 1ns 1.5µs 300ms 1h2m3.5s 1m0s 1h0m0s -1.5s");
}

Test(base_clock, the_longest_negative_duration_has_a_text) {
    const std::string text = written(INT64_MIN);
    cr_expect_str_eq(text.c_str(), "-2562047h47m16.854775808s");
}

Test(base_clock, moments_are_written_with_as_many_decimals_as_needed) {
    const std::string whole = moment_text({1'767'225'600 * second}), part = moment_text({1'767'225'600 * second + 670'000'000});
    cr_expect_str_eq(whole.c_str(), "2026-01-01T00:00:00Z");
    cr_expect_str_eq(part.c_str(), "2026-01-01T00:00:00.67Z");
}

Test(base_clock, the_fixed_form_has_nine_decimals) {
    const std::string text = moment_text_fixed({1'767'225'600 * second + 5});
    cr_expect_str_eq(text.c_str(), "2026-01-01T00:00:00.000000005Z");
}

Test(base_clock, never_is_gos_zero_time) {
    const std::string text = moment_text({});
    cr_expect_str_eq(text.c_str(), "0001-01-01T00:00:00Z");
    cr_expect_eq(parse_moment(text).value().nanoseconds, 0);
}

Test(base_clock, moments_before_1970_are_right) {
    const std::string text = moment_again("1969-12-31T23:59:59.5Z");
    cr_expect_str_eq(text.c_str(), "1969-12-31T23:59:59.5Z");
}

Test(base_clock, leap_days_are_kept) {
    const std::string leap = moment_again("2024-02-29T12:00:00Z"), century = moment_again("2000-02-29T00:00:00Z");
    cr_expect_str_eq(leap.c_str(), "2024-02-29T12:00:00Z");
    cr_expect_str_eq(century.c_str(), "2000-02-29T00:00:00Z");
}

Test(base_clock, offsets_dates_and_short_times_are_read) {
    const std::string offset = moment_again("2026-01-01T02:00:00.123456789+02:00"), date = moment_again("2026-01-31"), minutes = moment_again("2026-01-31T10:20");
    cr_expect_str_eq(offset.c_str(), "2026-01-01T00:00:00.123456789Z");
    cr_expect_str_eq(date.c_str(), "2026-01-31T00:00:00Z");
    cr_expect_str_eq(minutes.c_str(), "2026-01-31T10:20:00Z");
}

Test(base_clock, days_and_times_that_do_not_exist_are_refused) {
    for (const char* text : {"2026-02-29", "2025-13-01", "2025-00-10", "2025-04-31", "1900-02-29", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-1-1",
                             "2026-01-01T00:00:00+2", "2026-01-01Tx", "yesterday", ""})
        cr_expect_not(parse_moment(text).ok(), "%s", text);
    const std::string error = parse_moment("soon").error().text();
    cr_expect_str_eq(error.c_str(), "invalid time 'soon': expected RFC 3339, such as 2026-01-31T12:00:00Z");
}

Test(base_clock, ticks_go_forward) {
    const Tick first = tick_now();
    cr_expect(tick_now() >= first);
    cr_expect_eq((first + Duration::of_seconds(2) - first).milliseconds(), 2000);
}
