#include <criterion/criterion.h>

#include "container/mount_options.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_mount_options, .timeout = 5);

namespace {

const MountPaths paths{.working_folder = "/work/here", .home = "/home/me"};

std::string error_of(const Result<Mount>& parsed) { return parsed.ok() ? "" : parsed.error().text(); }
std::string volume_error(std::string_view text) { return error_of(parse_volume_flag(text, paths)); }
std::string mount_error(std::string_view text) { return error_of(parse_mount_flag(text, paths)); }
Mount volume(std::string_view text) { return parse_volume_flag(text, paths).value(); }
Mount mount(std::string_view text) { return parse_mount_flag(text, paths).value(); }

}  // namespace

Test(container_mount_options, a_path_in_front_is_a_bind_whose_source_is_made) {
    const Mount bind = volume("/srv//data/:/data/:ro");
    cr_expect(bind.type == MountType::bind);
    EXPECT_TEXT(bind.source, "/srv/data");
    EXPECT_TEXT(bind.target, "/data");
    cr_expect(bind.read_only);
    cr_expect(bind.create_source);
    EXPECT_TEXT(bind_text(bind), "/srv/data:/data:ro");
}

Test(container_mount_options, a_dot_and_a_tilde_start_at_the_callers_folders) {
    EXPECT_TEXT(volume("./a:/b").source, "/work/here/a");
    EXPECT_TEXT(volume(".:/b").source, "/work/here");
    EXPECT_TEXT(volume("../a:/b").source, "/work/a");
    EXPECT_TEXT(volume("~/a:/b").source, "/home/me/a");
}

Test(container_mount_options, a_word_in_front_is_a_volume) {
    const Mount named = volume("data:/var/lib/x:nocopy,rw");
    cr_expect(named.type == MountType::volume);
    EXPECT_TEXT(named.source, "data");
    cr_expect(named.no_copy);
    cr_expect(!named.read_only);
}

Test(container_mount_options, a_target_alone_is_an_anonymous_volume) {
    const Mount anonymous = volume("/cache");
    cr_expect(anonymous.type == MountType::volume);
    cr_expect(anonymous.source.empty());
    EXPECT_TEXT(anonymous.target, "/cache");
}

Test(container_mount_options, options_combine_one_of_each_kind) {
    const Mount bind = volume("/a:/b:ro,z,rslave,cached");
    cr_expect(bind.read_only);
    cr_expect(bind.relabel);
    EXPECT_TEXT(bind.propagation, "rslave");
    cr_expect(volume("/a:/b:U").own);
    EXPECT_TEXT(volume("/a:/b:idmap").id_map, "idmap");
}

Test(container_mount_options, what_is_wrong_with_a_volume_flag_is_named) {
    EXPECT_TEXT(volume_error("/a:/b:ro,rw"), "invalid -v '/a:/b:ro,rw': option 'rw' contradicts another");
    EXPECT_TEXT(volume_error("/a:/b:rx"), "invalid -v '/a:/b:rx': unknown option 'rx'");
    EXPECT_TEXT(volume_error("/a:b"), "invalid -v '/a:b': the path in the container must be absolute, found 'b'");
    EXPECT_TEXT(volume_error("/a:/"), "invalid -v '/a:/': the path in the container must not be '/'");
    EXPECT_TEXT(volume_error("/a:/x/.."), "invalid -v '/a:/x/..': the path in the container must not be '/'");
    EXPECT_TEXT(volume_error(":/b"), "invalid -v ':/b': the part before ':' is empty");
    EXPECT_TEXT(volume_error("/a:"), "invalid -v '/a:': the path in the container is missing");
    EXPECT_TEXT(volume_error("/a:/b:ro:x"), "invalid -v '/a:/b:ro:x': expected [SOURCE:]TARGET[:OPTIONS]");
    EXPECT_TEXT(volume_error("a/b:/c"), "invalid -v 'a/b:/c': 'a/b' is no volume name: expected letters, digits, '_', '.' and '-', at least two");
    EXPECT_TEXT(volume_error("/a:/b:nocopy"), "invalid -v '/a:/b:nocopy': nocopy is for volumes");
    EXPECT_TEXT(volume_error("vol:/b:rshared"), "invalid -v 'vol:/b:rshared': 'rshared' is for host folders");
}

Test(container_mount_options, a_mount_without_type_is_a_volume) {
    const Mount named = mount("source=data,target=/x");
    cr_expect(named.type == MountType::volume);
    EXPECT_TEXT(named.source, "data");
    EXPECT_TEXT(named.target, "/x");
    cr_expect(mount("dst=/x").source.empty());
}

Test(container_mount_options, a_mount_of_type_bind_does_not_make_its_source) {
    const Mount bind = mount("type=bind,src=./a,destination=/b,readonly,bind-propagation=rshared");
    cr_expect(bind.type == MountType::bind);
    EXPECT_TEXT(bind.source, "/work/here/a");
    cr_expect(bind.read_only);
    cr_expect(!bind.create_source);
    EXPECT_TEXT(bind.propagation, "rshared");
    cr_expect(mount("type=bind,src=/a,dst=/b,bind-create-src").create_source);
}

Test(container_mount_options, recursion_of_read_only_is_chosen) {
    cr_expect(mount("type=bind,src=/a,dst=/b,ro,bind-recursive=readonly").recursion == BindRecursion::readonly);
    cr_expect(mount("type=bind,src=/a,dst=/b,bind-nonrecursive").recursion == BindRecursion::disabled);
    EXPECT_TEXT(mount_error("type=bind,src=/a,dst=/b,bind-recursive=readonly"),
                "invalid --mount 'type=bind,src=/a,dst=/b,bind-recursive=readonly': bind-recursive=writable and =readonly go "
                "with readonly only");
}

