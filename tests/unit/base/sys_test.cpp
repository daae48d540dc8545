#include "base/sys.h"

#include <csignal>
#include <string>
#include <thread>

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_sys, .timeout = 5);

Test(base_sys, an_error_names_the_file) {
    const auto opened = sys::open("/no/such/file", O_RDONLY);
    cr_assert_not(opened.ok());
    cr_expect_str_eq(opened.error().text().c_str(), "/no/such/file: No such file or directory");
}

Test(base_sys, every_descriptor_closes_on_exec) {
    const auto file = sys::open("/dev/null", O_RDONLY);
    const auto pipe = sys::pipe();
    const auto pair = sys::socketpair(SOCK_SEQPACKET);
    const auto second = sys::openat2(sys::here(), "/dev/null", O_RDONLY, 0, 0);
    for (const Fd* fd : {&file.value(), &pipe.value().read, &pipe.value().write, &pair.value().first, &pair.value().second, &second.value()})
        cr_expect_eq(::fcntl(fd->raw(), F_GETFD), FD_CLOEXEC);
}

Test(base_sys, write_all_goes_on_after_a_short_write) {
    sys::Pipe pipe = sys::pipe().value();
    const std::string big(300'000, 'x');  // More than a pipe holds.
    std::size_t arrived = 0;
    std::thread reader([&] {
        char part[4096];
        for (;;) {
            const auto got = sys::read(pipe.read, part);
            if (!got.ok() || got.value() == 0) return;
            arrived += got.value();
        }
    });
    const auto written = sys::write_all(pipe.write, big);
    pipe.write.reset();
    reader.join();
    cr_expect(written.ok());
    cr_expect_eq(arrived, big.size());
}

Test(base_sys, write_all_reports_a_reader_that_is_gone) {
    const std::string text = support::in_child([] {
        ::signal(SIGPIPE, SIG_IGN);
        sys::Pipe pipe = sys::pipe().value();
        pipe.read.reset();
        return sys::write_all(pipe.write, "x").error().text();
    });
    cr_expect_str_eq(text.c_str(), "write: Broken pipe");
}

Test(base_sys, openat2_takes_a_mode_only_when_it_creates) {
    const std::string folder = support::temporary_folder();
    const auto existing = sys::openat2(sys::here(), folder, O_PATH, 0644, 0);
    cr_expect(existing.ok());
    const auto created = sys::openat2(existing.value(), "new", O_WRONLY | O_CREAT, 0640, 0);
    cr_assert(created.ok());
    cr_expect_eq(sys::fstat(created.value()).value().st_mode & 07777u, 0640u & ~[] { const mode_t mask = ::umask(0); ::umask(mask); return mask; }());
}

Test(base_sys, fstatat_sees_the_link_and_not_its_target) {
    const std::string folder = support::temporary_folder();
    const Fd above = sys::open(folder, O_PATH).value();
    cr_assert(sys::symlinkat("/nowhere", above, "link").ok());
    cr_expect(S_ISLNK(sys::fstatat(above, "link").value().st_mode));
    const std::string target = sys::readlinkat(above, "link").value();
    cr_expect_str_eq(target.c_str(), "/nowhere");
}

Test(base_sys, folders_are_made_and_removed_below_a_descriptor) {
    const Fd above = sys::open(support::temporary_folder(), O_PATH).value();
    cr_expect(sys::mkdirat(above, "a", 0755).ok());
    const auto again = sys::mkdirat(above, "a", 0755);
    cr_assert_not(again.ok());
    cr_expect_str_eq(again.error().text().c_str(), "a: File exists");
    cr_expect(sys::renameat(above, "a", above, "b").ok());
    cr_expect(sys::unlinkat(above, "b", AT_REMOVEDIR).ok());
}
