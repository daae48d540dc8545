#include "runtime/sysctl.h"

#include <criterion/criterion.h>

#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_sysctl, .timeout = 5);

namespace {
std::string resolved(const std::string& key, const std::string& value = "1", Spec spec = default_spec()) {
    const auto path = sysctl_path(key, value, spec);
    return path.ok() ? path.value() : path.error().text();
}
void expect(const std::string& got, const char* wanted) { cr_expect_str_eq(got.c_str(), wanted); }
Spec without(const char* type) {
    Spec spec = default_spec();
    std::erase_if(spec.linux->namespaces, [&](const Namespace& space) { return space.type == type; });
    return spec;
}
}  // namespace

Test(runtime_sysctl, dots_become_slashes) { expect(resolved("net.ipv4.ip_forward"), "sys/net/ipv4/ip_forward"); }
Test(runtime_sysctl, slashes_protect_dots_in_names) {
    expect(resolved("net/ipv4/conf/eth0.100/forwarding"), "sys/net/ipv4/conf/eth0.100/forwarding");
}
Test(runtime_sysctl, what_all_containers_share_is_refused) {
    expect(resolved("kernel.core_pattern"), "not allowed: it is not separate for each container");
    expect(resolved("vm.swappiness"), "not allowed: it is not separate for each container");
}
Test(runtime_sysctl, a_namespace_shared_with_the_host_is_not_touched) {
    expect(resolved("net.core.somaxconn", "1", without("network")), "not allowed: the container has no network namespace of its own");
    expect(resolved("kernel.shmmax", "1", without("ipc")), "not allowed: the container has no ipc namespace of its own");
    expect(resolved("kernel.ns_last_pid", "1", without("pid")), "not allowed: the container has no pid namespace of its own");
}
// CVE-2022-0811: a value or a key that smuggles another sysctl in.
Test(runtime_sysctl, smuggling_is_refused) {
    expect(resolved("net.x+kernel.core_pattern"), "is not a name of a sysctl");
    expect(resolved("net.ipv4.ip_forward", "1\nkernel.core_pattern=|/x"), "the value has a control character");
    expect(resolved("net/../kernel/core_pattern"), "is not a name of a sysctl");
}