Test(container_mount_options, volume_keys_are_kept) {
    const Mount named = mount("type=volume,src=vol,dst=/x,volume-nocopy,volume-subpath=a/b,volume-label=k=v,volume-opt=type=nfs");
    cr_expect(named.no_copy);
    EXPECT_TEXT(named.subpath, "a/b");
    EXPECT_TEXT(named.labels.at("k"), "v");
    EXPECT_TEXT(named.driver_options.at("type"), "nfs");
}

Test(container_mount_options, a_quoted_field_may_hold_a_comma) {
    EXPECT_TEXT(mount(R"(type=bind,"source=/a,b",target=/x)").source, "/a,b");
    EXPECT_TEXT(mount(R"(type=bind,"source=/a""b",target=/x)").source, "/a\"b");
    EXPECT_TEXT(mount_error(R"(type=bind,"source=/a,target=/x)"),
                R"(invalid --mount 'type=bind,"source=/a,target=/x': a double quote is not closed)");
}

Test(container_mount_options, a_tmpfs_takes_size_and_mode) {
    const Mount tmpfs = mount("type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770");
    cr_expect_eq(tmpfs.tmpfs_size, 64 << 20);
    cr_expect_eq(*tmpfs.tmpfs_mode, 01770u);
}

Test(container_mount_options, keys_of_another_type_are_refused) {
    EXPECT_TEXT(mount_error("type=bind,src=/a,dst=/b,volume-nocopy"),
                "invalid --mount 'type=bind,src=/a,dst=/b,volume-nocopy': 'volume-nocopy' does not go with type=bind");
    EXPECT_TEXT(mount_error("type=tmpfs,src=/a,dst=/b"),
                "invalid --mount 'type=tmpfs,src=/a,dst=/b': 'source' does not go with type=tmpfs");
    EXPECT_TEXT(mount_error("type=image,src=a,dst=/b,tmpfs-size=1"),
                "invalid --mount 'type=image,src=a,dst=/b,tmpfs-size=1': 'tmpfs-size' does not go with type=image");
}

Test(container_mount_options, what_is_wrong_with_a_mount_flag_is_named) {
    EXPECT_TEXT(mount_error("type=nfs,dst=/a"), "invalid --mount 'type=nfs,dst=/a': type is bind, volume, tmpfs or image, not 'nfs'");
    EXPECT_TEXT(mount_error("src=a"), "invalid --mount 'src=a': target= is missing");
    EXPECT_TEXT(mount_error("type=bind,dst=/a"), "invalid --mount 'type=bind,dst=/a': source= is missing");
    EXPECT_TEXT(mount_error("type=bind,src=a,dst=/a"),
                "invalid --mount 'type=bind,src=a,dst=/a': the source of a bind is an absolute path, found 'a'");
    EXPECT_TEXT(mount_error("dst=/a,frob=1"), "invalid --mount 'dst=/a,frob=1': unknown key 'frob'");
    EXPECT_TEXT(mount_error("dst=/a,frob"), "invalid --mount 'dst=/a,frob': 'frob' must be a key=value pair");
    EXPECT_TEXT(mount_error("dst=/a,ro=maybe"), "invalid --mount 'dst=/a,ro=maybe': 'ro' is true or false, not 'maybe'");
    EXPECT_TEXT(mount_error("type=volume,src=vol,dst=/a,volume-subpath=../x"),
                "invalid --mount 'type=volume,src=vol,dst=/a,volume-subpath=../x': a subpath is relative and stays inside, found '../x'");
}

Test(container_mount_options, the_tmpfs_flag_checks_its_options) {
    EXPECT_TEXT(parse_tmpfs_flag("/run:size=64m,exec").value().tmpfs_options, "size=64m,exec");
    EXPECT_TEXT(error_of(parse_tmpfs_flag("/run:rude")), "invalid --tmpfs '/run:rude': unknown option 'rude'");
    EXPECT_TEXT(error_of(parse_tmpfs_flag("run")), "invalid --tmpfs 'run': the path in the container must be absolute, found 'run'");
}

Test(container_mount_options, volumes_from_may_change_the_access) {
    cr_expect(parse_volumes_from("web").value().access == VolumesFrom::Access::as_there);
    cr_expect(parse_volumes_from("web:ro").value().access == VolumesFrom::Access::read_only);
    const auto wrong = parse_volumes_from("web:x");
    EXPECT_TEXT(wrong.error().text(), "invalid --volumes-from 'web:x': expected ro or rw behind ':', found 'x'");
}

Test(container_mount_options, sizes_are_binary) {
    cr_expect_eq(parse_size("1024").value(), 1024);
    cr_expect_eq(parse_size("64m").value(), 64 << 20);
    cr_expect_eq(parse_size("1.5G").value(), 3ll << 29);
    cr_expect_eq(parse_size("2KiB").value(), 2048);
    cr_expect_eq(parse_size("3 kb").value(), 3072);
    EXPECT_TEXT(parse_size("x").error().text(), "invalid size 'x'");
    EXPECT_TEXT(parse_size("1q").error().text(), "invalid size '1q'");
    EXPECT_TEXT(parse_size("-1").error().text(), "invalid size '-1'");
}

Test(container_mount_options, a_mount_is_written_and_read_again) {
    const Mount before = volume("/a:/b:ro,rslave");
    const auto after = from_json<Mount>(parse_json(json_text(to_json(before))).value());
    cr_assert(after.ok());
    cr_expect(after.value() == before);
}
