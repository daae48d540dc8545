#include "cli/terminal.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::cli;

TestSuite(cli_terminal, .timeout = 5);

Test(cli_terminal, detach_keys_are_letters_and_controls) {
    cr_expect_str_eq(parse_detach_keys("ctrl-p,ctrl-q").value().c_str(), "\x10\x11");
    cr_expect_str_eq(parse_detach_keys("a,b").value().c_str(), "ab");
    cr_expect_str_eq(parse_detach_keys("ctrl-[").value().c_str(), "\x1b");
    const auto refused = parse_detach_keys("ctrl-1");
    cr_assert(!refused.ok());
    cr_expect_str_eq(refused.error().text().c_str(), "detach keys 'ctrl-1': unknown key 'ctrl-1'");
}
Test(cli_terminal, the_sequence_detaches_and_is_not_passed_on) {
    DetachKeys keys("\x10\x11");
    const auto typed = keys.take("ab\x10\x11 c");
    cr_expect(typed.detached);
    cr_expect_str_eq(typed.bytes.c_str(), "ab");
}
Test(cli_terminal, half_a_sequence_is_passed_on_when_it_goes_elsewhere) {
    DetachKeys keys("\x10\x11");
    cr_expect_str_eq(keys.take("\x10").bytes.c_str(), "");
    const auto typed = keys.take("x");
    cr_expect(!typed.detached);
    cr_expect_str_eq(typed.bytes.c_str(), "\x10x");
}
Test(cli_terminal, the_first_key_twice_begins_again) {
    DetachKeys keys("\x10\x11");
    const auto typed = keys.take("\x10\x10\x11");
    cr_expect(typed.detached);
    cr_expect_str_eq(typed.bytes.c_str(), "\x10");
}
