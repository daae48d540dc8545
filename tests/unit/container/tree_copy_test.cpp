#include <criterion/criterion.h>

#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "container/tree_copy.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_tree_copy, .timeout = 30);

namespace {

struct Trees {
    std::string from = support::temporary_folder();
    std::string to = support::temporary_folder();

    std::string copy(const std::string& name, TreeCopyOptions options = {}) const {
        const Fd source = sys::open(from + "/" + name, O_PATH | O_NOFOLLOW).value();
        const Fd target = sys::open(to, O_PATH | O_DIRECTORY).value();
        TreeCopier copier(std::move(options));
        const auto copied = copier.copy_item(source, target, name);
        return copied.ok() ? "" : copied.error().text();
    }
    struct stat of(const std::string& name) const {
        struct stat status {};
        cr_assert_eq(lstat((to + "/" + name).c_str(), &status), 0);
        return status;
    }
    std::string text(const std::string& name) const { return support::read_file(to + "/" + name); }
};

void ignore_text(const std::string&) {}

}  // namespace

Test(container_tree_copy, files_keep_mode_time_and_text) {
    const Trees trees;
    support::write_file(trees.from + "/d/f", "text", 0640);
    cr_assert_eq(chmod((trees.from + "/d/f").c_str(), 04711), 0);
    const timespec times[2] = {{1, 0}, {981173106, 123}};
    cr_assert_eq(utimensat(AT_FDCWD, (trees.from + "/d/f").c_str(), times, 0), 0);
    cr_assert_eq(utimensat(AT_FDCWD, (trees.from + "/d").c_str(), times, 0), 0);
    EXPECT_TEXT(trees.copy("d"), "");
    EXPECT_TEXT(trees.text("d/f"), "text");
    cr_expect_eq(trees.of("d/f").st_mode & 07777, 04711u);
    cr_expect_eq(trees.of("d/f").st_mtim.tv_sec, 981173106);
    cr_expect_eq(trees.of("d/f").st_mtim.tv_nsec, 123);
    cr_expect_eq(trees.of("d").st_mtim.tv_sec, 981173106, "a folder's time is set when all is in it");
}

Test(container_tree_copy, links_are_copied_as_links_and_names_of_one_file_stay_one) {
    const Trees trees;
    support::write_file(trees.from + "/d/a", "text");
    cr_assert_eq(link((trees.from + "/d/a").c_str(), (trees.from + "/d/b").c_str()), 0);
    cr_assert_eq(symlink("/etc/passwd", (trees.from + "/d/l").c_str()), 0);
    EXPECT_TEXT(trees.copy("d"), "");
    cr_expect_eq(trees.of("d/a").st_ino, trees.of("d/b").st_ino);
    cr_expect(S_ISLNK(trees.of("d/l").st_mode));
}

Test(container_tree_copy, holes_stay_holes) {
    const Trees trees;
    const std::string path = support::write_file(trees.from + "/f", "begin");
    cr_assert_eq(truncate(path.c_str(), 64 << 20), 0);
    EXPECT_TEXT(trees.copy("f"), "");
    cr_expect_eq(trees.of("f").st_size, 64 << 20);
    cr_expect_lt(trees.of("f").st_blocks, 1024);
}

Test(container_tree_copy, folders_merge_and_files_are_replaced) {
    const Trees trees;
    support::write_file(trees.from + "/d/f", "new");
    support::write_file(trees.to + "/d/f", "old");
    support::write_file(trees.to + "/d/kept", "kept");
    EXPECT_TEXT(trees.copy("d"), "");
    EXPECT_TEXT(trees.text("d/f"), "new");
    EXPECT_TEXT(trees.text("d/kept"), "kept");
}

Test(container_tree_copy, a_file_that_is_replaced_is_another_file) {
    const Trees trees;
    support::write_file(trees.from + "/f", "new");
    const std::string old = support::write_file(trees.to + "/f", "old");
    const int open_before = ::open(old.c_str(), O_RDONLY);
    EXPECT_TEXT(trees.copy("f"), "");
    char byte = 0;
    cr_assert_eq(read(open_before, &byte, 1), 1);
    cr_expect_eq(byte, 'o', "who has it open still sees the old text");
    close(open_before);
}

Test(container_tree_copy, a_folder_and_a_file_do_not_replace_each_other) {
    const Trees trees;
    support::write_file(trees.from + "/a/x", "");
    support::write_file(trees.to + "/a", "");
    EXPECT_TEXT(trees.copy("a"), "cannot overwrite non-directory 'a' with directory");
    support::write_file(trees.from + "/b", "");
    support::write_file(trees.to + "/b/x", "");
    EXPECT_TEXT(trees.copy("b"), "cannot overwrite directory 'b' with non-directory");
}

Test(container_tree_copy, a_link_in_the_way_is_replaced_and_not_followed) {
    const Trees trees;
    const std::string secret = support::write_file(support::temporary_folder() + "/secret", "secret");
    support::write_file(trees.from + "/f", "new");
    cr_assert_eq(symlink(secret.c_str(), (trees.to + "/f").c_str()), 0);
    EXPECT_TEXT(trees.copy("f"), "");
    EXPECT_TEXT(support::read_file(secret), "secret");
    cr_expect(S_ISREG(trees.of("f").st_mode));
}

