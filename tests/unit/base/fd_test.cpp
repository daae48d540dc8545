#include "base/fd.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_fd, .timeout = 5);

namespace {
int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int raw) { return ::fcntl(raw, F_GETFD) >= 0; }
}  // namespace

Test(base_fd, none_is_not_valid) { cr_expect_not(Fd().valid()); }

Test(base_fd, the_end_of_scope_closes) {
    int raw = -1;
    {
        const Fd file(open_null());
        raw = file.raw();
        cr_expect(is_open(raw));
    }
    cr_expect_not(is_open(raw));
}

Test(base_fd, moving_leaves_none_behind) {
    Fd first(open_null());
    const int raw = first.raw();
    Fd second = std::move(first);
    cr_expect_not(first.valid());
    cr_expect_eq(second.raw(), raw);
}

Test(base_fd, assigning_closes_what_was_held) {
    Fd held(open_null());
    const int old = held.raw();
    Fd other(open_null());
    const int kept = other.raw();
    held = std::move(other);
    cr_expect_not(is_open(old));
    cr_expect_eq(held.raw(), kept);
}

Test(base_fd, assigning_to_itself_keeps_it_open) {
    Fd file(open_null());
    Fd& same = file;
    file = std::move(same);
    cr_expect(is_open(file.raw()));
}

Test(base_fd, released_descriptors_stay_open) {
    Fd file(open_null());
    const int raw = file.release();
    cr_expect_not(file.valid());
    cr_expect(is_open(raw));
    ::close(raw);
}

Test(base_fd, close_reports_what_the_kernel_says) {
    Fd file(open_null());
    ::close(file.raw());
    const auto closed = file.close();
    cr_assert_not(closed.ok());
    cr_expect_str_eq(closed.error().text().c_str(), "close: Bad file descriptor");
    cr_expect_not(file.valid());
}

Test(base_fd, closing_none_is_no_failure) { cr_expect(Fd().close().ok()); }

Test(base_fd, a_duplicate_closes_on_exec_and_clears_the_standard_streams) {
    const Fd file(open_null());
    const auto copy = file.duplicate();
    cr_assert(copy.ok());
    cr_expect_eq(::fcntl(copy.value().raw(), F_GETFD), FD_CLOEXEC);
    cr_expect_geq(copy.value().raw(), 3);
}
