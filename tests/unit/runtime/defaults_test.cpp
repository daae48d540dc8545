#include "runtime/defaults.h"

#include <algorithm>

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_defaults, .timeout = 5);

namespace {
const Mount* mount_at(const Spec& spec, std::string_view target) {
    for (const Mount& mount : spec.mounts)
        if (mount.destination == target) return &mount;
    return nullptr;
}
bool has(const Strings& list, std::string_view word) { return std::find(list.begin(), list.end(), word) != list.end(); }
}  // namespace

// CVE-2018-10892 and its kin: what acts on the host or tells of it.
Test(runtime_defaults, files_of_the_kernel_that_concern_the_host_are_masked) {
    const Spec spec = default_spec();
    for (const char* path : {"/proc/acpi", "/proc/scsi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts",
                             "/sys/firmware", "/sys/devices/virtual/powercap"})
        cr_expect(has(spec.linux->masked_paths, path), "%s is masked", path);
    for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})
        cr_expect(has(spec.linux->readonly_paths, path), "%s is read-only", path);
}
// CVE-2022-0492: release_agent is a file of a group.
Test(runtime_defaults, sys_and_groups_are_read_only) {
    const Spec spec = default_spec();
    for (const char* target : {"/sys", "/sys/fs/cgroup"}) {
        const Mount* mount = mount_at(spec, target);
        cr_assert_not_null(mount);
        cr_expect(has(mount->options, "ro"), "%s is read-only", target);
    }
}
// CVE-2022-24769.
Test(runtime_defaults, no_capability_is_inheritable_or_ambient) {
    const Capabilities sets = default_spec().process->capabilities.value();
    cr_expect(sets.inheritable.empty());
    cr_expect(sets.ambient.empty());
    cr_expect_not(has(sets.bounding, "CAP_SYS_ADMIN"));
}
