#include "builder/layer_writer.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "builder/source.h"
#include "tests/unit/builder/buildkit.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_layer_writer, .timeout = 10);

namespace {

/// A folder below, one that is written, and a source.
struct Folders {
    std::string top = support::temporary_folder();
    std::string below = top + "/below", upper = top + "/upper", source = top + "/source";
    Folders() {
        for (const std::string& path : {below, upper, source}) ::mkdir(path.c_str(), 0755);
    }
};

struct stat look(const std::string& path) {
    struct stat status {};
    cr_assert_eq(::lstat(path.c_str(), &status), 0, "%s is missing", path.c_str());
    return status;
}

/// Copies what is in `folders.source` to `/dest` as COPY of a folder does.
std::string copy_all(const Folders& folders, const std::string& destination, const NewAttributes& attributes = {}) {
    const Root upper = Root::open(folders.upper).value(), below = Root::open(folders.below).value(), source = Root::open(folders.source).value();
    LayerWriter writer(upper, &below, attributes);
    const auto selections = select_source({source, nullptr, "the test"}, {".", false, nullptr}).value();
    const auto top = writer.resolve(destination);
    if (!top.ok()) return top.error().text();
    if (auto made = writer.make_folder(top.value().path); !made.ok()) return made.error().text();
    for (const SourceEntry& entry : selections.front().entries) {
        if (entry.path.empty()) continue;
        const LayerWriter::Entry what{source, entry.path, entry.status, entry.link, true};
        const std::string path = top.value().path.empty() ? entry.path : top.value().path + "/" + entry.path;
        auto done = S_ISDIR(entry.status.st_mode) ? writer.put_folder(what, path) : writer.put_other(what, path);
        if (!done.ok()) return done.error().text();
    }
    auto finished = writer.finish();
    return finished.ok() ? "" : finished.error().text();
}

}  // namespace

Test(builder_layer_writer, modes_times_links_and_content_are_copied) {
    support::needs_root();
    const Folders f;
    support::write_file(f.source + "/d/a", "hello", 04751);
    ::symlink("a", (f.source + "/d/l").c_str());
    ::link((f.source + "/d/a").c_str(), (f.source + "/d/h").c_str());
    const struct timespec times[2] = {{1000, 5}, {1000, 5}};
    ::utimensat(AT_FDCWD, (f.source + "/d/a").c_str(), times, 0);
    ::utimensat(AT_FDCWD, (f.source + "/d").c_str(), times, 0);
    const std::string error = copy_all(f, "/x");
    cr_assert(error.empty(), "%s", error.c_str());
    const struct stat a = look(f.upper + "/x/d/a");
    cr_expect_eq(a.st_mode & 07777, 04751u);
    cr_expect(a.st_mtim.tv_sec == 1000 && a.st_mtim.tv_nsec == 5);
    cr_expect_eq(look(f.upper + "/x/d").st_mtim.tv_sec, 1000);
    cr_expect_eq(look(f.upper + "/x/d/h").st_ino, a.st_ino);
    cr_expect(S_ISLNK(look(f.upper + "/x/d/l").st_mode));
    const std::string text = support::read_file(f.upper + "/x/d/a");
    support::same(text, "hello");
}
Test(builder_layer_writer, a_folder_below_keeps_its_attributes_when_something_goes_into_it) {
    support::needs_root();
    const Folders f;
    ::mkdir((f.below + "/x").c_str(), 0700);
    ::chmod((f.below + "/x").c_str(), 01700);
    ::chown((f.below + "/x").c_str(), 5, 6);
    ::setxattr((f.below + "/x").c_str(), "trusted.test", "v", 1, 0);
    support::write_file(f.source + "/a", "");
    cr_assert(copy_all(f, "/x/y").empty());
    const struct stat x = look(f.upper + "/x");
    cr_expect(x.st_uid == 5 && x.st_gid == 6 && (x.st_mode & 07777) == 01700);
    char value[8];
    cr_expect_eq(::getxattr((f.upper + "/x").c_str(), "trusted.test", value, sizeof value), 1);
    const struct stat y = look(f.upper + "/x/y");
    cr_expect(y.st_uid == 0 && (y.st_mode & 07777) == 0755);
}
Test(builder_layer_writer, a_link_below_is_followed_inside_the_image) {
    support::needs_root();
    const Folders f;
    ::mkdir((f.below + "/real").c_str(), 0755);
    ::symlink("/real", (f.below + "/x").c_str());
    support::write_file(f.source + "/a", "");
    cr_assert(copy_all(f, "/x/").empty());
    look(f.upper + "/real/a");
    cr_expect(!support::exists(f.upper + "/x"));
}
Test(builder_layer_writer, a_link_that_points_out_stays_inside) {
    support::needs_root();
    const Folders f;
    ::symlink("../../../../../tmp", (f.below + "/x").c_str());
    support::write_file(f.source + "/a", "");
    cr_assert(copy_all(f, "/x/").empty());
    look(f.upper + "/tmp/a");
}
Test(builder_layer_writer, a_file_over_a_folder_below_is_refused) {
    support::needs_root();
    const Folders f;
    support::write_file(f.below + "/x/a/inner", "");
    support::write_file(f.source + "/a", "");
    support::same(copy_all(f, "/x"), "cannot copy a file over the directory /x/a");
}
Test(builder_layer_writer, a_folder_over_a_file_below_is_refused) {
    support::needs_root();
    const Folders f;
    support::write_file(f.below + "/x/a", "");
    support::write_file(f.source + "/a/inner", "");
    support::same(copy_all(f, "/x"), "cannot copy a directory over /x/a, which is none");
}
Test(builder_layer_writer, owner_and_mode_are_changed_on_request) {
    support::needs_root();
    const Folders f;
    support::write_file(f.source + "/d/a", "", 0644);
    const ModeChange mode = ModeChange::parse("750").value();
    NewAttributes attributes;
    attributes.owner = Owner{7, 8};
    attributes.mode = &mode;
    cr_assert(copy_all(f, "/new/deep", attributes).empty());
    for (const char* path : {"/new", "/new/deep", "/new/deep/d", "/new/deep/d/a"}) {
        const struct stat status = look(f.upper + path);
        cr_expect(status.st_uid == 7 && status.st_gid == 8 && (status.st_mode & 07777) == 0750, "%s", path);
    }
}
Test(builder_layer_writer, a_whiteout_is_not_copied) {
    support::needs_root();
    const Folders f;
    ::mknod((f.source + "/w").c_str(), S_IFCHR, 0);
    support::same(copy_all(f, "/"), "/w: a device 0:0 cannot be copied");
}
