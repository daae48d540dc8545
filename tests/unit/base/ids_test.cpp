#include "base/ids.h"

#include <csignal>
#include <set>

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_ids, .timeout = 5);

namespace {
int number_of(std::string_view text) { return Signal::parse(text).value().number(); }
}  // namespace

Test(base_ids, random_hexadecimal_has_two_digits_a_byte_and_differs) {
    const std::string one = random_hex(32), two = random_hex(32);
    cr_expect_eq(one.size(), 64u);
    cr_expect_neq(one.find_first_not_of("0123456789abcdef"), 0u);
    cr_expect(one != two);
}

Test(base_ids, the_boot_id_is_one_line_of_36) { cr_expect_eq(boot_id().size(), 36u); }

Test(base_ids, a_container_id_is_never_a_number_in_front) {
    // It becomes the host name, and an all-digit host name reads as an address.
    for (int i = 0; i < 1000; ++i) cr_assert_neq(ContainerId::make_random().short_id().find_first_of("abcdef"), std::string_view::npos);
}

Test(base_ids, a_container_id_is_64_hexadecimal_digits) {
    cr_expect(ContainerId::parse(std::string(63, '0') + "a").ok());
    cr_expect_not(ContainerId::parse(std::string(63, 'a')).ok());
    cr_expect_not(ContainerId::parse(std::string(64, 'A')).ok());
    cr_expect_not(ContainerId::parse("../" + std::string(61, 'a')).ok());
}

Test(base_ids, names_are_dockers) {
    cr_expect(ObjectName::parse("web-1_a.b").ok());
    cr_expect(ObjectName::parse("ab").ok());
    const std::string slashed = ObjectName::parse("/web").value().str();
    cr_expect_str_eq(slashed.c_str(), "web");
}

Test(base_ids, names_that_begin_oddly_are_empty_or_hold_a_slash_are_refused) {
    cr_expect_not(ObjectName::parse("").ok());
    cr_expect_not(ObjectName::parse("-a").ok());
    cr_expect_not(ObjectName::parse(".hidden").ok());
    cr_expect_not(ObjectName::parse("a/b").ok());
    cr_expect_not(ObjectName::parse("a b").ok());
    cr_expect_not(ObjectName::parse("..").ok());
}

Test(base_ids, signals_have_numbers_short_and_full_names_in_any_case) {
    cr_expect_eq(number_of("9"), SIGKILL);
    cr_expect_eq(number_of("KILL"), SIGKILL);
    cr_expect_eq(number_of("SIGKILL"), SIGKILL);
    cr_expect_eq(number_of("sigusr1"), SIGUSR1);
}

Test(base_ids, real_time_signals_count_from_the_kernels_ends) {
    cr_expect_eq(number_of("SIGRTMIN"), 34);
    cr_expect_eq(number_of("RTMIN+3"), 37);
    cr_expect_eq(number_of("SIGRTMAX"), 64);
    cr_expect_eq(number_of("RTMAX-2"), 62);
}

Test(base_ids, signals_that_do_not_exist_are_refused) {
    const std::string text = Signal::parse("SIGNOPE").error().text();
    cr_expect_str_eq(text.c_str(), "invalid signal: 'SIGNOPE'");
    cr_expect_not(Signal::parse("").ok());
    cr_expect_not(Signal::parse("0").ok());
    cr_expect_not(Signal::parse("65").ok());
    cr_expect_not(Signal::parse("-9").ok());
    cr_expect_not(Signal::parse("RTMIN-1").ok());
    cr_expect_not(Signal::parse("RTMIN+31").ok());
    cr_expect_not(Signal::parse("9x").ok());
}

Test(base_ids, a_signal_knows_its_name) {
    const std::string kill = Signal::of(SIGKILL).name(), abort = Signal::of(SIGABRT).name(), real_time = Signal::of(37).name();
    cr_expect_str_eq(kill.c_str(), "SIGKILL");
    cr_expect_str_eq(abort.c_str(), "SIGABRT");
    cr_expect_str_eq(real_time.c_str(), "SIGRTMIN+3");
}
