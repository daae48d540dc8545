#include "base/unix_address.h"

#include <criterion/criterion.h>

#include "base/sys.h"
#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_unix_address, .timeout = 10);

Test(base_unix_address, a_path_is_taken_up_to_what_an_address_holds) {
    EXPECT_TEXT(unix_address("/run/a.sock").value().name.sun_path, "/run/a.sock");
    cr_expect(unix_address(std::string(107, 'a')).ok());
    const std::string long_path(108, 'a');
    const auto refused = unix_address(long_path);
    cr_assert(!refused.ok());
    cr_expect(refused.error().kind() == Kind::invalid);
    const std::string wanted = long_path + ": path too long for a socket";
    EXPECT_TEXT(refused.error().text(), wanted.c_str());
}

Test(base_unix_address, a_folder_may_lie_as_deep_as_it_likes) {
    std::string path = support::temporary_folder();
    while (path.size() < 200) path += "/a-folder-with-a-long-name";
    support::write_file(path + "/file", "");
    const Fd folder = sys::open(path, O_PATH | O_DIRECTORY).value();
    const UnixAddress address = unix_address_in(folder, "socket").value();
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    cr_expect_eq(::bind(socket.raw(), address.any(), address.size()), 0);
    cr_expect(support::exists(path + "/socket"));
}
