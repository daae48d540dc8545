#include "runtime/caps.h"

#include <algorithm>

#include <criterion/criterion.h>

#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_caps, .timeout = 5);

namespace {
bool has(const std::vector<std::string>& names, const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); }
}  // namespace

Test(runtime_caps, names_are_taken_in_any_case_with_and_without_prefix) {
    cr_expect_eq(parse_capability("CAP_NET_RAW").value(), 13);
    cr_expect_eq(parse_capability("net_raw").value(), 13);
}
Test(runtime_caps, unknown_names_and_numbers_are_refused) {
    const auto unknown = parse_capability("CAP_FOO");
    cr_assert_not(unknown.ok());
    const std::string text = unknown.error().text();
    cr_expect_str_eq(text.c_str(), "unknown capability 'CAP_FOO'");
    cr_expect_not(parse_capability("13").ok());
    cr_expect_not(parse_capability("").ok());
}
Test(runtime_caps, a_set_has_a_bit_for_each_name) { cr_expect_eq(capability_set({"CAP_CHOWN", "CAP_KILL"}).value(), 0x21u); }
Test(runtime_caps, dropping_all_leaves_what_is_added) {
    cr_expect(adjust_capabilities(default_capabilities(), {"NET_ADMIN"}, {"ALL"}).value() == std::vector<std::string>{"CAP_NET_ADMIN"});
}
Test(runtime_caps, adding_all_leaves_out_what_is_dropped) {
    const auto caps = adjust_capabilities(default_capabilities(), {"ALL"}, {"SYS_ADMIN"}).value();
    cr_expect(has(caps, "CAP_SYS_MODULE"));
    cr_expect_not(has(caps, "CAP_SYS_ADMIN"));
}
Test(runtime_caps, a_default_can_be_dropped_and_another_added) {
    const auto caps = adjust_capabilities(default_capabilities(), {"SYS_TIME"}, {"cap_chown"}).value();
    cr_expect(has(caps, "CAP_SYS_TIME"));
    cr_expect_not(has(caps, "CAP_CHOWN"));
    cr_expect(has(caps, "CAP_KILL"));
}
// CVE-2022-24769: what a program could pass on to files it executes stays empty.
Test(runtime_caps, nothing_is_inheritable_or_ambient_by_default) {
    const Capabilities caps = *default_spec().process->capabilities;
    cr_expect(caps.inheritable.empty() && caps.ambient.empty());
}
