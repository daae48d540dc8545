// docker's health rules (moby daemon/health.go) as a table of sentences, on a clock that the tests turn.

#include <criterion/criterion.h>

#include "base/json.h"
#include "healthcheck/probe.h"

using namespace berth;
using namespace berth::healthcheck;

TestSuite(healthcheck_probe, .timeout = 5);

namespace {

constexpr Tick at(std::int64_t seconds) { return Tick{1'000'000'000'000 + seconds * 1'000'000'000}; }

ProbePlan plan_of(std::int64_t interval, std::int64_t start_period, std::int64_t retries) {
    ProbePlan plan;
    plan.argv = {"true"};
    plan.interval = Duration::of_seconds(interval);
    plan.timeout = Duration::of_seconds(5);
    plan.start_period = Duration::of_seconds(start_period);
    plan.start_interval = Duration::of_seconds(2);
    plan.retries = retries;
    return plan;
}

ProbeResult result_of(int code) { return ProbeResult{Moment{1}, Moment{2}, code, ""}; }

/// One probe that begins and ends in the same second; true when the status changed.
bool probe(Machine& machine, std::int64_t second, int code) {
    machine.probe_began(at(second));
    return machine.probe_ended(at(second), result_of(code));
}

HealthConfig config_of(std::vector<std::string> test) {
    HealthConfig config;
    config.test = std::move(test);
    return config;
}

std::string check_text(const HealthConfig& config) {
    const auto checked = check_config(config);
    return checked.ok() ? "" : checked.error().text();
}

}  // namespace

Test(healthcheck_probe, the_first_probe_comes_one_interval_after_the_start) {
    Machine machine(plan_of(30, 0, 3), {});
    machine.begin(at(0));
    cr_expect(machine.health().status == Status::starting);
    cr_expect(*machine.next_probe() == at(30));
}

Test(healthcheck_probe, while_starting_in_the_start_period_the_start_interval_counts) {
    Machine machine(plan_of(30, 60, 3), {});
    machine.begin(at(0));
    cr_expect(*machine.next_probe() == at(2));
}

Test(healthcheck_probe, the_interval_counts_from_the_end_of_a_probe) {
    Machine machine(plan_of(30, 0, 3), {});
    machine.begin(at(0));
    machine.probe_began(at(30));
    cr_expect(!machine.next_probe().has_value());
    machine.probe_ended(at(34), result_of(0));
    cr_expect(*machine.next_probe() == at(64));
}

Test(healthcheck_probe, one_success_makes_it_healthy_and_ends_starting_for_good) {
    Machine machine(plan_of(30, 60, 1), {});
    machine.begin(at(0));
    cr_expect(probe(machine, 2, 0));
    cr_expect(machine.health().status == Status::healthy);
    cr_expect(*machine.next_probe() == at(32), "the interval applies, not the start interval");
    cr_expect(probe(machine, 32, 1));
    cr_expect(machine.health().status == Status::unhealthy, "failures count although the start period lasts");
}

Test(healthcheck_probe, failures_in_the_start_period_do_not_count) {
    Machine machine(plan_of(30, 60, 1), {});
    machine.begin(at(0));
    cr_expect(!probe(machine, 59, 1));
    cr_expect_eq(machine.health().failing_streak, 0);
    cr_expect(machine.health().status == Status::starting);
    cr_expect_eq(machine.health().log.size(), 1u, "but they are logged");
}

Test(healthcheck_probe, the_moment_a_probe_began_decides_whether_its_failure_counts) {
    Machine machine(plan_of(30, 60, 1), {});
    machine.begin(at(0));
    machine.probe_began(at(59));
    cr_expect(!machine.probe_ended(at(64), result_of(1)));
    machine.probe_began(at(60));
    cr_expect(machine.probe_ended(at(61), result_of(1)));
    cr_expect(machine.health().status == Status::unhealthy);
}

Test(healthcheck_probe, retries_failures_in_a_row_make_it_unhealthy) {
    Machine machine(plan_of(30, 0, 3), {});
    machine.begin(at(0));
    cr_expect(!probe(machine, 30, 1));
    cr_expect(!probe(machine, 60, 2));
    cr_expect(machine.health().status == Status::starting);
    cr_expect(probe(machine, 90, -1));
    cr_expect(machine.health().status == Status::unhealthy);
    cr_expect_eq(machine.health().failing_streak, 3);
    cr_expect(!probe(machine, 120, 1));
    cr_expect_eq(machine.health().failing_streak, 4);
}

Test(healthcheck_probe, a_success_between_failures_starts_the_count_anew) {
    Machine machine(plan_of(30, 0, 2), {});
    machine.begin(at(0));
    probe(machine, 30, 1);
    probe(machine, 60, 0);
    probe(machine, 90, 1);
    cr_expect(machine.health().status == Status::healthy);
    cr_expect_eq(machine.health().failing_streak, 1);
}

Test(healthcheck_probe, an_unhealthy_one_recovers_with_one_success) {
    Machine machine(plan_of(30, 0, 1), {});
    machine.begin(at(0));
    probe(machine, 30, 1);
    cr_expect(probe(machine, 60, 0));
    cr_expect(machine.health().status == Status::healthy);
    cr_expect_eq(machine.health().failing_streak, 0);
}

Test(healthcheck_probe, the_last_five_results_are_kept) {
    Machine machine(plan_of(30, 0, 100), {});
    machine.begin(at(0));
    for (int code = 1; code <= 7; ++code) probe(machine, code * 30, code);
    cr_assert_eq(machine.health().log.size(), 5u);
    cr_expect_eq(machine.health().log.front().exit_code, 3);
    cr_expect_eq(machine.health().log.back().exit_code, 7);
}

Test(healthcheck_probe, a_restart_begins_anew_but_keeps_the_log) {
    Machine first(plan_of(30, 0, 1), {});
    first.begin(at(0));
    probe(first, 30, 1);
    first.end();
    Machine second(plan_of(30, 0, 1), first.health());
    second.begin(at(100));
    cr_expect(second.health().status == Status::starting);
    cr_expect_eq(second.health().failing_streak, 0);
    cr_expect_eq(second.health().log.size(), 1u);
}

Test(healthcheck_probe, the_end_of_the_container_shows_unhealthy) {
    Machine machine(plan_of(30, 0, 3), {});
    machine.begin(at(0));
    probe(machine, 30, 0);
    machine.end();
    cr_expect(machine.health().status == Status::unhealthy);
    cr_expect(!machine.next_probe().has_value());
}

Test(healthcheck_probe, a_pause_stops_probes_and_drops_the_one_under_way) {
    Machine machine(plan_of(30, 0, 1), {});
    machine.begin(at(0));
    machine.probe_began(at(30));
    machine.pause();
    cr_expect(!machine.next_probe().has_value());
    cr_expect(!machine.probe_ended(at(31), result_of(-1)));
    cr_expect_eq(machine.health().log.size(), 0u);
    machine.unpause(at(100));
    cr_expect(*machine.next_probe() == at(130));
}

Test(healthcheck_probe, a_wall_clock_that_is_set_decides_nothing) {
    // The same probes with the host's clock set back by years and forth again, as their results tell.
    Machine steady(plan_of(10, 15, 2), {}), jumping(plan_of(10, 15, 2), {});
    constexpr std::int64_t year = 31'536'000'000'000'000;
    std::int64_t wall = 50 * year;
    steady.begin(at(0));
    jumping.begin(at(0));
    for (const std::int64_t second : {2, 12, 20, 30, 40}) {
        const int code = second < 30 ? 1 : 0;
        wall -= year * (second % 3 == 0 ? -20 : 20);
        for (Machine* machine : {&steady, &jumping}) {
            machine->probe_began(at(second));
            cr_expect(*machine->deadline() == at(second + 5));
        }
        const bool steady_changed = steady.probe_ended(at(second), {Moment{1}, Moment{2}, code, ""});
        const bool jumping_changed = jumping.probe_ended(at(second), {Moment{wall}, Moment{wall - year}, code, ""});
        cr_expect_eq(steady_changed, jumping_changed);
        cr_expect(steady.health().status == jumping.health().status);
        cr_expect_eq(steady.health().failing_streak, jumping.health().failing_streak);
        cr_expect(steady.next_probe() == jumping.next_probe());
    }
    cr_expect(jumping.health().status == Status::healthy);
}

Test(healthcheck_probe, the_deadline_is_the_timeout_after_the_begin) {
    Machine machine(plan_of(30, 0, 1), {});
    machine.begin(at(0));
    cr_expect(!machine.deadline().has_value());
    machine.probe_began(at(30));
    cr_expect(*machine.deadline() == at(35));
}

Test(healthcheck_probe, flags_go_over_the_image_field_by_field) {
    HealthConfig image = config_of({"CMD", "a"});
    image.interval = Duration::of_seconds(7);
    image.retries = 9;
    HealthConfig flags;
    flags.timeout = Duration::of_seconds(2);
    flags.retries = 4;
    const HealthConfig merged = merge_config(image, flags);
    cr_expect(merged.test == image.test);
    cr_expect(merged.interval == Duration::of_seconds(7));
    cr_expect(merged.timeout == Duration::of_seconds(2));
    cr_expect_eq(merged.retries, 4);
}

Test(healthcheck_probe, defaults_are_dockers) {
    const auto plan = make_plan(config_of({"CMD-SHELL", "exit 1"}), {});
    cr_assert(plan.has_value());
    cr_expect(plan->argv == (std::vector<std::string>{"/bin/sh", "-c", "exit 1"}));
    cr_expect(plan->interval == Duration::of_seconds(30));
    cr_expect(plan->timeout == Duration::of_seconds(30));
    cr_expect(plan->start_period == Duration{});
    cr_expect(plan->start_interval == Duration::of_seconds(5));
    cr_expect_eq(plan->retries, 3);
}

Test(healthcheck_probe, the_shell_form_takes_the_images_shell) {
    const auto plan = make_plan(config_of({"CMD-SHELL", "x"}), {"/bin/bash", "-ec"});
    cr_expect(plan->argv == (std::vector<std::string>{"/bin/bash", "-ec", "x"}));
}

Test(healthcheck_probe, a_url_alone_is_a_built_in_probe) {
    const auto plan = make_plan(config_of({"CMD-SHELL", "http://localhost:8080/ready"}), {});
    cr_expect(plan->kind == ProbeKind::http);
    cr_expect(plan->target == "http://localhost:8080/ready");
}

Test(healthcheck_probe, a_command_that_holds_a_url_is_a_command) {
    cr_expect(make_plan(config_of({"CMD-SHELL", "http://x || exit 1"}), {})->kind == ProbeKind::command);
    cr_expect(make_plan(config_of({"CMD", "curl", "http://x"}), {})->kind == ProbeKind::command);
}

Test(healthcheck_probe, none_and_unknown_forms_check_nothing) {
    cr_expect(!make_plan(config_of({}), {}).has_value());
    cr_expect(!make_plan(config_of({"NONE"}), {}).has_value());
    cr_expect(!make_plan(config_of({"HTTP", "x"}), {}).has_value());
}

Test(healthcheck_probe, bad_configurations_are_refused_by_name) {
    HealthConfig config = config_of({"CMD", "x"});
    config.interval = Duration{1000};
    const std::string interval = check_text(config);
    cr_expect_str_eq(interval.c_str(), "health check: interval must be 0 or at least 1ms, not 1µs");
    const std::string form = check_text(config_of({"HTTP", "x"}));
    cr_expect_str_eq(form.c_str(), "health check: unknown form 'HTTP'");
    const std::string none = check_text(config_of({"NONE", "x"}));
    cr_expect_str_eq(none.c_str(), "health check: NONE takes no arguments");
    const std::string empty = check_text(config_of({"CMD"}));
    cr_expect_str_eq(empty.c_str(), "health check: CMD needs a command");
    config.interval = {};
    config.retries = -1;
    const std::string retries = check_text(config);
    cr_expect_str_eq(retries.c_str(), "health check: retries must not be negative, found -1");
}

Test(healthcheck_probe, output_is_cut_at_4096_bytes) {
    const std::string cut = clean_output(std::string(5000, 'x'));
    cr_expect_eq(cut.size(), 4099u);
    cr_expect(cut.ends_with("x..."));
    cr_expect_eq(clean_output(std::string(4096, 'x')).size(), 4096u);
}

Test(healthcheck_probe, output_that_is_no_utf8_is_replaced) {
    const std::string clean = clean_output("a\xFF\xC0\xAF" "b\xC3\xA9");
    cr_expect_str_eq(clean.c_str(), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" "b\xC3\xA9");
}

Test(healthcheck_probe, a_cut_leaves_no_half_character) {
    const std::string clean = clean_output(std::string(4095, 'x') + "\xC3\xA9");
    cr_expect_str_eq(clean.substr(4090).c_str(), "xxxxx...");
}

Test(healthcheck_probe, a_timeout_says_how_long_it_was) {
    const std::string text = timeout_output(Duration::of_seconds(5), "half");
    cr_expect_str_eq(text.c_str(), "Health check exceeded timeout (5s): half");
    const std::string bare = timeout_output(Duration::of_milliseconds(1500), "");
    cr_expect_str_eq(bare.c_str(), "Health check exceeded timeout (1.5s)");
}

Test(healthcheck_probe, health_is_written_as_docker_does_and_read_again) {
    Health health;
    health.status = Status::healthy;
    health.log.push_back(result_of(0));
    const std::string text = json_text(to_json(health));
    cr_expect_str_eq(text.c_str(),
                     R"({"Status":"healthy","FailingStreak":0,"Log":[{"Start":"1970-01-01T00:00:00.000000001Z",)"
                     R"("End":"1970-01-01T00:00:00.000000002Z","ExitCode":0,"Output":""}]})");
    const auto read = from_json<Health>(parse_json(text).value());
    cr_assert(read.ok());
    cr_expect(read.value() == health);
}