Test(container_tree_copy, a_link_where_a_folder_goes_is_refused) {
    const Trees trees;
    const std::string elsewhere = support::temporary_folder();
    support::write_file(trees.from + "/d/f", "new");
    cr_assert_eq(symlink(elsewhere.c_str(), (trees.to + "/d").c_str()), 0);
    EXPECT_TEXT(trees.copy("d"), "cannot overwrite non-directory 'd' with directory");
    cr_expect(!support::exists(elsewhere + "/f"));
}

Test(container_tree_copy, a_copy_into_its_own_tree_ends) {
    const std::string top = support::temporary_folder();
    support::write_file(top + "/a/f", "text");
    cr_assert_eq(mkdir((top + "/a/b").c_str(), 0755), 0);
    const Fd source = sys::open(top + "/a", O_PATH).value();
    const Fd target = sys::open(top + "/a/b", O_PATH).value();
    TreeCopier copier({});
    cr_assert(copier.copy_item(source, target, "a").ok());
    EXPECT_TEXT(support::read_file(top + "/a/b/a/f"), "text");
    cr_expect(!support::exists(top + "/a/b/a/b/a/f"));
}

Test(container_tree_copy, a_fifo_in_the_source_makes_nobody_wait) {
    const Trees trees;
    cr_assert_eq(mkfifo((trees.from + "/p").c_str(), 0622), 0);
    EXPECT_TEXT(trees.copy("p"), "");
    cr_expect(S_ISFIFO(trees.of("p").st_mode));
}

Test(container_tree_copy, nothing_is_left_of_a_file_that_could_not_be_copied) {
    const Trees trees;
    support::write_file(trees.from + "/f", "new");
    support::write_file(trees.to + "/f", "old");
    // In a child, whose files may not grow beyond one byte.
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1, 1};
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(trees.copy("f").empty() ? 1 : 0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    EXPECT_TEXT(trees.text("f"), "old");
    cr_expect_eq(list_folder(sys::open(trees.to, O_RDONLY | O_DIRECTORY).value()).value().size(), 1u);
}

Test(container_tree_copy, owners_are_kept_given_or_the_callers) {
    support::needs_root();
    const Trees trees;
    const std::string path = support::write_file(trees.from + "/f", "");
    cr_assert_eq(chown(path.c_str(), 1234, 567), 0);
    EXPECT_TEXT(trees.copy("f"), "");
    cr_expect_eq(trees.of("f").st_uid, 1234u);
    TreeCopyOptions caller;
    caller.owners = TreeCopyOptions::Owners::caller;
    EXPECT_TEXT(trees.copy("f", caller), "");
    cr_expect_eq(trees.of("f").st_uid, 0u);
    TreeCopyOptions given;
    given.owners = TreeCopyOptions::Owners::given;
    given.uid = 7;
    given.gid = 8;
    EXPECT_TEXT(trees.copy("f", given), "");
    cr_expect_eq(trees.of("f").st_uid, 7u);
    cr_expect_eq(trees.of("f").st_gid, 8u);
}

Test(container_tree_copy, devices_of_a_container_serve_nobody_else) {
    support::needs_root();
    const Trees trees;
    cr_assert_eq(mknod((trees.from + "/disk").c_str(), S_IFBLK | 0666, makedev(8, 0)), 0);
    cr_assert_eq(chmod((trees.from + "/disk").c_str(), 0666), 0);
    TreeCopyOptions options;
    options.devices_for_owner_only = true;
    EXPECT_TEXT(trees.copy("disk", options), "");
    cr_expect_eq(trees.of("disk").st_mode & 0777, 0600u);
}

Test(container_tree_copy, a_tree_that_is_swapped_for_links_all_the_while_leads_nowhere) {
    const Trees trees;
    const std::string outside = support::temporary_folder();
    support::write_file(outside + "/f", "secret");
    support::write_file(trees.from + "/d/sub/f", "mine");
    support::write_file(trees.from + "/d/real/f", "mine");
    const std::string sub = trees.from + "/d/sub", link_path = trees.from + "/d/link";
    cr_assert_eq(symlink(outside.c_str(), link_path.c_str()), 0);
    const pid_t attacker = fork();
    if (attacker == 0)
        for (;;) syscall(SYS_renameat2, AT_FDCWD, sub.c_str(), AT_FDCWD, link_path.c_str(), RENAME_EXCHANGE);
    for (int round = 0; round < 300; ++round) {
        ignore_text(trees.copy("d"));  // Whether it succeeds is chance; where it reads is not.
        // A link may have been copied as a link; what matters is that no folder of ours was filled from outside.
        for (const char* folder : {"/d/sub", "/d/link"}) {
            struct stat status {};
            const bool is_folder = lstat((trees.to + folder).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
            const std::string seen = is_folder ? support::read_file(trees.to + folder + "/f") : "";
            cr_expect_str_neq(seen.c_str(), "secret");
        }
        cr_assert(remove_tree(sys::open(trees.to, O_RDONLY | O_DIRECTORY).value(), "d").ok());
    }
    kill(attacker, SIGKILL);
    waitpid(attacker, nullptr, 0);
    EXPECT_TEXT(support::read_file(outside + "/f"), "secret");
}
