#include "image/tar_reader.h"

#include <criterion/criterion.h>

#include "image/tar_writer.h"
#include "tests/unit/image/tar_bytes.h"

using namespace berth;
using namespace berth::image;

TestSuite(image_tar_reader, .timeout = 20);

namespace {

/// One line a member: "path type size link content"; or the error.
std::string listing(const std::string& archive) {
    TextSource source(archive);
    TarReader reader(source);
    std::string out;
    while (true) {
        const auto entry = reader.next();
        if (!entry.ok()) return out + entry.error().text();
        if (!entry.value()) break;
        const TarEntry& e = *entry.value();
        std::string content(static_cast<std::size_t>(e.size), '.');
        while (true) {
            const auto piece = reader.read_content();
            if (!piece.ok()) return out + piece.error().text();
            if (!piece.value()) break;
            content.replace(static_cast<std::size_t>(piece.value()->offset), piece.value()->bytes.size(), piece.value()->bytes);
        }
        out += cat(e.path, " ", static_cast<int>(e.type), " ", e.size, " ", e.link, " ", content, "\n");
    }
    if (!reader.has_end_mark()) out += "no end mark\n";
    return out;
}

void expect(const std::string& archive, const std::string& want) {
    const std::string have = listing(archive);
    cr_expect_str_eq(have.c_str(), want.c_str());
}

}  // namespace

Test(image_tar_reader, members_come_in_order_with_their_content) {
    expect(tar_bytes::folder("d/") + tar_bytes::file("d/f", "hello") + tar_bytes::symlink("l", "d/f") + tar_bytes::end(),
           "d/ 5 0  \nd/f 0 5  hello\nl 2 0 d/f \n");
}

Test(image_tar_reader, an_archive_without_end_mark_is_read_and_told) { expect(tar_bytes::file("f", "x"), "f 0 1  x\nno end mark\n"); }

Test(image_tar_reader, a_cut_archive_is_corrupt) {
    expect(tar_bytes::file("f", std::string(1000, 'x')).substr(0, 1000), "archive is cut off");
    expect(tar_bytes::file("f", "x").substr(0, 300), "archive is cut off");
}

Test(image_tar_reader, a_wrong_checksum_is_corrupt) {
    std::string archive = tar_bytes::file("f", "x");
    archive[0] = 'g';
    expect(archive, "header has a wrong checksum");
}

Test(image_tar_reader, a_lone_zero_block_is_corrupt) {
    expect(std::string(512, '\0') + tar_bytes::file("f", "x"), "a lone block of zeros stands between members");
}

Test(image_tar_reader, unknown_types_are_corrupt) {
    tar_bytes::Header header;
    header.name = "v";
    header.type = 'V';
    expect(tar_bytes::block(header), "member of unknown type 'V'");
}

Test(image_tar_reader, pax_names_win_over_the_header) {
    const std::string name(300, 'n');
    expect(tar_bytes::extension('x', tar_bytes::record("path", name)) + tar_bytes::file("short", "x") + tar_bytes::end(), name + " 0 1  x\n");
}

Test(image_tar_reader, gnu_long_names_and_links_are_read) {
    const std::string name(200, 'n'), link(200, 'l');
    expect(tar_bytes::extension('L', name + std::string(1, '\0')) + tar_bytes::extension('K', link + std::string(1, '\0')) +
               tar_bytes::symlink("s", "t") + tar_bytes::end(),
           name + " 2 0 " + link + " \n");
}

Test(image_tar_reader, a_pax_size_wins_so_that_nothing_hides_behind_it) {
    // A reader that took the header's 0 would find the content to be the next header (CVE-2025-62518).
    tar_bytes::Header header;
    header.name = "f";
    const std::string inner(512, 'i');
    expect(tar_bytes::extension('x', tar_bytes::record("size", "512")) + tar_bytes::block(header) + inner + tar_bytes::end(),
           "f 0 512  " + inner + "\n");
}

