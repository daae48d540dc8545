#include "builder/source.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "builder/keys.h"
#include "tests/unit/builder/buildkit.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_source, .timeout = 10);

namespace {

/// a.txt b.txt .hidden d/x d/sub/y e/x link → d, and an escape.
std::string make_tree() {
    const std::string top = support::temporary_folder();
    for (const char* name : {"a.txt", "b.txt", ".hidden", "d/x", "d/sub/y", "e/x"}) support::write_file(top + "/" + name, name);
    ::symlink("d", (top + "/link").c_str());
    ::symlink("/d/x", (top + "/absolute").c_str());
    return top;
}

std::string selected(const std::string& top, const std::string& source, const std::vector<std::string>& ignored = {}, const std::vector<std::string>& excluded = {}, bool parents = false) {
    const Root root = Root::open(top).value();
    const IgnoreMatcher matcher = IgnoreMatcher::compile(ignored).value(), excludes = IgnoreMatcher::compile(excluded).value();
    const auto found = select_source({root, ignored.empty() ? nullptr : &matcher, "the build context"}, {source, parents, excluded.empty() ? nullptr : &excludes});
    if (!found.ok()) return found.error().text();
    std::string out;
    for (const Selection& selection : found.value()) {
        out += (out.empty() ? "" : " ") + (selection.is_folder() ? selection.root + "/:" : selection.name);
        for (const SourceEntry& entry : selection.entries)
            if (!entry.path.empty()) out += " " + entry.path;
    }
    return out;
}

std::string key_of(const std::string& top, const ContentOptions& options = {}) {
    const Root root = Root::open(top).value();
    FileDigests digests;
    return selection_key(root, select_source({root, nullptr, ""}, {".", false, nullptr}).value().front(), digests, options).value();
}

}  // namespace

Test(builder_source, a_file_is_itself) { support::same(selected(make_tree(), "/a.txt"), "a.txt"); }
Test(builder_source, a_folder_is_its_content) { support::same(selected(make_tree(), "d/"), "d/: sub sub/y x"); }
Test(builder_source, the_way_up_ends_at_the_top) { support::same(selected(make_tree(), "../../d/../a.txt"), "a.txt"); }
Test(builder_source, a_named_link_is_followed) { support::same(selected(make_tree(), "link"), "d/: sub sub/y x"); }
Test(builder_source, an_absolute_link_stays_in_the_tree) { support::same(selected(make_tree(), "absolute"), "absolute"); }
Test(builder_source, a_star_matches_hidden_names_and_stops_at_a_slash) { support::same(selected(make_tree(), "*"), ".hidden a.txt absolute b.txt d/: sub sub/y x e/: x d/: sub sub/y x"); }
Test(builder_source, wildcards_match_whole_paths) { support::same(selected(make_tree(), "?/x"), "x x"); }
Test(builder_source, a_wildcard_may_match_nothing) { support::same(selected(make_tree(), "*.md"), ""); }
Test(builder_source, a_missing_file_is_named) { support::same(selected(make_tree(), "nofile"), "\"/nofile\": not found in the build context"); }
Test(builder_source, an_ignored_file_is_not_found) { support::same(selected(make_tree(), "a.txt", {"*.txt"}), "\"/a.txt\": not found in the build context"); }
Test(builder_source, ignored_files_are_left_out_and_exceptions_come_back) {
    support::same(selected(make_tree(), ".", {"*", "!d/sub/y"}), "/: d d/sub d/sub/y");
}
Test(builder_source, excludes_are_relative_to_the_source) { support::same(selected(make_tree(), "d", {}, {"sub"}), "d/: x"); }
Test(builder_source, parents_are_kept_from_the_pivot_on) {
    support::same(selected(make_tree(), "d/./sub/y", {}, {}, true), "d/: sub sub/y");
    support::same(selected(make_tree(), "**/x", {}, {}, true), "/: d d/x e e/x");
    support::same(selected(make_tree(), "d/none", {}, {}, true), "\"/d/none\": not found in the build context");
}

Test(builder_source, a_key_knows_content_names_and_modes_but_no_times) {
    const std::string top = support::temporary_folder();
    support::write_file(top + "/a", "1", 0644);
    const std::string first = key_of(top);
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    ::utimensat(AT_FDCWD, (top + "/a").c_str(), times, 0);
    support::same(key_of(top), first);
    ::chmod((top + "/a").c_str(), 0600);
    cr_expect(key_of(top) != first);
    cr_expect(key_of(top, {true, false}) != first);
    ::chmod((top + "/a").c_str(), 0644);
    support::write_file(top + "/a", "2", 0644);
    cr_expect(key_of(top) != first);
}
Test(builder_source, a_remembered_digest_is_used_and_a_change_is_seen) {
    const std::string top = make_tree(), cache = support::temporary_folder();
    const Root root = Root::open(top).value();
    struct stat status {};
    ::usleep(50000);
    ::stat((top + "/a.txt").c_str(), &status);
    FileDigests first = FileDigests::load(cache, "c");
    const std::string digest = first.digest_of(root, "a.txt", status).value();
    cr_assert(first.store().ok());
    FileDigests second = FileDigests::load(cache, "c");
    // The file is gone: only memory can answer.
    ::unlink((top + "/a.txt").c_str());
    support::same(second.digest_of(root, "a.txt", status).value(), digest);
    status.st_ctim.tv_nsec += 1;
    cr_expect(!second.digest_of(root, "a.txt", status).ok());
}
