#include "runtime/validate.h"

#include <criterion/criterion.h>

#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_validate, .timeout = 5);

namespace {
Spec good() {
    Spec spec = default_spec();
    spec.process->args = {"sh"};
    return spec;
}
void refuses(const Spec& spec, const char* wanted) {
    const auto checked = validate_spec(spec);
    cr_assert_not(checked.ok());
    const std::string text = checked.error().text();
    cr_expect_str_eq(text.c_str(), wanted);
}
void refuses_mount(const Mount& mount, const char* wanted) {
    Spec spec = good();
    spec.mounts = {mount};
    refuses(spec, wanted);
}
}  // namespace

Test(runtime_validate, dockers_defaults_are_fine) { cr_expect(validate_spec(good()).ok()); }
Test(runtime_validate, a_program_is_needed) {
    Spec spec = good();
    spec.process->args.clear();
    refuses(spec, "process.args: must not be empty");
}
// CVE-2024-40635: setresuid(2) takes 2^32-1 for "no change".
Test(runtime_validate, ids_beyond_the_range_are_refused) {
    Spec spec = good();
    spec.process->user.uid = 4294967295;
    refuses(spec, "process.user.uid: is out of range: 0 to 2147483647");
    spec.process->user = {};
    spec.process->user.gid = 2147483648;
    refuses(spec, "process.user.gid: is out of range: 0 to 2147483647");
    spec.process->user = {};
    spec.process->user.additional_gids = {1, 4294967295};
    refuses(spec, "process.user.additionalGids: out of range: 0 to 2147483647");
}
Test(runtime_validate, domainname_and_its_sysctl_agree) {
    Spec spec = good();
    spec.domainname = "one";
    spec.linux->sysctl["kernel.domainname"] = "one";
    cr_expect(validate_spec(spec).ok());
    spec.linux->sysctl["kernel.domainname"] = "two";
    refuses(spec, "linux.sysctl: kernel.domainname and domainname name two domains");
}
Test(runtime_validate, a_namespace_is_named_once) {
    Spec spec = good();
    spec.linux->namespaces.push_back({"pid", ""});
    refuses(spec, "linux.namespaces[6]: duplicated namespace 'pid'");
}
Test(runtime_validate, an_unknown_namespace_is_named_by_its_place) {
    Spec spec = good();
    spec.linux->namespaces = {{"mount", ""}, {"foo", ""}};
    refuses(spec, "linux.namespaces[1].type: unknown namespace 'foo'");
}
Test(runtime_validate, mappings_need_a_user_namespace_and_it_needs_them) {
    Spec spec = good();
    spec.linux->uid_mappings = {{0, 100000, 1}};
    refuses(spec, "linux.uidMappings: there is no user namespace to map for");
    spec = good();
    spec.linux->namespaces.push_back({"user", ""});
    refuses(spec, "linux.namespaces: a new user namespace needs uidMappings and gidMappings");
}
Test(runtime_validate, a_host_name_needs_a_uts_namespace) {
    Spec spec = good();
    spec.hostname = "x";
    spec.linux->namespaces = {{"mount", ""}};
    refuses(spec, "hostname: unable to set hostname without a private UTS namespace");
}
// CVE-2015-3630, CVE-2019-16884: what is mounted over /proc lies to everybody who reads it.
Test(runtime_validate, proc_stays_the_kernels) {
    refuses_mount({"/proc", "tmpfs", "tmpfs", {}, {}, {}}, "mounts[0].destination: only proc may be mounted on /proc");
    refuses_mount({"/proc/sys", "bind", "/x", {"bind"}, {}, {}},
                  "mounts[0].destination: '/proc/sys' cannot be mounted because it is inside /proc");
    refuses_mount({"/x/../proc/self/attr", "bind", "/x", {"bind"}, {}, {}},
                  "mounts[0].destination: '/proc/self/attr' cannot be mounted because it is inside /proc");
    Spec spec = good();
    spec.mounts.push_back({"/proc/cpuinfo", "bind", "/x", {"bind"}, {}, {}});
    cr_expect(validate_spec(spec).ok());
}
Test(runtime_validate, an_environment_entry_has_a_name) {
    Spec spec = good();
    spec.process->env = {"=x"};
    refuses(spec, "process.env: '=x' is not NAME=VALUE");
}
Test(runtime_validate, limits_are_given_once_and_soft_is_not_above_hard) {
    Spec spec = good();
    spec.process->rlimits = {{"RLIMIT_NOFILE", 10, 20}};
    refuses(spec, "process.rlimits[0]: soft limit is higher than hard");
}
Test(runtime_validate, hooks_are_absolute) {
    Spec spec = good();
    spec.hooks = Hooks{};
    spec.hooks->poststop = {{"true", {}, {}, {}}};
    refuses(spec, "hooks.poststop[0].path: is not absolute");
}
Test(runtime_validate, no_word_is_cut_at_a_zero_byte) {
    using namespace std::string_literals;
    Spec spec = good();
    spec.process->args = {"/bin/sh\0x"s};
    refuses(spec, "process.args: a word has a zero byte in it");
    spec = good();
    spec.process->cwd = "/\0x"s;
    refuses(spec, "process.cwd: has a zero byte in it");
    spec = good();
    spec.process->env = {"A=\0x"s};
    refuses(spec, "process.env: an entry has a zero byte in it");
}
