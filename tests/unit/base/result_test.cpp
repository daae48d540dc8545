#include "base/result.h"

#include <cerrno>
#include <csignal>

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_result, .timeout = 5);

namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return Error(Kind::invalid, cat("'", number, "' is odd"));
    return number / 2;
}
Result<int> quarter(int number) {
    const int once = TRY(half(number), "first half of ", number);
    return TRY(half(once), "second half");
}
Result<void> opened(int code) {
    TRY(Result<void>(Error::of_errno(code, "open")), "stage");
    return {};
}

}  // namespace

Test(base_result, try_gives_the_value) {
    const auto got = quarter(12);
    cr_assert(got.ok());
    cr_expect_eq(got.value(), 3);
}

Test(base_result, try_puts_its_parts_in_front_of_the_error) {
    const std::string first = quarter(7).error().text(), second = quarter(6).error().text();
    cr_expect_str_eq(first.c_str(), "first half of 7: '7' is odd");
    cr_expect_str_eq(second.c_str(), "second half: '3' is odd");
}

Test(base_result, an_errno_brings_its_words_kind_and_code) {
    const auto failed = opened(ENOENT);
    const std::string text = failed.error().text();
    cr_expect_str_eq(text.c_str(), "stage: open: No such file or directory");
    cr_expect_eq(failed.error().kind(), Kind::not_found);
    cr_expect_eq(failed.error().code(), ENOENT);
}

Test(base_result, kinds_follow_from_the_errno) {
    cr_expect_eq(opened(EEXIST).error().kind(), Kind::exists);
    cr_expect_eq(opened(EADDRINUSE).error().kind(), Kind::exists);
    cr_expect_eq(opened(EPERM).error().kind(), Kind::denied);
    cr_expect_eq(opened(EROFS).error().kind(), Kind::denied);
    cr_expect_eq(opened(ELOOP).error().kind(), Kind::invalid);
    cr_expect_eq(opened(EBUSY).error().kind(), Kind::busy);
    cr_expect_eq(opened(ENOSYS).error().kind(), Kind::unsupported);
    cr_expect_eq(opened(EIO).error().kind(), Kind::system);
}

Test(base_result, an_unknown_errno_still_makes_a_sentence) {
    const std::string text = Error::of_errno(9999, "ioctl").text();
    cr_expect_str_eq(text.c_str(), "ioctl: unknown error");
}

Test(base_result, an_errno_without_a_call_is_only_its_words) {
    const std::string text = Error::of_errno(EIO, "").text();
    cr_expect_str_eq(text.c_str(), "Input/output error");
}

Test(base_result, the_first_hint_is_nearest_to_the_cause_and_stays) {
    const Error error = Error(Kind::busy, "busy").with_hint("stop it").context("rm").with_hint("try later");
    cr_expect_str_eq(error.hint().c_str(), "stop it");
    cr_expect_str_eq(error.text().c_str(), "rm: busy");
}

Test(base_result, a_kind_can_be_corrected) {
    const Error error = Error::of_errno(ENOSPC, "mount").with_kind(Kind::unsupported);
    cr_expect_eq(error.kind(), Kind::unsupported);
    cr_expect_eq(error.code(), ENOSPC);
}

Test(base_result, an_error_knows_the_line_that_made_it) {
    const Error error(Kind::internal, "x");
    cr_expect_eq(error.where().line(), static_cast<unsigned>(__LINE__ - 1));
}

Test(base_result, value_or_gives_the_other_on_failure) {
    cr_expect_eq(half(8).value_or(-1), 4);
    cr_expect_eq(half(7).value_or(-1), -1);
}

Test(base_result, a_value_that_only_moves_passes_through_try) {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
    const auto pass_on = [&]() -> Result<std::unique_ptr<int>> {
        std::unique_ptr<int> held = TRY(make());
        return held;
    };
    cr_expect_eq(*pass_on().value(), 5);
}

Test(base_result, taking_the_value_of_a_failure_is_a_bug_that_aborts, .signal = SIGABRT) { (void)half(7).value(); }
