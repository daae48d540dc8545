#include "image/unpack.h"

#include <criterion/criterion.h>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/image/tar_bytes.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::image;
namespace tar = tar_bytes;

TestSuite(image_unpack, .timeout = 30);

namespace {

/// A folder to unpack into, with a file beside it that nothing may touch.
struct Place {
    std::string outside = support::temporary_folder();
    std::string root = outside + "/root";
    Place() {
        ::mkdir(root.c_str(), 0755);
        support::write_file(outside + "/victim", "untouched", 0600);
    }
    std::string path(const std::string& name) const { return root + "/" + name; }
    bool is_safe() const {
        struct stat status {};
        ::stat((outside + "/victim").c_str(), &status);
        return support::read_file(outside + "/victim") == "untouched" && (status.st_mode & 07777) == 0600 && status.st_nlink == 1;
    }
};

UnpackOptions layer() {
    UnpackOptions options;
    options.form = UnpackOptions::Form::layer;
    return options;
}

/// "" or the error.
std::string run(const Place& place, const std::string& members, const UnpackOptions& options, UnpackResult* result = nullptr) {
    const std::string archive = members + tar::end();
    TextSource source(archive);
    const Root root = Root::open(place.root).value();
    Result<UnpackResult> done = unpack(source, root, options);
    if (!done.ok()) return done.error().text();
    if (result != nullptr) *result = std::move(done).value();
    return "";
}

void expect(const Place& place, const std::string& members, const UnpackOptions& options, const std::string& want) {
    const std::string have = run(place, members, options);
    cr_expect_str_eq(have.c_str(), want.c_str());
    cr_expect(place.is_safe());
}

struct stat status_of(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) status.st_mode = 0;
    return status;
}
bool is_whiteout(const std::string& path) {
    const struct stat status = status_of(path);
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}
bool is_opaque(const std::string& path) {
    char value[8] = {};
    return ::lgetxattr(path.c_str(), "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

}  // namespace

Test(image_unpack, files_get_owner_mode_and_time) {
    support::needs_root();
    const Place place;
    tar::Header header;
    header.name = "f";
    header.mode = "0004711";
    header.uid = "0000144";
    header.gid = "0000310";
    header.mtime = tar::octal(981173106);
    expect(place, tar::block(header), layer(), "");
    const struct stat status = status_of(place.path("f"));
    cr_expect_eq(status.st_mode & 07777, 04711u);
    cr_expect(status.st_uid == 100 && status.st_gid == 200 && status.st_mtime == 981173106);
}

Test(image_unpack, folders_keep_mode_and_time_although_files_follow) {
    support::needs_root();
    const Place place;
    tar::Header header;
    header.name = "d/";
    header.type = '5';
    header.mode = "0002500";
    header.mtime = tar::octal(1000);
    expect(place, tar::block(header) + tar::file("d/f", "x"), layer(), "");
    const struct stat status = status_of(place.path("d"));
    cr_expect_eq(status.st_mode & 07777, 02500u);
    cr_expect_eq(status.st_mtime, 1000);
    cr_expect_eq(status_of(place.path("d/f")).st_gid, 0u);
}

Test(image_unpack, the_last_description_of_a_folder_counts_with_its_owner) {
    support::needs_root();
    const Place place;
    tar::Header first;
    first.name = "d/", first.type = '5', first.uid = "0000144", first.gid = "0000310";
    expect(place, tar::block(first) + tar::folder("d/", "0000700"), layer(), "");
    const struct stat status = status_of(place.path("d"));
    cr_expect(status.st_uid == 0 && status.st_gid == 0 && (status.st_mode & 07777) == 0700);
}

Test(image_unpack, devices_and_fifos_keep_special_bits) {
    support::needs_root();
    const Place place;
    tar::Header device;
    device.name = "c", device.type = '3', device.mode = "0006755", device.uid = "0000144", device.major_number = device.minor_number = "0000003";
    tar::Header fifo;
    fifo.name = "f", fifo.type = '6', fifo.mode = "0004711", fifo.uid = "0000144";
    expect(place, tar::block(device) + tar::block(fifo), layer(), "");
    cr_expect_eq(status_of(place.path("c")).st_mode & 07777, 06755);
    cr_expect_eq(status_of(place.path("f")).st_mode & 07777, 04711);
}

Test(image_unpack, paths_out_of_the_root_are_refused) {
    for (const char* path : {"../victim", "a/../../victim", "/../victim", "..", "a/.."}) {
        const Place place;
        const std::string want = cat("'", path, "': '..' in a path");
        expect(place, tar::file(path, "x"), layer(), want);
        expect(place, tar::file(path, "x"), {}, want);
    }
}

Test(image_unpack, absolute_paths_start_at_the_root) {
    const Place place;
    expect(place, tar::file("/a/f", "x"), {}, "");
    const std::string text = support::read_file(place.path("a/f"));
    cr_expect_str_eq(text.c_str(), "x");
}

Test(image_unpack, links_in_parents_lead_inside_the_root) {
    for (const char* target : {"/", "..", "../..", "/..", "../../../../.."}) {
        const Place place;
        expect(place, tar::symlink("l", target) + tar::file("l/victim", "x"), layer(), "");
        const std::string text = support::read_file(place.path("victim"));
        cr_expect_str_eq(text.c_str(), "x");
    }
}

Test(image_unpack, an_absolute_link_as_parent_lands_where_the_container_would) {
    const Place place;
    expect(place, tar::symlink("localetc", "/etc") + tar::file("localetc/x", "1"), layer(), "");
    cr_expect(support::exists(place.path("etc/x")));
}

Test(image_unpack, a_file_replaces_a_link_and_does_not_follow_it) {
    const Place place;
    expect(place, tar::symlink("l", "../victim") + tar::file("l", "x"), {}, "");
    cr_expect(S_ISREG(status_of(place.path("l")).st_mode));
}

Test(image_unpack, a_mode_does_not_reach_through_a_link) {
    const Place place;
    expect(place, tar::symlink("l", "../victim") + tar::hard_link("h", "l") + tar::file("h", "x", "0000777"), {}, "");
}

Test(image_unpack, hard_links_out_of_the_root_are_refused) {
    const Place place;
    expect(place, tar::hard_link("h", "../victim"), layer(), "'h': link to '../victim': '..' in a path");
    expect(place, tar::hard_link("h", "/victim"), {}, "'h': link to '/victim', which is not there");
    expect(place, tar::symlink("l", "..") + tar::hard_link("h", "l/victim"), {}, "'h': link to 'l/victim', which is not there");
}

Test(image_unpack, a_hard_link_to_a_link_is_a_name_of_the_link) {
    const Place place;
    expect(place, tar::symlink("l", "../victim") + tar::hard_link("h", "l"), layer(), "");
    cr_expect(S_ISLNK(status_of(place.path("h")).st_mode));
    cr_expect_eq(status_of(place.path("h")).st_ino, status_of(place.path("l")).st_ino);
}

Test(image_unpack, hard_links_to_files_below_a_layer_are_told) {
    const Place place;
    UnpackResult result;
    const std::string have = run(place, tar::hard_link("h", "bin/busybox"), layer(), &result);
    cr_expect_str_eq(have.c_str(), "");
    cr_assert_eq(result.missing_links.size(), 1u);
    cr_expect_str_eq(result.missing_links[0].target.c_str(), "bin/busybox");
}

Test(image_unpack, the_root_can_only_be_a_folder) {
    const Place place;
    expect(place, tar::symlink("./", "/etc"), layer(), "'./': the root of an archive is no folder");
    expect(place, tar::folder("./", "0000700"), layer(), "");
    cr_expect_eq(status_of(place.root).st_mode & 07777, 0700u);
}

Test(image_unpack, whiteouts_become_overlays) {
    support::needs_root();
    const Place place;
    expect(place, tar::folder("d/") + tar::file("d/.wh.gone", "") + tar::file("d/.wh..wh..opq", "") + tar::file(".wh.top", ""), layer(), "");
    cr_expect(is_whiteout(place.path("top")));
    cr_expect(is_opaque(place.path("d")));
    // In an opaque folder a whiteout hides nothing more, and would show as a broken file.
    cr_expect(!support::exists(place.path("d/gone")));
}

Test(image_unpack, a_whiteout_spares_what_its_own_layer_made) {
    support::needs_root();
    const Place place;
    expect(place, tar::file("f", "x") + tar::file(".wh.f", "") + tar::folder("d/") + tar::file("d/g", "y") + tar::file(".wh.d", ""), layer(), "");
    cr_expect(S_ISREG(status_of(place.path("f")).st_mode));
    cr_expect(support::exists(place.path("d/g")));
    cr_expect(is_opaque(place.path("d")));
}

Test(image_unpack, a_folder_after_its_whiteout_is_opaque) {
    support::needs_root();
    const Place place;
    expect(place, tar::file(".wh.d", "") + tar::file("d/f", "x") + tar::file(".wh.e", "") + tar::folder("e/"), layer(), "");
    cr_expect(is_opaque(place.path("d")));
    cr_expect(is_opaque(place.path("e")));
}

Test(image_unpack, an_opaque_marker_may_come_before_its_folder) {
    support::needs_root();
    const Place place;
    expect(place, tar::file("d/.wh..wh..opq", "") + tar::folder("d/", "0000700"), layer(), "");
    cr_expect(is_opaque(place.path("d")));
    cr_expect_eq(status_of(place.path("d")).st_mode & 07777, 0700u);
}

Test(image_unpack, whiteouts_without_a_proper_name_are_refused) {
    for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh.."}) {
        const Place place;
        expect(place, tar::file(name, ""), layer(), cat("'", name, "': a whiteout without a name"));
    }
}

