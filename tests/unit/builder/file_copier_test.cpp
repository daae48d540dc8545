#include "builder/file_copier.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cat.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_file_copier, .timeout = 20);

namespace {

struct Folders {
    std::string from = support::temporary_folder(), to = support::temporary_folder();
    Root source = Root::open(from).value(), upper = Root::open(to).value();

    FileCopy file(const std::string& name, const std::string& text, mode_t mode) const {
        support::write_file(from + "/" + name, text);
        FileCopy out{&source, name, {}, name, {::geteuid(), ::getegid()}, mode};
        ::stat((from + "/" + name).c_str(), &out.status);
        return out;
    }
};

}  // namespace

Test(builder_file_copier, many_files_keep_their_content_mode_and_time) {
    const Folders f;
    std::vector<FileCopy> files;
    for (int i = 0; i < 500; ++i) {
        const std::string folder = cat("d", i / 50);
        ::mkdir((f.to + "/" + folder).c_str(), 0755);
        files.push_back(f.file(cat(folder, "/", i), i % 100 == 0 ? std::string(200'000 + i, 'x') : cat("text ", i), i % 2 ? 0640 : 0711));
    }
    copy_files(f.upper, files).value();
    for (int i = 0; i < 500; ++i) {
        const std::string name = files[static_cast<std::size_t>(i)].path;
        cr_assert(support::read_file(f.to + "/" + name) == support::read_file(f.from + "/" + name), "content of %s", name.c_str());
        struct stat made {};
        cr_assert_eq(::stat((f.to + "/" + name).c_str(), &made), 0);
        cr_assert_eq(made.st_mode & 07777, i % 2 ? 0640u : 0711u);
        cr_assert_eq(made.st_mtim.tv_nsec, files[static_cast<std::size_t>(i)].status.st_mtim.tv_nsec);
    }
}

Test(builder_file_copier, the_first_file_that_failed_is_the_one_that_is_told) {
    const Folders f;
    std::vector<FileCopy> files;
    for (int i = 0; i < 300; ++i) files.push_back(f.file(cat(i), "x", 0644));
    for (const int gone : {299, 150, 7}) ::unlink((f.from + "/" + std::to_string(gone)).c_str());
    const auto copied = copy_files(f.upper, files);
    cr_assert(!copied.ok());
    const std::string text = copied.error().text();
    cr_expect(text.find("/7: ") != std::string::npos, "%s", text.c_str());
}

Test(builder_file_copier, a_file_that_changed_since_it_was_chosen_is_an_error) {
    const Folders f;
    const std::vector<FileCopy> files = {f.file("a", "before", 0644)};
    support::write_file(f.from + "/a", "afterwards");
    const auto copied = copy_files(f.upper, files);
    cr_assert(!copied.ok());
    cr_expect(copied.error().kind() == Kind::busy);
}

Test(builder_file_copier, a_link_in_the_way_is_replaced_and_not_followed) {
    const Folders f;
    const std::string outside = support::write_file(support::temporary_folder() + "/outside", "untouched");
    ::symlink(outside.c_str(), (f.to + "/a").c_str());
    copy_files(f.upper, {f.file("a", "new", 0644)}).value();
    EXPECT_TEXT(support::read_file(outside), "untouched");
    EXPECT_TEXT(support::read_file(f.to + "/a"), "new");
}

Test(builder_file_copier, a_folder_in_the_way_is_an_error) {
    const Folders f;
    ::mkdir((f.to + "/a").c_str(), 0755);
    const auto copied = copy_files(f.upper, {f.file("a", "new", 0644)});
    cr_assert(!copied.ok());
    cr_expect(copied.error().kind() == Kind::exists);
}
