#include <criterion/criterion.h>

#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/worker.h"
#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_worker, .timeout = 10);

Test(base_worker, what_the_work_says_is_how_it_ends) {
    cr_expect_eq(fork_worker({}, [] { return true; }).value().wait().value().code, 0);
    cr_expect_eq(fork_worker({}, [] { return false; }).value().wait().value().code, 1);
}

Test(base_worker, it_keeps_what_it_was_given_and_nothing_else) {
    const sys::Pipe kept = sys::pipe().value();
    const sys::Pipe other = sys::pipe().value();
    const int numbers[] = {kept.write.raw(), kept.read.raw()};
    const auto is_open = [](const Fd& fd) { return ::fcntl(fd.raw(), F_GETFD) >= 0; };
    Child child = fork_worker(numbers, [&] {
        return is_open(kept.read) && is_open(kept.write) && !is_open(other.read) && !is_open(other.write) && ::fcntl(1, F_GETFD) >= 0;
    }).value();
    cr_expect_eq(child.wait().value().code, 0);
}

Test(base_worker, a_lock_of_ours_does_not_live_on_in_it) {
    const std::string path = support::temporary_folder() + "/lock";
    const sys::Pipe pipe = sys::pipe().value();
    const int numbers[] = {pipe.read.raw(), pipe.write.raw()};
    Child child = [&] {
        const DirLock lock = DirLock::wait_at(sys::here(), path, LockMode::exclusive).value();
        return fork_worker(numbers, [&] {
            char byte;
            return ::read(pipe.read.raw(), &byte, 1) == 1;
        }).value();
    }();
    // Until the child has closed its copy the lock may look held.
    bool is_free = false;
    for (int i = 0; i < 1000 && !is_free; ++i) {
        is_free = DirLock::try_at(sys::here(), path, LockMode::exclusive).ok();
        if (!is_free) ::usleep(1000);
    }
    cr_expect(is_free);
    cr_expect(sys::write(pipe.write, "x").ok());
    cr_expect_eq(child.wait().value().code, 0);
}
