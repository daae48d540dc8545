#include "runtime/spec.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_spec, .timeout = 5);

Test(runtime_spec, absent_members_keep_their_defaults) {
    const auto spec = parse_spec(R"({"ociVersion":"1.2.0","process":{"args":["sh"]},"linux":{}})");
    cr_assert(spec.ok());
    cr_expect_eq(spec.value().process->cwd, "/");
    cr_expect_eq(spec.value().process->user.uid, 0u);
    cr_expect_not(spec.value().linux->resources.has_value());
}

Test(runtime_spec, members_that_nobody_knows_are_ignored) {
    cr_expect(parse_spec(R"({"ociVersion":"1.2.0","windows":{"x":1},"process":{"args":["a"],"new":true}})").ok());
}

Test(runtime_spec, a_wrong_type_is_named_by_its_path) {
    const auto spec = parse_spec(R"({"ociVersion":"1.2.0","linux":{"namespaces":[{"type":"pid"},{"type":5}]}})");
    cr_assert_not(spec.ok());
    const std::string text = spec.error().text();
    cr_expect_str_eq(text.c_str(), "config.json: linux.namespaces[1].type: expected a string, found a number");
}

Test(runtime_spec, what_was_written_reads_back_the_same) {
    Spec spec;
    spec.root = RootSpec{"rootfs", true};
    spec.process = ProcessSpec{};
    spec.process->args = {"sh", "-c", "true"};
    spec.process->user = {1000, 1000, 022, {5, 6}};
    spec.linux = LinuxSpec{};
    spec.linux->namespaces = {{"pid", ""}, {"network", "/proc/1/ns/net"}};
    spec.linux->resources = Resources{};
    spec.linux->resources->memory = MemoryLimits{};
    spec.linux->resources->memory->limit = -1;
    spec.linux->sysctl = {{"net.ipv4.ip_forward", "1"}};
    const auto again = parse_spec(json_text(spec_json(spec)));
    cr_assert(again.ok());
    cr_expect(again.value() == spec);
}

Test(runtime_spec, a_profile_without_flags_allows_speculation_and_an_empty_list_does_not) {
    const auto flags_of = [](const char* flags) {
        const auto spec = parse_spec(cat(R"({"ociVersion":"1.2.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW")", flags, "}}}"));
        return spec.ok() ? spec.value().linux->seccomp->flags : Strings{spec.error().text()};
    };
    cr_expect(flags_of("") == Strings{"SECCOMP_FILTER_FLAG_SPEC_ALLOW"});
    cr_expect(flags_of(R"(,"flags":[])") == Strings{});
}