Test(image_unpack, what_aufs_left_is_passed_over) {
    const Place place;
    expect(place, tar::file(".wh..wh.aufs", "") + tar::folder(".wh..wh.plnk/") + tar::file(".wh..wh.plnk/1.2", "x"), layer(), "");
    cr_expect(!support::exists(place.path(".wh..wh.plnk")));
}

Test(image_unpack, names_of_whiteouts_are_names_outside_layers) {
    const Place place;
    expect(place, tar::file(".wh.f", "x"), {}, "");
    cr_expect(support::exists(place.path(".wh.f")));
}

Test(image_unpack, overlays_own_whiteout_device_is_refused) {
    const Place place;
    expect(place, tar::device("c", '3', 0, 0), layer(), "'c': a character device 0:0 is overlay's whiteout");
}

Test(image_unpack, forged_overlay_attributes_are_left_out) {
    support::needs_root();
    const Place place;
    UnpackResult result;
    const std::string archive = tar::extension('x', tar::record("SCHILY.xattr.trusted.overlay.redirect", "/etc") +
                                                        tar::record("SCHILY.xattr.user.overlay.opaque", "y")) + tar::folder("d/");
    const std::string have = run(place, archive, layer(), &result);
    cr_expect_str_eq(have.c_str(), "");
    cr_expect_eq(result.warnings.size(), 2u);
    cr_expect_eq(::llistxattr(place.path("d").c_str(), nullptr, 0), 0);
}

