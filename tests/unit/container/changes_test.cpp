#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/changes.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_changes, .timeout = 5);

namespace {

Definition definition_with(const std::string& destination) {
    Definition definition;
    MountPoint point;
    point.destination = destination;
    definition.mounts.push_back(point);
    return definition;
}

}  // namespace

Test(container_changes, what_a_run_mounts_is_no_change) {
    const Definition definition = definition_with("/var/data");
    for (const char* path : {"/proc", "/sys/fs", "/dev/null", "/etc/hosts", "/etc/resolv.conf", "/var/data", "/var/data/x"})
        cr_expect(is_mounted_over(definition, path), "%s", path);
    for (const char* path : {"/var", "/etc", "/etc/hosts.allow", "/var/database", "/process", "/devices"})
        cr_expect(!is_mounted_over(definition, path), "%s", path);
}

Test(container_changes, the_folder_of_a_mount_target_may_have_another_time) {
    const Definition definition = definition_with("/var/data");
    cr_expect(holds_mount_target(definition, "/etc"));
    cr_expect(holds_mount_target(definition, "/var"));
    cr_expect(!holds_mount_target(definition, "/var/data"));
    cr_expect(!holds_mount_target(definition, "/usr"));
}

Test(container_changes, mount_targets_go_and_everything_else_stays_as_it_was) {
    const std::string top = support::temporary_folder();
    support::write_file(top + "/etc/hosts", "");
    support::write_file(top + "/etc/passwd", "root");
    support::write_file(top + "/var/data/left", "");
    const timespec times[2] = {{1, 0}, {2, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, (top + "/etc").c_str(), times, 0), 0);
    const Fd folder = sys::open(top, O_RDONLY | O_DIRECTORY).value();
    cr_assert(remove_mount_targets(definition_with("/var/data"), folder).ok());
    cr_expect(!support::exists(top + "/etc/hosts"));
    cr_expect(support::exists(top + "/etc/passwd"));
    cr_expect(support::exists(top + "/var"));
    cr_expect(!support::exists(top + "/var/data"));
    struct stat status {};
    cr_assert_eq(stat((top + "/etc").c_str(), &status), 0);
    cr_expect_eq(status.st_mtim.tv_sec, 2);
}

Test(container_changes, a_link_to_elsewhere_is_not_followed_out) {
    const std::string top = support::temporary_folder();
    const std::string outside = support::temporary_folder();
    support::write_file(outside + "/hosts", "the host's");
    cr_assert_eq(symlink(outside.c_str(), (top + "/etc").c_str()), 0);
    const Fd folder = sys::open(top, O_RDONLY | O_DIRECTORY).value();
    cr_assert(remove_mount_targets(Definition{}, folder).ok());
    cr_expect(support::exists(outside + "/hosts"));
}
