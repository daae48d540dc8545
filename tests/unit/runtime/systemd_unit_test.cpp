#include "runtime/systemd_unit.h"

#include <criterion/criterion.h>

#include "runtime/dbus.h"
#include "runtime/unit_annotations.h"

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

namespace {
void expect_value(const char* text, const UnitValue& wanted) {
    const auto value = parse_unit_value(text);
    cr_expect(value.ok() && value.value() == wanted, "%s", text);
}
const UnitProperty* find(const std::vector<UnitProperty>& properties, const char* name) {
    for (const UnitProperty& property : properties)
        if (property.name == name) return &property;
    return nullptr;
}
}  // namespace

Test(runtime_systemd_unit, annotations_have_values_in_gvariants_text_form) {
    expect_value("true", true);
    expect_value("5", std::int32_t{5});
    expect_value("uint64 7000000", std::uint64_t{7000000});
    expect_value(" int64  -1", std::int64_t{-1});
    expect_value("1.5", 1.5);
    expect_value("'it\\'s'", std::string("it's"));
    expect_value("\"b\"", std::string("b"));
    expect_value("['a', \"b\"]", std::vector<std::string>{"a", "b"});
    expect_value("[]", std::vector<std::string>{});
}
Test(runtime_systemd_unit, what_is_no_value_is_refused) {
    for (const char* text : {"", "yes", "'open", "['a' 'b']", "['a'] x", "uint64 -1", "uint8 1", "5 5", "'a' 'b'", "99999999999"}) {
        const auto value = parse_unit_value(text);
        cr_expect(!value.ok(), "%s", text);
    }
}
Test(runtime_systemd_unit, annotations_of_systemd_become_properties_and_seconds_microseconds) {
    const auto properties = annotated_properties({{"org.systemd.property.TimeoutStopSec", "1.5"}, {"org.systemd.property.CollectMode", "'inactive'"},
                                                  {"com.example.other", "not one"}}).value();
    const std::vector<UnitProperty> wanted = {{"CollectMode", std::string("inactive")}, {"TimeoutStopUSec", std::uint64_t{1500000}}};
    cr_expect(properties == wanted);
}
Test(runtime_systemd_unit, annotations_with_odd_names_or_times_are_refused_by_name) {
    for (const auto& [key, text] : {std::pair("org.systemd.property.A", "1"), std::pair("org.systemd.property.Me mory", "1"),
                                    std::pair("org.systemd.property.TimeoutStopSec", "'x'"), std::pair("org.systemd.property.TimeoutStopSec", "-1"),
                                    std::pair("org.systemd.property.TimeoutStopSec", "true")}) {
        const auto properties = annotated_properties({{key, text}});
        cr_assert_not(properties.ok(), "%s", key);
        cr_expect(properties.error().text().starts_with(cat("annotation ", key)), "%s", properties.error().text().c_str());
    }
}
Test(runtime_systemd_unit, a_new_scope_has_its_member_its_limits_and_then_the_annotations) {
    Resources resources;
    resources.pids = PidsLimit{.limit = 50};
    CgroupRequest request;
    request.resources = &resources;
    request.annotations = {{"org.systemd.property.TasksMax", "uint64 60"}};
    const auto properties = scope_properties(parse_scope_path("", "x").value(), request, 17).value();
    cr_expect(find(properties, "PIDs")->value == UnitValue(std::vector<std::uint32_t>{17}));
    cr_expect(find(properties, "TasksMax")->value == UnitValue(std::uint64_t{50}));
    const UnitProperty last{"TasksMax", std::uint64_t{60}};
    cr_expect(properties.back() == last);
}