Test(image_unpack, capabilities_are_kept) {
    support::needs_root();
    const Place place;
    const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    tar::Header header;
    header.name = "ping";
    header.uid = "0000144";
    expect(place, tar::extension('x', tar::record("SCHILY.xattr.security.capability", capability)) + tar::block(header), layer(), "");
    char value[64];
    const ssize_t size = ::lgetxattr(place.path("ping").c_str(), "security.capability", value, sizeof value);
    cr_expect(std::string_view(value, size < 0 ? 0 : static_cast<std::size_t>(size)) == capability);
}

Test(image_unpack, the_last_of_equal_names_wins) {
    const Place place;
    expect(place, tar::file("f", "1") + tar::file("f", "2") + tar::folder("d/") + tar::file("d/x", "") + tar::symlink("d", "f"), layer(), "");
    const std::string text = support::read_file(place.path("f"));
    cr_expect_str_eq(text.c_str(), "2");
    cr_expect(S_ISLNK(status_of(place.path("d")).st_mode));
}

Test(image_unpack, implied_folders_are_told_and_described_ones_are_not) {
    const Place place;
    UnpackResult result;
    run(place, tar::file("a/b/c", "") + tar::folder("a/", "0000700"), layer(), &result);
    cr_assert_eq(result.implied_folders.size(), 1u);
    cr_expect_str_eq(result.implied_folders[0].c_str(), "a/b");
    cr_expect_eq(status_of(place.path("a")).st_mode & 07777, 0700u);
}

