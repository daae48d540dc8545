#include "runtime/mount_options.h"

#include <algorithm>

#include <criterion/criterion.h>
#include <linux/mount.h>
#include <sys/mount.h>

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_mount_options, .timeout = 5);

Test(runtime_mount_options, words_with_a_meaning_and_those_of_the_file_system_are_told_apart) {
    const MountOptions options = parse_mount_options({"nosuid", "noexec", "size=64m", "newinstance", "mode=0620"});
    cr_expect_eq(options.set, static_cast<std::uint64_t>(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    cr_expect(options.data == std::vector<std::string>({"size=64m", "newinstance", "mode=0620"}));
}

Test(runtime_mount_options, the_later_word_wins) {
    cr_expect_eq(parse_mount_options({"ro", "rw"}).set, 0u);
    cr_expect_eq(parse_mount_options({"rw", "ro"}).set, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
}

Test(runtime_mount_options, an_atime_word_clears_the_whole_class) {
    const MountOptions options = parse_mount_options({"noatime"});
    cr_expect_eq(options.set, static_cast<std::uint64_t>(MOUNT_ATTR_NOATIME));
    cr_expect_eq(options.clear & MOUNT_ATTR__ATIME, static_cast<std::uint64_t>(MOUNT_ATTR__ATIME));
    cr_expect_eq(parse_mount_options({"noatime", "strictatime"}).set, static_cast<std::uint64_t>(MOUNT_ATTR_STRICTATIME));
}

Test(runtime_mount_options, recursive_words_stand_apart_from_plain_ones) {
    const MountOptions options = parse_mount_options({"rbind", "ro", "rnosuid"});
    cr_expect(options.bind && options.recursive_bind);
    cr_expect_eq(options.set, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
    cr_expect_eq(options.recursive_set, static_cast<std::uint64_t>(MOUNT_ATTR_NOSUID));
}

Test(runtime_mount_options, propagation_is_one_flag_and_whether_it_goes_down) {
    const MountOptions options = parse_mount_options({"rslave"});
    cr_expect_eq(options.propagation, static_cast<std::uint64_t>(MS_SLAVE));
    cr_expect(options.propagation_recursive);
    const auto unknown = parse_propagation("sideways");
    cr_assert_not(unknown.ok());
    const std::string text = unknown.error().text();
    cr_expect_str_eq(text.c_str(), "unknown propagation 'sideways'");
}

Test(runtime_mount_options, the_known_words_are_sorted_since_they_are_searched) {
    const std::vector<std::string> names = known_mount_options();
    cr_expect(std::is_sorted(names.begin(), names.end()));
}
