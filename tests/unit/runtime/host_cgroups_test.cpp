#include "runtime/host_cgroups.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_host_cgroups, .timeout = 5);

namespace {
constexpr std::string_view pure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view mixed =
    "23 1 0:20 / /sys rw - sysfs sysfs rw\n"
    "31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n"
    "35 90 0:28 /a /elsewhere rw - cgroup cgroup rw,memory\n";
constexpr std::string_view own = "4:memory:/mine\n3:cpu,cpuacct:/\n2:name=systemd:/user\n0::/unit\n";
}  // namespace

Test(runtime_host_cgroups, a_single_cgroup2_mount_is_v2) {
    const HostCgroups host = parse_host_cgroups(pure, "0::/init\n");
    cr_expect(host.layout == CgroupLayout::v2);
    cr_assert_eq(host.hierarchies.size(), 1u);
    const std::string path = host.hierarchies[0].own_path;
    cr_expect_str_eq(path.c_str(), "/init");
}
Test(runtime_host_cgroups, both_versions_are_hybrid_with_v2_last) {
    const HostCgroups host = parse_host_cgroups(mixed, own);
    cr_expect(host.layout == CgroupLayout::hybrid);
    cr_assert_eq(host.hierarchies.size(), 4u, "the second mount of memory is none of its own");
    cr_expect(host.hierarchies.back().v2);
}
Test(runtime_host_cgroups, controllers_of_one_hierarchy_share_its_folder) {
    const HostCgroups host = parse_host_cgroups(mixed, own);
    cr_expect_eq(host.find("cpu"), host.find("cpuacct"));
    cr_expect_null(host.find("pids"));
    const std::string memory = host.find("memory")->own_path, named = host.find("name=systemd")->own_path;
    cr_expect_str_eq(memory.c_str(), "/mine");
    cr_expect_str_eq(named.c_str(), "/user");
}
Test(runtime_host_cgroups, no_mount_is_none) { cr_expect(parse_host_cgroups("", "").layout == CgroupLayout::none); }
