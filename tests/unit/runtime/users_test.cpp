#include "runtime/users.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_users, .timeout = 5);

namespace {

UserTables tables() {
    return {parse_passwd("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001:Bob:/home/bob:/bin/sh\n4711:x:0:0::/:\nbroken line\n"),
            parse_group("root:x:0:\nstaff:x:50:bob,ann\nwheel:x:10:bob\n4712:x:0:\n")};
}

/// "uid:gid" or the error.
std::string resolved(std::string_view spec) {
    const auto user = resolve_user(tables(), spec);
    return user.ok() ? cat(user.value().uid, ":", user.value().gid) : user.error().text();
}

void expect(std::string_view spec, const std::string& wanted) {
    const std::string got = resolved(spec);
    cr_expect_str_eq(got.c_str(), wanted.c_str());
}

}  // namespace

Test(runtime_users, nothing_is_root) { expect("", "0:0"); }
Test(runtime_users, a_name_brings_its_group) { expect("bob", "1000:1001"); }
Test(runtime_users, a_number_that_passwd_knows_brings_its_group) { expect("1000", "1000:1001"); }
Test(runtime_users, a_number_that_passwd_does_not_know_gets_group_root) { expect("77", "77:0"); }
Test(runtime_users, a_group_by_name_or_number_replaces_the_own_one) {
    expect("bob:staff", "1000:50");
    expect("1:2", "1:2");
    expect(":50", "0:50");
}
// CVE-2016-3697: an image's passwd must not turn the number 4711 into root.
Test(runtime_users, a_number_is_never_looked_up_as_a_name) {
    expect("4711", "4711:0");
    expect("1:4712", "1:4712");
}
// CVE-2026-30892.
Test(runtime_users, one_is_one) { expect("1", "1:0"); }
Test(runtime_users, numbers_beyond_the_range_are_refused) {
    expect("2147483647", "2147483647:0");
    expect("2147483648", "user '2147483648' is out of range: 0 to 2147483647");
    expect("4294967295", "user '4294967295' is out of range: 0 to 2147483647");
    expect("18446744073709551616", "user '18446744073709551616' is out of range: 0 to 2147483647");
}
// CVE-2024-40635: setresuid(2) takes 2^32-1 for "no change".
Test(runtime_users, ids_of_a_table_that_are_beyond_the_range_are_refused) {
    const UserTables planted{parse_passwd("one:x:4294967295:0::/:\ntwo:x:1:4294967295::/:\n"), parse_group("all:x:4294967295:\n")};
    for (const auto& [spec, wanted] : {std::pair{"one", "user 'one': its ids in the passwd file are out of range: 0 to 2147483647"},
                                       std::pair{"two", "user 'two': its ids in the passwd file are out of range: 0 to 2147483647"},
                                       std::pair{"5:all", "group 'all': its id in the group file is out of range: 0 to 2147483647"}}) {
        const auto user = resolve_user(planted, spec);
        cr_assert_not(user.ok());
        const std::string text = user.error().text();
        cr_expect_str_eq(text.c_str(), wanted);
    }
}
Test(runtime_users, what_is_neither_name_nor_number_is_refused) {
    expect("-1", "user '-1' is neither a name nor a number");
    expect("bo b", "user 'bo b' is neither a name nor a number");
    expect("bob:+5", "group '+5' is neither a name nor a number");
}
Test(runtime_users, an_absent_name_says_where_it_was_looked_for) {
    expect("eve", "unable to find user 'eve': no matching entries in passwd file");
    expect("bob:eve", "unable to find group 'eve': no matching entries in group file");
}
// CVE-2022-36109: the primary group stands first.
Test(runtime_users, memberships_count_where_no_group_was_asked_for) {
    cr_expect(resolve_user(tables(), "bob").value().additional_gids == std::vector<std::uint32_t>({1001, 10, 50}));
    cr_expect(resolve_user(tables(), "bob:50").value().additional_gids == std::vector<std::uint32_t>{50});
    cr_expect(resolve_user(tables(), "77", {"wheel", "3"}).value().additional_gids == std::vector<std::uint32_t>({0, 3, 10}));
}
Test(runtime_users, home_is_the_users_or_the_root) {
    const std::string home = resolve_user(tables(), "bob").value().home, other = home_of(tables(), 99);
    cr_expect_str_eq(home.c_str(), "/home/bob");
    cr_expect_str_eq(other.c_str(), "/");
}
// CVE-2026-47262: a FIFO in place of passwd must not hang whoever reads it.
Test(runtime_users, a_fifo_for_a_table_is_refused_at_once) {
    const std::string folder = support::temporary_folder();
    ::mkdir((folder + "/etc").c_str(), 0755);
    cr_assert_eq(::mkfifo((folder + "/etc/passwd").c_str(), 0644), 0);
    const auto loaded = UserTables::load(Root::open(folder).value());
    cr_assert_not(loaded.ok());
    const std::string text = loaded.error().text();
    cr_expect_str_eq(text.c_str(), "etc/passwd: not a regular file");
}
Test(runtime_users, a_giant_table_is_refused) {
    const std::string folder = support::temporary_folder();
    ::mkdir((folder + "/etc").c_str(), 0755);
    support::write_file(folder + "/etc/passwd", "root:x:0:0::/:\n");
    cr_assert_eq(::truncate((folder + "/etc/passwd").c_str(), (10 << 20) + 1), 0);
    const auto loaded = UserTables::load(Root::open(folder).value());
    cr_assert_not(loaded.ok());
    const std::string text = loaded.error().text();
    cr_expect_str_eq(text.c_str(), "larger than 10485760 bytes");
}
Test(runtime_users, absent_files_are_empty_tables) {
    const auto loaded = UserTables::load(Root::open(support::temporary_folder()).value());
    cr_assert(loaded.ok());
    cr_expect(loaded.value().users.empty() && loaded.value().groups.empty());
}
