#include "runtime/process_attributes.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_process_attributes, .timeout = 5);

namespace {
template <class T>
std::string error_of(const Result<T>& result) {
    return result.ok() ? "no error" : result.error().text();
}
void expect(const std::string& got, const char* wanted) { cr_expect_str_eq(got.c_str(), wanted); }
}  // namespace

Test(runtime_process_attributes, a_list_becomes_a_mask) {
    cr_expect(parse_list_mask("0-2,5").value() == std::vector<unsigned long>{0x27});
    cr_expect(parse_list_mask("64").value() == std::vector<unsigned long>({0, 1}));
    cr_expect(parse_list_mask("").value().empty());
}
// CVE-2018-20699: a list must not cost more than it says.
Test(runtime_process_attributes, a_list_is_bounded) {
    expect(error_of(parse_list_mask("0-999999999")), "'0-999999999' is not a list like 0-3,7");
    expect(error_of(parse_list_mask("3-1")), "'3-1' is not a list like 0-3,7");
    expect(error_of(parse_list_mask("1,x")), "'1,x' is not a list like 0-3,7");
}
Test(runtime_process_attributes, limits_are_known_by_name) {
    cr_expect_eq(parse_rlimit_type("RLIMIT_NOFILE").value(), 7);
    expect(error_of(parse_rlimit_type("RLIMIT_FOO")), "unknown resource limit 'RLIMIT_FOO'");
}
Test(runtime_process_attributes, scheduling_that_contradicts_itself_is_refused) {
    Scheduler other, round_robin, fifo;
    other.policy = "SCHED_OTHER";
    other.priority = fifo.priority = 5;
    round_robin.policy = "SCHED_RR";
    round_robin.runtime = 5;
    fifo.policy = "SCHED_FIFO";
    expect(error_of(scheduler_attributes(other)),
           "scheduler priority can only be given for SCHED_FIFO and SCHED_RR");
    expect(error_of(scheduler_attributes(round_robin)),
           "scheduler runtime, deadline and period can only be given for SCHED_DEADLINE");
    cr_expect_eq(scheduler_attributes(fifo).value().priority, 5u);
}
Test(runtime_process_attributes, io_priority_is_class_and_level) {
    cr_expect_eq(io_priority_value({"IOPRIO_CLASS_BE", 4}).value(), 2u << 13 | 4);
    expect(error_of(io_priority_value({"IOPRIO_CLASS_BE", 9})), "I/O priority 9 is out of range: 0 to 7");
}
Test(runtime_process_attributes, a_memory_policy_is_checked_before_the_kernel_sees_it) {
    expect(error_of(memory_policy_value({"MPOL_FOO", "0", {}})), "invalid memory policy mode 'MPOL_FOO'");
    expect(error_of(memory_policy_value({"MPOL_DEFAULT", "0-7", {}})), "invalid memory policy: MPOL_DEFAULT mode requires 0 nodes but got 8");
    cr_expect(memory_policy_value({"MPOL_BIND", "0", {"MPOL_F_STATIC_NODES"}}).value().nodes == std::vector<unsigned long>{1});
}
