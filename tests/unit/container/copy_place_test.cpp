#include <criterion/criterion.h>

#include <sys/stat.h>
#include <unistd.h>

#include "container/copy.h"
#include "container/copy_place.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_copy_place, .timeout = 10);

namespace {

/// docker's table of cases: what source and destination are, in its letters.
CopyFacts facts(bool folder, bool contents, bool exists, bool is_folder, bool asserts) {
    return {.source_is_folder = folder, .contents_only = contents, .target_exists = exists, .target_is_folder = is_folder, .target_asserts_folder = asserts};
}
CopyAction action(const CopyFacts& what) { return plan_copy(what).value(); }
std::string refusal(const CopyFacts& what) { return plan_copy(what).error().text(); }

/// A root with a file, a folder, and links of all sorts.
std::string make_tree() {
    const std::string top = support::temporary_folder();
    support::write_file(top + "/dir/file", "text");
    cr_assert_eq(symlink("file", (top + "/dir/near").c_str()), 0);
    cr_assert_eq(symlink("/dir", (top + "/link").c_str()), 0);
    cr_assert_eq(symlink("/../../../../etc", (top + "/out").c_str()), 0);
    cr_assert_eq(symlink("/dir/absent", (top + "/dangling").c_str()), 0);
    cr_assert_eq(symlink("loop", (top + "/loop").c_str()), 0);
    return top;
}

struct Seen {
    std::string name, title;
    bool exists = false, is_folder = false, contents = false;
    int error = 0;
};
Seen look(const std::string& top, const std::string& path, LastLink last) {
    const Root root = Root::open(top).value();
    const auto end = look_up_end(root, path, last);
    if (!end.ok()) return {.name = {}, .title = {}, .error = end.error().code()};
    const CopyEnd& found = end.value();
    return {found.name, found.title, found.exists(), found.is_folder(), found.contents_only, 0};
}

}  // namespace

Test(container_copy_place, a_file_takes_an_absent_name) { cr_expect(action(facts(false, false, false, false, false)) == CopyAction::as_name); }
Test(container_copy_place, a_file_does_not_become_a_folder) { EXPECT_TEXT(refusal(facts(false, false, false, false, true)), "no such directory"); }
Test(container_copy_place, a_file_replaces_a_file) { cr_expect(action(facts(false, false, true, false, false)) == CopyAction::as_name); }
Test(container_copy_place, a_file_goes_into_a_folder) { cr_expect(action(facts(false, false, true, true, false)) == CopyAction::into_folder); }
Test(container_copy_place, a_folder_takes_an_absent_name) { cr_expect(action(facts(true, false, false, false, true)) == CopyAction::as_name); }
Test(container_copy_place, a_folder_replaces_no_file) { EXPECT_TEXT(refusal(facts(true, false, true, false, false)), "cannot copy directory"); }
Test(container_copy_place, a_folder_goes_into_a_folder) { cr_expect(action(facts(true, false, true, true, false)) == CopyAction::into_folder); }
Test(container_copy_place, contents_take_an_absent_name) { cr_expect(action(facts(true, true, false, false, false)) == CopyAction::as_name); }
Test(container_copy_place, contents_replace_no_file) { EXPECT_TEXT(refusal(facts(true, true, true, false, false)), "cannot copy directory"); }
Test(container_copy_place, contents_merge_into_a_folder) { cr_expect(action(facts(true, true, true, true, false)) == CopyAction::into_contents); }

Test(container_copy_place, a_file_is_found_by_its_folder_and_name) {
    const Seen seen = look(make_tree(), "/dir/file", LastLink::keep);
    EXPECT_TEXT(seen.name, "file");
    cr_expect(seen.exists && !seen.is_folder);
}

Test(container_copy_place, an_absent_name_is_no_error_but_an_absent_folder_is) {
    const std::string top = make_tree();
    cr_expect(!look(top, "/dir/new", LastLink::follow).exists);
    cr_expect_eq(look(top, "/dir/new", LastLink::follow).error, 0);
    cr_expect_eq(look(top, "/no/new", LastLink::follow).error, ENOENT);
    cr_expect_eq(look(top, "/dir/file/new", LastLink::follow).error, ENOTDIR);
}

Test(container_copy_place, a_slash_behind_a_file_is_refused) {
    cr_expect_eq(look(make_tree(), "/dir/file/", LastLink::keep).error, ENOTDIR);
}

Test(container_copy_place, a_link_is_kept_unless_it_is_to_be_followed) {
    const std::string top = make_tree();
    EXPECT_TEXT(look(top, "/link", LastLink::keep).name, "link");
    cr_expect(!look(top, "/link", LastLink::keep).is_folder);
    const Seen followed = look(top, "/link", LastLink::follow);
    EXPECT_TEXT(followed.name, "dir");
    EXPECT_TEXT(followed.title, "link");
    cr_expect(followed.is_folder);
}

Test(container_copy_place, a_slash_behind_a_link_follows_it) {
    const Seen seen = look(make_tree(), "/link/", LastLink::keep);
    cr_expect(seen.is_folder);
    EXPECT_TEXT(seen.title, "link");
    cr_expect(look(make_tree(), "/link/.", LastLink::keep).contents);
}

Test(container_copy_place, a_relative_link_starts_where_it_stands) {
    const Seen seen = look(make_tree(), "/link/near", LastLink::follow);
    EXPECT_TEXT(seen.name, "file");
    EXPECT_TEXT(seen.title, "near");
}

Test(container_copy_place, a_dangling_link_leads_to_its_absent_target) {
    const Seen seen = look(make_tree(), "/dangling", LastLink::follow);
    EXPECT_TEXT(seen.name, "absent");
    cr_expect(!seen.exists);
}

Test(container_copy_place, no_link_leads_out_of_the_root) {
    const std::string top = make_tree();
    cr_expect(!look(top, "/out", LastLink::follow).exists);
    cr_expect_eq(look(top, "/out/passwd", LastLink::follow).error, ENOENT);
    cr_expect(look(top, "/../../dir", LastLink::follow).is_folder);
}

Test(container_copy_place, links_in_a_circle_end) { cr_expect_eq(look(make_tree(), "/loop", LastLink::follow).error, ELOOP); }

Test(container_copy_place, the_root_stands_for_its_contents) {
    const Seen seen = look(make_tree(), "/", LastLink::keep);
    cr_expect(seen.is_folder && seen.contents);
    EXPECT_TEXT(seen.name, ".");
}

Test(container_copy_place, a_container_stands_before_the_first_colon) {
    const CopyPlace place = parse_copy_place("web:/etc/a:b");
    cr_expect(place.kind == CopyPlace::Kind::container);
    EXPECT_TEXT(place.container, "web");
    EXPECT_TEXT(place.path, "/etc/a:b");
}

Test(container_copy_place, what_begins_with_a_slash_or_dot_is_the_hosts) {
    cr_expect(parse_copy_place("./a:b").kind == CopyPlace::Kind::host);
    cr_expect(parse_copy_place("/a:b").kind == CopyPlace::Kind::host);
    cr_expect(parse_copy_place("plain").kind == CopyPlace::Kind::host);
    cr_expect(parse_copy_place("-").kind == CopyPlace::Kind::stream);
}