Test(image_unpack, a_file_is_no_folder) {
    const Place place;
    expect(place, tar::file("f", "x") + tar::file("f/g", "y"), layer(), "'f/g': folder 'f': is not a folder");
}

Test(image_unpack, links_in_a_circle_are_refused) {
    const Place place;
    const std::string have = run(place, tar::symlink("a", "b") + tar::symlink("b", "a") + tar::file("a/f", "x"), layer());
    cr_expect(!have.empty());
    cr_expect(place.is_safe());
}

Test(image_unpack, types_are_kept_when_asked_to) {
    UnpackOptions options;
    options.existing = UnpackOptions::Existing::refuse_type_change;
    const Place place;
    ::mkdir(place.path("d").c_str(), 0755);
    support::write_file(place.path("f"), "x");
    expect(place, tar::file("d", "x"), options, "'d': cannot overwrite a folder with something that is none");
    expect(place, tar::folder("f/"), options, "'f/': cannot overwrite with a folder something that is none");
}

Test(image_unpack, too_long_and_too_deep_paths_are_refused) {
    const Place place;
    const std::string name(256, 'n');
    expect(place, tar::extension('x', tar::record("path", name)) + tar::file("f", ""), layer(), cat("'", name, "': a name is longer than 255 bytes"));
    std::string deep;
    for (int i = 0; i < 257; ++i) deep += "d/";
    expect(place, tar::extension('x', tar::record("path", deep + "f")) + tar::file("f", ""), layer(), cat("'", deep, "f': a path is deeper than 256 folders"));
}

Test(image_unpack, limits_stop_bombs) {
    const Place place;
    UnpackOptions options = layer();
    options.most_bytes = 10;
    expect(place, tar::file("a", "12345678") + tar::file("b", "123"), options, "'b': archive holds more than 10 bytes");
    options.most_entries = 1;
    expect(place, tar::folder("x/") + tar::folder("y/"), options, "archive has more than 1 members");
}

Test(image_unpack, long_runs_of_zeros_become_holes) {
    const Place place;
    expect(place, tar::file("f", std::string(1 << 20, '\0') + "end"), layer(), "");
    const struct stat status = status_of(place.path("f"));
    cr_expect_eq(status.st_size, (1 << 20) + 3);
    cr_expect_lt(status.st_blocks, 512);
}

Test(image_unpack, a_missing_end_mark_is_refused_when_it_matters) {
    const Place place;
    UnpackOptions options;
    options.needs_end_mark = true;
    const std::string archive = tar::file("f", "x");
    TextSource source(archive);
    const Root root = Root::open(place.root).value();
    const Result<UnpackResult> done = unpack(source, root, options);
    cr_assert(!done.ok());
    cr_expect_str_eq(done.error().text().c_str(), "archive has no end mark: it may be cut off");
}
