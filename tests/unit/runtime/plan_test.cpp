#include "runtime/plan_make.h"

#include <algorithm>

#include <criterion/criterion.h>
#include <sched.h>

#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_plan, .timeout = 5);

namespace {

Spec simple() {
    Spec spec = default_spec();
    spec.process->args = {"sh"};
    spec.process->env = {"PATH=/bin"};
    return spec;
}

LaunchInputs inputs() {
    LaunchInputs out;
    out.process.descriptors = {10, 11, 12};
    out.process.keyring = "_ses.x";
    out.root = 20;
    return out;
}

std::vector<StepKind> kinds(const Spec& spec, const LaunchInputs& with = inputs()) {
    const auto plan = make_launch_plan(spec, with);
    cr_assert(plan.ok());
    std::vector<StepKind> out;
    for (const Step& step : plan.value().steps()) out.push_back(step.kind);
    return out;
}

std::size_t place(const std::vector<StepKind>& steps, StepKind kind) {
    return static_cast<std::size_t>(std::find(steps.begin(), steps.end(), kind) - steps.begin());
}
bool has(const std::vector<StepKind>& steps, StepKind kind) { return place(steps, kind) != steps.size(); }
void comes_before(const std::vector<StepKind>& steps, StepKind first, StepKind second) {
    cr_expect(has(steps, first) && has(steps, second));
    cr_expect_lt(place(steps, first), place(steps, second));
}

}  // namespace

Test(runtime_plan, the_program_is_found_before_ready_and_executed_last) {
    const auto steps = kinds(simple());
    comes_before(steps, StepKind::find_program, StepKind::report_ready);
    comes_before(steps, StepKind::report_ready, StepKind::await_release);
    cr_expect(steps.back() == StepKind::execute);
}
// CVE-2016-9962: hidden before it can be seen.
Test(runtime_plan, the_child_hides_before_it_joins_anybody) {
    LaunchInputs with = inputs();
    with.process.joins = {{30, CLONE_NEWNET, "network"}};
    comes_before(kinds(simple(), with), StepKind::hide, StepKind::join);
}
Test(runtime_plan, identity_goes_from_outside_in) {
    const auto steps = kinds(simple());
    comes_before(steps, StepKind::drop_bounding, StepKind::set_groups);
    comes_before(steps, StepKind::set_groups, StepKind::set_ids);
    comes_before(steps, StepKind::set_ids, StepKind::set_capabilities);
}
Test(runtime_plan, a_filter_is_loaded_while_it_may_be_or_as_late_as_possible) {
    SeccompProgram program;
    program.instructions = {0};
    LaunchInputs with = inputs();
    with.process.seccomp = &program;
    Spec spec = simple();
    comes_before(kinds(spec, with), StepKind::load_seccomp, StepKind::drop_bounding);
    spec.process->no_new_privileges = true;
    comes_before(kinds(spec, with), StepKind::find_program, StepKind::load_seccomp);
}
Test(runtime_plan, mounts_keep_their_order_and_masks_come_behind_the_new_root) {
    const auto steps = kinds(simple());
    comes_before(steps, StepKind::attach_root, StepKind::mount_new);
    comes_before(steps, StepKind::mount_new, StepKind::make_device);
    comes_before(steps, StepKind::make_device, StepKind::pivot);
    comes_before(steps, StepKind::pivot, StepKind::mask);
}
Test(runtime_plan, a_time_namespace_is_made_by_the_child_itself) {
    Spec spec = simple();
    spec.linux->namespaces.push_back({"time", ""});
    cr_expect(has(kinds(spec), StepKind::set_time_offsets));
    cr_expect_not(has(kinds(simple()), StepKind::set_time_offsets));
}
Test(runtime_plan, a_gate_takes_the_place_of_the_answer) {
    LaunchInputs with = inputs();
    with.fifo = 40;
    const auto steps = kinds(simple(), with);
    cr_expect(has(steps, StepKind::open_fifo));
    cr_expect_not(has(steps, StepKind::await_release));
    cr_expect(has(steps, StepKind::open_procfs), "the FIFO is opened again through a trusted procfs");
}
Test(runtime_plan, a_path_is_masked_once) {
    Spec spec = simple();
    spec.linux->masked_paths = {"/a", "/a/", "//a"};
    const auto steps = kinds(spec);
    cr_expect_eq(std::count(steps.begin(), steps.end(), StepKind::mask), 1);
}
Test(runtime_plan, a_read_only_dev_is_read_only_after_its_devices) {
    Spec spec = simple();
    spec.mounts = {{"/dev", "tmpfs", "tmpfs", {"ro"}, {}, {}}};
    comes_before(kinds(spec), StepKind::make_link, StepKind::set_attributes);
}
Test(runtime_plan, a_spec_without_a_mount_namespace_gets_one_all_the_same) {
    Spec spec = simple();
    spec.linux->namespaces = {{"pid", ""}};
    cr_expect_eq(new_namespaces(spec).value(), static_cast<std::uint64_t>(CLONE_NEWPID | CLONE_NEWNS));
}
Test(runtime_plan, the_last_of_a_variable_wins_in_the_place_of_the_first) {
    const auto env = plan_environment({"A=1", "B=2", "A=3"}, "/home/x");
    cr_expect(env == std::vector<std::string>({"A=3", "B=2", "HOME=/home/x"}));
}
Test(runtime_plan, the_last_home_counts) {
    cr_expect(has_home({"HOME=", "HOME=/x"}));
    cr_expect_not(has_home({"HOME=/x", "HOME="}));
}
Test(runtime_plan, an_empty_home_is_filled_in) {
    cr_expect(plan_environment({"HOME="}, "/root") == std::vector<std::string>{"HOME=/root"});
    cr_expect(plan_environment({"HOME=/x"}, "/root") == std::vector<std::string>{"HOME=/x"});
}
Test(runtime_plan, a_step_says_what_it_is_about) {
    const std::string text = describe({.kind = StepKind::mount_new, .path = "/proc", .text = "proc"});
    cr_expect_str_eq(text.c_str(), "mount proc on /proc");
}
