#include "base/root.h"

#include <cerrno>

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_root, .timeout = 5);

namespace {

/// A root with a secret beside it that no path below may reach.
struct Scene {
    std::string folder = support::temporary_folder();
    Root root;
    Scene() : root([this] {
        ::mkdir((folder + "/root").c_str(), 0755);
        support::write_file(folder + "/secret", "secret");
        return Root::open(folder + "/root").value();
    }()) {}
    std::string path(const std::string& below) const { return folder + "/root/" + below; }
    void link(const std::string& target, const std::string& name) const { cr_assert_eq(::symlink(target.c_str(), path(name).c_str()), 0); }
};

}  // namespace

Test(base_root, a_file_is_no_root) {
    Scene scene;
    const auto opened = Root::open(scene.folder + "/secret");
    cr_assert_not(opened.ok());
    cr_expect_eq(opened.error().code(), ENOTDIR);
    const auto of = Root::of(sys::open(scene.folder + "/secret", O_PATH).value());
    cr_assert_not(of.ok());
    cr_expect_str_eq(of.error().text().c_str(), "root: Not a directory");
}

Test(base_root, dots_stop_at_the_top) {
    Scene scene;
    support::write_file(scene.path("secret"), "inside");
    const std::string text = scene.root.read_file("../../../secret", 100).value();
    cr_expect_str_eq(text.c_str(), "inside");
}

Test(base_root, absolute_links_stay_inside) {
    Scene scene;
    scene.link("/secret", "link");
    support::write_file(scene.path("secret"), "inside");
    const std::string text = scene.root.read_file("/link", 100).value();
    cr_expect_str_eq(text.c_str(), "inside");
}

Test(base_root, a_link_out_by_dots_finds_nothing) {
    Scene scene;
    scene.link("../secret", "link");
    cr_expect_eq(scene.root.read_file("link", 100).error().code(), ENOENT);
}

Test(base_root, magic_links_are_refused) {
    Scene scene;
    const Root proc = Root::open("/proc/self").value();
    cr_expect_eq(proc.open_at("root/etc", O_PATH).error().code(), ELOOP);
}

Test(base_root, open_beneath_refuses_links_and_dots) {
    Scene scene;
    ::mkdir(scene.path("dir").c_str(), 0755);
    scene.link("dir", "link");
    cr_expect(scene.root.open_beneath("/dir", O_PATH).ok());
    cr_expect_eq(scene.root.open_beneath("link", O_PATH | O_DIRECTORY).error().code(), ELOOP);
    cr_expect_eq(scene.root.open_beneath("../secret", O_RDONLY).error().code(), EXDEV);
}

Test(base_root, the_parent_and_the_name_come_apart) {
    Scene scene;
    ::mkdir(scene.path("a").c_str(), 0755);
    const Root::Parent parent = scene.root.open_parent("/a/new/").value();
    cr_expect_str_eq(parent.name.c_str(), "new");
    cr_expect(sys::mkdirat(parent.folder, parent.name, 0755).ok());
    cr_expect(support::exists(scene.path("a/new")));
    const Root::Parent top = scene.root.open_parent("/").value();
    cr_expect_str_empty(top.name.c_str());
}

Test(base_root, a_name_that_is_dots_has_no_parent) {
    Scene scene;
    const auto parent = scene.root.open_parent("a/..");
    cr_assert_not(parent.ok());
    cr_expect_str_eq(parent.error().text().c_str(), "a/..: Invalid argument");
}

Test(base_root, folders_are_made_through_links_inside) {
    Scene scene;
    ::mkdir(scene.path("real").c_str(), 0755);
    scene.link("/real", "link");
    const auto made = scene.root.make_folders("/link/a/b", 0750, ::getuid(), ::getgid());
    cr_assert(made.ok());
    cr_expect(support::exists(scene.path("real/a/b")));
    cr_expect_eq(sys::fstat(made.value()).value().st_mode & 07777u, 0750u);
}

Test(base_root, a_link_to_nothing_on_the_way_is_an_error) {
    Scene scene;
    scene.link("/nowhere", "link");
    const auto made = scene.root.make_folders("link/a", 0755, ::getuid(), ::getgid());
    cr_assert_not(made.ok());
    cr_expect_eq(made.error().code(), ENOENT);
}

Test(base_root, a_file_on_the_way_is_an_error) {
    Scene scene;
    support::write_file(scene.path("file"), "");
    cr_expect_eq(scene.root.make_folders("file/a", 0755, ::getuid(), ::getgid()).error().code(), ENOTDIR);
}

Test(base_root, a_fifo_does_not_make_the_reader_wait) {
    Scene scene;
    ::mkfifo(scene.path("fifo").c_str(), 0600);
    const auto read = scene.root.read_file("fifo", 100);
    cr_assert_not(read.ok());
    cr_expect_str_eq(read.error().text().c_str(), "fifo: not a regular file");
}

Test(base_root, a_file_beyond_the_limit_is_refused) {
    Scene scene;
    support::write_file(scene.path("file"), std::string(101, 'x'));
    const auto read = scene.root.read_file("file", 100);
    cr_assert_not(read.ok());
    cr_expect_str_eq(read.error().text().c_str(), "larger than 100 bytes");
}

Test(base_root, clean_path_is_gos) {
    const auto expect = [](const char* path, const char* clean) {
        const std::string have = clean_path(path);
        cr_expect_str_eq(have.c_str(), clean, "%s gives %s, wanted %s", path, have.c_str(), clean);
    };
    expect("", ".");
    expect(".", ".");
    expect("/", "/");
    expect("//", "/");
    expect("a//b/./c/", "a/b/c");
    expect("/../a", "/a");
    expect("a/..", ".");
    expect("../a", "../a");
    expect("a/../../b", "../b");
    expect("/a/b/../../..", "/");
}

Test(base_root, join_path_lets_an_absolute_path_win) {
    const std::string relative = join_path("/a/b", "../c"), absolute = join_path("/a", "/c/"), alone = join_path("", "c");
    cr_expect_str_eq(relative.c_str(), "/a/c");
    cr_expect_str_eq(absolute.c_str(), "/c");
    cr_expect_str_eq(alone.c_str(), "c");
}
