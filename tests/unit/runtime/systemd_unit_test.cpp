#include "runtime/systemd_unit.h"

#include <criterion/criterion.h>

#include "runtime/dbus.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_systemd_unit, .timeout = 5);

namespace {
std::string slice(const std::string& name) {
    const auto path = expand_slice(name);
    return path.ok() ? path.value() : path.error().text();
}
void expect(const std::string& got, const char* wanted) { cr_expect_str_eq(got.c_str(), wanted); }
}  // namespace

Test(runtime_systemd_unit, dashes_of_a_slice_are_folders) {
    expect(slice("system.slice"), "/system.slice");
    expect(slice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
    expect(slice("-.slice"), "");
}
Test(runtime_systemd_unit, odd_slices_are_refused) {
    expect(slice("a--b.slice"), "'a--b.slice' is not a slice");
    expect(slice("a/b.slice"), "'a/b.slice' is not a slice");
    expect(slice("system"), "'system' is not a slice");
}
Test(runtime_systemd_unit, three_parts_make_a_scope) {
    const auto names = parse_scope_path("user.slice:cri:abc", "abc").value();
    expect(names.unit, "cri-abc.scope");
    expect(names.cgroup_path, "/user.slice/cri-abc.scope");
}
Test(runtime_systemd_unit, no_path_is_runcs_default) { expect(parse_scope_path("", "x").value().cgroup_path, "/system.slice/runc-x.scope"); }
Test(runtime_systemd_unit, a_plain_path_is_refused_with_the_form) {
    const auto names = parse_scope_path("/a/b", "x");
    cr_assert_not(names.ok());
    expect(names.error().text(), "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/a/b\" instead");
}
Test(runtime_systemd_unit, dbus_values_are_aligned_from_the_beginning) {
    DbusWriter out;
    out.byte('x');
    out.word(7);
    out.text("hi");
    out.variant(UnitValue(std::uint64_t{1}));
    const std::string wanted("x\0\0\0\7\0\0\0\2\0\0\0hi\0\1t\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 32);
    cr_expect(out.bytes() == wanted);
}
Test(runtime_systemd_unit, the_length_of_a_dbus_array_leaves_out_its_padding) {
    DbusWriter out;
    const auto mark = out.begin_array(8);
    out.align(8);
    out.text("ab");
    out.end_array(mark);
    const std::string wanted("\7\0\0\0\0\0\0\0\2\0\0\0ab\0", 15);
    cr_expect(out.bytes() == wanted);
}