Test(image_tar_reader, pax_records_do_not_apply_to_a_long_name_header) {
    // size=0 for the file, not for the name that comes first (CVE-2026-53655).
    const std::string name(150, 'n');
    expect(tar_bytes::extension('x', tar_bytes::record("mtime", "1.5")) + tar_bytes::extension('L', name) + tar_bytes::file("f", "x") + tar_bytes::end(),
           name + " 0 1  x\n");
}

Test(image_tar_reader, two_names_of_different_kind_are_corrupt) {
    expect(tar_bytes::extension('x', tar_bytes::record("path", "a")) + tar_bytes::extension('L', "b") + tar_bytes::file("f", "x"),
           "'a': named by a PAX and by a GNU header");
}

Test(image_tar_reader, a_global_header_may_not_set_sizes) {
    expect(tar_bytes::extension('g', tar_bytes::record("size", "5")), "global PAX header sets 'size'");
    expect(tar_bytes::extension('g', tar_bytes::record("comment", "x")) + tar_bytes::file("f", "") + tar_bytes::end(), "f 0 0  \n");
}

Test(image_tar_reader, damaged_pax_records_are_corrupt) {
    for (const char* body : {"5 a=b\n", "999 path=x\n", "path=x\n", "8 path\n\n\n", "9 =value\n"})
        expect(tar_bytes::extension('x', body) + tar_bytes::file("f", "x"), "PAX record does not parse");
}

Test(image_tar_reader, a_nul_in_a_name_is_corrupt) {
    expect(tar_bytes::extension('x', tar_bytes::record("path", std::string("good\0evil", 9))) + tar_bytes::file("f", ""), "a name contains a NUL");
}

Test(image_tar_reader, owners_out_of_range_are_corrupt) {
    for (const char* id : {"4294967295", "-1", "99999999999"})
        expect(tar_bytes::extension('x', tar_bytes::record("uid", id)) + tar_bytes::file("f", ""), "'f': owner is out of range");
}

Test(image_tar_reader, base_256_numbers_are_read) {
    tar_bytes::Header header;
    header.name = "f";
    header.uid = std::string("\x80\0\0\0\0\x20\0\0", 8);
    const std::string archive = tar_bytes::block(header) + tar_bytes::end();
    TextSource source(archive);
    TarReader reader(source);
    const auto entry = reader.next();
    cr_assert(entry.ok());
    cr_expect_eq(entry.value()->uid, 2097152u);
}

Test(image_tar_reader, links_have_no_content_whatever_their_size_says) {
    tar_bytes::Header header;
    header.name = "h";
    header.type = '1';
    header.link = "f";
    header.size = tar_bytes::octal(512);
    expect(tar_bytes::file("f", "x") + tar_bytes::block(header) + tar_bytes::file("g", "y") + tar_bytes::end(), "f 0 1  x\nh 1 0 f \ng 0 1  y\n");
}

Test(image_tar_reader, pax_sparse_files_of_all_versions_are_expanded) {
    const std::string v00 = tar_bytes::record("GNU.sparse.size", "6") + tar_bytes::record("GNU.sparse.numblocks", "2") +
                            tar_bytes::record("GNU.sparse.offset", "0") + tar_bytes::record("GNU.sparse.numbytes", "2") +
                            tar_bytes::record("GNU.sparse.offset", "4") + tar_bytes::record("GNU.sparse.numbytes", "2");
    expect(tar_bytes::extension('x', v00) + tar_bytes::file("s", "abcd") + tar_bytes::end(), "s 0 6  ab..cd\n");
    const std::string v01 = tar_bytes::record("GNU.sparse.size", "6") + tar_bytes::record("GNU.sparse.numblocks", "2") +
                            tar_bytes::record("GNU.sparse.name", "real") + tar_bytes::record("GNU.sparse.map", "0,2,4,2");
    expect(tar_bytes::extension('x', v01) + tar_bytes::file("s", "abcd") + tar_bytes::end(), "real 0 6  ab..cd\n");
    const std::string v10 = tar_bytes::record("GNU.sparse.major", "1") + tar_bytes::record("GNU.sparse.minor", "0") +
                            tar_bytes::record("GNU.sparse.name", "real") + tar_bytes::record("GNU.sparse.realsize", "6");
    expect(tar_bytes::extension('x', v10) + tar_bytes::file("s", tar_bytes::padded("2\n0\n2\n4\n2\n") + "abcd") + tar_bytes::end(), "real 0 6  ab..cd\n");
}

