#include "builder/mounts.h"

#include <criterion/criterion.h>

#include "builder/attributes.h"

#include "tests/unit/builder/buildkit.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_mounts, .timeout = 5);

namespace {

std::string error_of(const std::string& text) {
    const auto mount = parse_run_mount(text);
    return mount.ok() ? "" : mount.error().text();
}
std::string mode_error(const std::string& text) {
    const auto change = ModeChange::parse(text);
    return change.ok() ? "" : change.error().text();
}
mode_t changed(const std::string& text, mode_t mode, bool is_folder = false) { return ModeChange::parse(text).value().apply(mode, is_folder); }

}  // namespace

Test(builder_mounts, bind_is_the_default_and_read_only) {
    const RunMount mount = parse_run_mount("target=/x").value();
    cr_expect(mount.type == RunMount::Type::bind && mount.read_only);
}
Test(builder_mounts, the_type_may_come_last) { cr_expect(parse_run_mount("target=/x,sharing=locked,type=cache").value().sharing == RunMount::Sharing::locked); }
Test(builder_mounts, cache_and_tmpfs_may_be_written) { cr_expect(!parse_run_mount("type=cache,target=/x").value().read_only && !parse_run_mount("type=tmpfs,dst=/x,size=1m").value().read_only); }
Test(builder_mounts, sizes_have_units) { cr_expect_eq(parse_run_mount("type=tmpfs,target=/x,size=2MiB").value().size, 2 << 20); }
Test(builder_mounts, a_secret_may_be_a_variable) { support::same(parse_run_mount("type=secret,id=a,env=B").value().env->c_str(), "B"); }
Test(builder_mounts, keys_have_no_case) { support::same(parse_run_mount("Type=bind,TARGET=/x").value().target, "/x"); }
Test(builder_mounts, an_unknown_key_gets_the_nearest) { support::same(error_of("type=bind,taget=/x"), "--mount: unexpected key 'taget' in 'taget=/x' (did you mean target?)"); }
Test(builder_mounts, an_unknown_type_gets_the_nearest) { support::same(error_of("type=cahce,target=/x"), "--mount: unsupported mount type 'cahce' (did you mean cache?)"); }
Test(builder_mounts, sharing_is_for_caches) { support::same(error_of("target=/x,sharing=locked"), "--mount: unexpected key 'sharing' for mount type 'bind'"); }
Test(builder_mounts, size_is_for_tmpfs) { support::same(error_of("type=cache,target=/x,size=1"), "--mount: unexpected key 'size' for mount type 'cache'"); }
Test(builder_mounts, mode_is_not_for_bind) { support::same(error_of("target=/x,mode=700"), "--mount: unexpected key 'mode' for mount type 'bind'"); }
Test(builder_mounts, a_secret_needs_a_name) { support::same(error_of("type=secret"), "--mount: invalid secret mount: one of id, source and target is required"); }
Test(builder_mounts, a_mount_needs_a_target) { support::same(error_of("type=cache"), "--mount: a mount needs a target: target=PATH"); }
Test(builder_mounts, from_takes_no_variable) {
    const auto checked = check_run_mount("from=$X,target=/x");
    cr_assert(!checked.ok());
    support::same(checked.error().text(), "--mount: 'from' doesn't support variable expansion, define alias stage instead");
}

Test(builder_mounts, an_octal_mode_replaces_all) { cr_expect_eq(changed("4755", 0600), 04755u); }
Test(builder_mounts, symbols_change_what_they_name) { cr_expect_eq(changed("u=rwX,go=rX", 0600), 0644u); }
Test(builder_mounts, a_big_x_is_for_folders_and_programs) { cr_expect(changed("a+X", 0600, true) == 0711 && changed("a+X", 0600) == 0600 && changed("a+X", 0700) == 0711); }
Test(builder_mounts, set_id_and_sticky) { cr_expect(changed("u+s,+t", 0755) == 05755 && changed("a-s", 06755) == 0755); }
Test(builder_mounts, one_class_may_be_copied) { cr_expect_eq(changed("g=u,o=", 0750), 0770u); }
Test(builder_mounts, a_wrong_mode_is_named) {
    support::same(mode_error("999"), "invalid chmod parameter: '999': no octal number, expected an octal number up to 07777 or symbols such as u=rwX,go=rX");
    support::same(mode_error("17777"), "invalid chmod parameter: '17777': too large, expected an octal number up to 07777 or symbols such as u=rwX,go=rX");
    cr_expect(!mode_error("u=rwz").empty());
}
