#include <criterion/criterion.h>

#include <csignal>

#include "container/restart.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_restart, .timeout = 5);

namespace {

constexpr Duration short_run = Duration::of_milliseconds(5);

std::int64_t delay_ms(RestartMachine& machine, int exit_code = 1, Duration lasted = short_run) {
    const auto delay = machine.next_delay(exit_code, lasted);
    return delay ? delay->milliseconds() : -1;
}

}  // namespace

Test(container_restart, no_never_restarts) {
    RestartMachine machine({"no", 0}, 0);
    cr_assert_eq(delay_ms(machine), -1);
}

Test(container_restart, delays_double_from_100_ms_to_60_s) {
    RestartMachine machine({"always", 0}, 0);
    const std::int64_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000};
    for (const std::int64_t ms : expected) cr_expect_eq(delay_ms(machine), ms);
    cr_assert_eq(machine.count(), 12);
}

Test(container_restart, a_run_of_ten_seconds_begins_anew) {
    RestartMachine machine({"always", 0}, 0);
    delay_ms(machine), delay_ms(machine), delay_ms(machine);
    cr_expect_eq(delay_ms(machine, 1, Duration::of_seconds(10)), 100);
    cr_expect_eq(delay_ms(machine), 200);
}

Test(container_restart, on_failure_leaves_a_success_alone) {
    RestartMachine machine({"on-failure", 0}, 0);
    cr_expect_eq(delay_ms(machine, 0), -1);
    cr_expect_eq(delay_ms(machine, 137), 200);
}

Test(container_restart, on_failure_stops_after_its_count_and_long_runs_do_not_reset_that) {
    RestartMachine machine({"on-failure", 2}, 0);
    cr_expect_eq(delay_ms(machine), 100);
    cr_expect_eq(delay_ms(machine, 1, Duration::of_seconds(60)), 100);
    cr_expect_eq(delay_ms(machine), -1);
}

Test(container_restart, always_restarts_a_success_too) {
    RestartMachine machine({"always", 0}, 0);
    cr_assert_eq(delay_ms(machine, 0), 100);
}

Test(container_restart, a_stop_ends_every_policy) {
    RestartMachine machine({"always", 0}, 0);
    machine.cancel();
    cr_assert_eq(delay_ms(machine), -1);
}

Test(container_restart, a_demanded_restart_happens_once_whatever_the_policy) {
    RestartMachine machine({"no", 0}, 0);
    machine.demand();
    cr_expect_eq(delay_ms(machine, 0), 100);
    cr_expect_eq(delay_ms(machine, 0), -1);
}

Test(container_restart, only_the_stop_signal_and_kill_mean_the_end) {
    cr_expect(is_wish_to_end(SIGKILL, SIGTERM));
    cr_expect(is_wish_to_end(SIGTERM, SIGTERM));
    cr_expect(!is_wish_to_end(SIGHUP, SIGTERM));
    cr_expect(is_wish_to_end(SIGQUIT, SIGQUIT));
}

namespace {

Record record_with(std::string policy, bool stopped_by_user, int exit_code) {
    Record record;
    record.definition.host.restart_policy = {std::move(policy), 0};
    record.run.state.has_been_started = true;
    record.run.state.manually_stopped = stopped_by_user;
    record.run.state.exit_code = exit_code;
    return record;
}

}  // namespace

Test(container_restart, always_comes_back_after_a_boot_even_when_stopped) {
    cr_assert(wants_start_at_boot(record_with("always", true, 0)));
}

Test(container_restart, unless_stopped_comes_back_only_when_nobody_stopped_it) {
    cr_expect(wants_start_at_boot(record_with("unless-stopped", false, 0)));
    cr_expect(!wants_start_at_boot(record_with("unless-stopped", true, 0)));
}

Test(container_restart, on_failure_is_judged_by_the_last_exit_at_boot) {
    cr_expect(wants_start_at_boot(record_with("on-failure", false, 255)));
    cr_expect(!wants_start_at_boot(record_with("on-failure", false, 0)));
}

Test(container_restart, what_never_ran_does_not_start_at_boot) {
    Record record = record_with("always", false, 0);
    record.run.state.has_been_started = false;
    cr_assert(!wants_start_at_boot(record));
}