Test(image_tar_reader, sparse_maps_that_lie_are_corrupt) {
    const auto archive = [](const std::string& map) {
        return tar_bytes::extension('x', tar_bytes::record("GNU.sparse.size", "6") + tar_bytes::record("GNU.sparse.map", map)) + tar_bytes::file("s", "abcd");
    };
    expect(archive("0,2,1,2"), "'s': sparse map leads out of the file");
    expect(archive("0,2,5,2"), "'s': sparse map leads out of the file");
    expect(archive("0,2"), "'s': sparse map does not fit what is stored");
    expect(archive("0,2,4"), "'s': sparse map does not parse");
}

Test(image_tar_reader, times_may_be_negative_and_have_fractions) {
    const std::string archive = tar_bytes::extension('x', tar_bytes::record("mtime", "-1.25")) + tar_bytes::file("f", "") + tar_bytes::end();
    TextSource source(archive);
    TarReader reader(source);
    const auto entry = reader.next();
    cr_assert(entry.ok());
    cr_expect_eq(entry.value()->mtime, -2);
    cr_expect_eq(entry.value()->mtime_nanoseconds, 750'000'000);
}

namespace {

class TextSink final : public ByteSink {
public:
    Result<void> write(std::string_view bytes) override {
        text += bytes;
        return {};
    }
    std::string text;
};

std::string written(const TarEntry& entry) {
    TextSink sink;
    TarWriter writer(sink);
    writer.add(entry).value();
    writer.finish().value();
    return sink.text;
}

/// What comes back of an entry that was written.
TarEntry round_trip(const TarEntry& entry) {
    const std::string archive = written(entry);
    TextSource source(archive);
    TarReader reader(source);
    return *reader.next().value();
}

}  // namespace

TestSuite(image_tar_writer, .timeout = 10);

Test(image_tar_writer, what_ustar_holds_needs_no_pax_header) {
    TarEntry entry;
    entry.path = std::string(150, 'd') + "/" + std::string(90, 'f');
    entry.uid = 2097151;
    cr_expect_eq(written(entry).size(), 512u + 1024u);
}

Test(image_tar_writer, what_ustar_cannot_hold_survives) {
    TarEntry entry;
    entry.path = std::string(400, 'p') + "/caf\xc3\xa9";
    entry.uid = 3000000;
    entry.gid = 4294967294u;
    entry.mtime = -5;
    entry.type = TarType::symlink;
    entry.link = std::string(200, 'l');
    entry.xattrs = {{"user.a", std::string("x\0\ny", 4)}, {"security.capability", "\x01"}};
    const TarEntry back = round_trip(entry);
    cr_expect(back.path == entry.path && back.link == entry.link && back.uid == entry.uid && back.gid == entry.gid);
    cr_expect(back.mtime == entry.mtime && back.xattrs == entry.xattrs);
}

Test(image_tar_writer, names_that_differ_only_in_unicode_form_stay_apart) {
    TarEntry composed, decomposed;
    composed.path = "caf\xc3\xa9";
    decomposed.path = "cafe\xcc\x81";
    cr_expect(round_trip(composed).path == composed.path);
    cr_expect(round_trip(decomposed).path == decomposed.path);
}

Test(image_tar_writer, the_same_entry_gives_the_same_bytes) {
    TarEntry entry;
    entry.path = "a/caf\xc3\xa9";
    entry.xattrs = {{"user.b", "2"}, {"user.a", "1"}};
    cr_expect(written(entry) == written(entry));
}
