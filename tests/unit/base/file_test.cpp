#include "base/file.h"

#include <cerrno>

#include <criterion/criterion.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sched.h>
#include <unistd.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_file, .timeout = 20);

namespace {

Fd folder_of(const std::string& path) { return sys::open(path, O_PATH | O_DIRECTORY).value(); }

}  // namespace

Test(base_file, a_file_is_read_whole) {
    const std::string path = support::write_file(support::temporary_folder() + "/f", std::string(10'000, 'x'));
    cr_expect_eq(read_file(path).value().size(), 10'000u);
}

Test(base_file, files_without_a_size_are_read_to_their_end) {
    cr_expect_gt(read_file("/proc/self/status").value().size(), 100u);
}

Test(base_file, a_file_as_long_as_the_limit_is_read) {
    const std::string path = support::write_file(support::temporary_folder() + "/f", "12345");
    cr_expect(read_file(path, 5).ok());
    const auto longer = read_file(path, 4);
    cr_assert_not(longer.ok());
    const std::string text = path + ": larger than 4 bytes";
    cr_expect_str_eq(longer.error().text().c_str(), text.c_str());
}

Test(base_file, replacing_gives_the_new_text_and_mode) {
    const std::string path = support::temporary_folder();
    const Fd folder = folder_of(path);
    cr_expect(replace_file(folder, "f", "one", 0600, Durability::disk).ok());
    cr_expect(replace_file(folder, "f", "two", 0600, Durability::boot).ok());
    const std::string text = support::read_file(path + "/f");
    cr_expect_str_eq(text.c_str(), "two");
    cr_expect_not(support::exists(path + "/f.new"));
}

Test(base_file, a_reader_keeps_the_old_text) {
    const std::string path = support::temporary_folder();
    const Fd folder = folder_of(path);
    ignore(replace_file(folder, "f", "old", 0600, Durability::boot), "checked by reading");
    const Fd reader = sys::openat(folder, "f", O_RDONLY).value();
    ignore(replace_file(folder, "f", "new", 0600, Durability::boot), "checked by reading");
    const std::string text = read_all(reader, 10).value();
    cr_expect_str_eq(text.c_str(), "old");
}

Test(base_file, what_a_crashed_writer_left_is_overwritten) {
    const std::string path = support::temporary_folder();
    support::write_file(path + "/f.new", "a longer text of a writer that was killed");
    cr_expect(replace_file(folder_of(path), "f", "short", 0600, Durability::boot).ok());
    const std::string text = support::read_file(path + "/f");
    cr_expect_str_eq(text.c_str(), "short");
}

Test(base_file, a_link_in_place_of_the_temporary_is_not_followed) {
    const std::string path = support::temporary_folder();
    support::write_file(path + "/victim", "untouched");
    cr_assert_eq(::symlink("victim", (path + "/f.new").c_str()), 0);
    cr_expect_not(replace_file(folder_of(path), "f", "x", 0600, Durability::boot).ok());
    const std::string text = support::read_file(path + "/victim");
    cr_expect_str_eq(text.c_str(), "untouched");
}

Test(base_file, a_folder_is_listed_in_order) {
    const std::string path = support::temporary_folder();
    for (const char* name : {"b", "a", ".c"}) support::write_file(path + "/" + name, "");
    const auto names = list_folder(folder_of(path)).value();
    const std::vector<std::string> wanted{".c", "a", "b"};
    cr_expect(names == wanted);
}

Test(base_file, removing_takes_everything_and_follows_no_link) {
    const std::string path = support::temporary_folder();
    support::write_file(path + "/kept/file", "kept");
    support::write_file(path + "/tree/a/b/c", "");
    cr_assert_eq(::symlink("../kept", (path + "/tree/link").c_str()), 0);
    cr_expect(remove_tree(folder_of(path), "tree").ok());
    cr_expect_not(support::exists(path + "/tree"));
    cr_expect(support::exists(path + "/kept/file"));
}

Test(base_file, removing_a_file_a_link_or_nothing_succeeds) {
    const std::string path = support::temporary_folder();
    support::write_file(path + "/file", "");
    cr_assert_eq(::symlink("/nowhere", (path + "/link").c_str()), 0);
    cr_expect(remove_tree(folder_of(path), "file").ok());
    cr_expect(remove_tree(folder_of(path), "link").ok());
    cr_expect(remove_tree(folder_of(path), "absent").ok());
    cr_expect_not(support::exists(path + "/link"));
}

Test(base_file, a_tree_deeper_than_the_descriptor_limit_is_removed) {
    const std::string path = support::temporary_folder();
    const Fd top = folder_of(path);
    Fd at = top.duplicate().value();
    for (int depth = 0; depth < 3000; ++depth) {
        cr_assert(sys::mkdirat(at, "d", 0755).ok());
        at = sys::openat(at, "d", O_PATH | O_DIRECTORY).value();
    }
    at.reset();
    const auto removed = remove_tree(top, "d");
    cr_expect(removed.ok(), "%s", removed.ok() ? "" : removed.error().text().c_str());
    cr_expect_not(support::exists(path + "/d"));
}

Test(base_file, a_mount_below_is_refused_and_keeps_its_files) {
    support::needs_root();
    const std::string path = support::temporary_folder();
    support::write_file(path + "/outside/file", "kept");
    support::write_file(path + "/tree/sub/below", "");
    const std::string text = support::in_child([&]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "unshare";
        if (::mount((path + "/outside").c_str(), (path + "/tree/sub").c_str(), nullptr, MS_BIND, nullptr) != 0) return "mount";
        return remove_tree(folder_of(path), "tree").error().text();
    });
    cr_expect_str_eq(text.c_str(), "tree: sub: is a mount point");
    cr_expect(support::exists(path + "/outside/file"));
}

Test(base_file, a_mount_itself_is_refused_before_anything_is_removed) {
    support::needs_root();
    const std::string path = support::temporary_folder();
    support::write_file(path + "/outside/file", "kept");
    ::mkdir((path + "/tree").c_str(), 0755);
    const std::string text = support::in_child([&]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "unshare";
        if (::mount((path + "/outside").c_str(), (path + "/tree").c_str(), nullptr, MS_BIND, nullptr) != 0) return "mount";
        return remove_tree(folder_of(path), "tree").error().text();
    });
    cr_expect_str_eq(text.c_str(), "tree: is a mount point");
    cr_expect(support::exists(path + "/outside/file"));
}

Test(base_file, host_folders_are_made_and_those_there_are_kept) {
    const std::string path = support::temporary_folder();
    cr_assert_eq(::mkdir((path + "/a").c_str(), 0700), 0);
    cr_expect(make_host_folders(path + "/a/b/c", 0755).ok());
    struct stat status{};
    ::stat((path + "/a").c_str(), &status);
    cr_expect_eq(status.st_mode & 07777u, 0700u);
    cr_expect(support::exists(path + "/a/b/c"));
}

Test(base_file, an_exclusive_lock_keeps_others_out_until_its_end) {
    const std::string path = support::temporary_folder();
    const Fd folder = folder_of(path);
    {
        const auto held = DirLock::wait_at(folder, "lock", LockMode::exclusive);
        cr_assert(held.ok());
        const auto other = DirLock::try_at(folder, "lock", LockMode::shared);
        cr_assert_not(other.ok());
        cr_expect_eq(other.error().kind(), Kind::busy);
        cr_expect_str_eq(other.error().text().c_str(), "lock: Resource temporarily unavailable");
    }
    cr_expect(DirLock::try_at(folder, "lock", LockMode::exclusive).ok());
}

Test(base_file, shared_locks_go_together) {
    const Fd folder = folder_of(support::temporary_folder());
    const auto one = DirLock::wait_at(folder, "lock", LockMode::shared);
    const auto two = DirLock::try_at(folder, "lock", LockMode::shared);
    cr_expect(one.ok() && two.ok());
}

Test(base_file, a_lock_goes_with_the_process_that_held_it) {
    const std::string path = support::temporary_folder();
    const std::string text = support::in_child([&]() -> std::string {
        auto held = DirLock::wait_at(folder_of(path), "lock", LockMode::exclusive);
        std::move(held).value().release().release();  // Never closed but by the kernel.
        return "";
    });
    cr_expect_str_empty(text.c_str());
    cr_expect(DirLock::try_at(folder_of(path), "lock", LockMode::exclusive).ok());
}
