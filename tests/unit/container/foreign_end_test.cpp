#include <criterion/criterion.h>

#include <csignal>
#include <tuple>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "container/foreign_end.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_foreign_end, .timeout = 60);

namespace {

/// A process that is its parent's to reap, not ours: it ends as `script` says once it may.
struct Foreign {
    pid_t pid = 0;
    Fd pidfd;
    Child parent{0, Fd()};
};
Foreign make_foreign(const std::string& script) {
    sys::Pipe pipe = sys::pipe().value();
    SpawnOptions options;
    options.argv = {"sh", "-c", "sh -c 'sleep 0.3; " + script + "' & echo $!; wait $!"};
    options.descriptors = {-1, pipe.write.raw(), 2};
    Foreign foreign;
    foreign.parent = spawn("/bin/sh", options).value();
    char text[32];
    foreign.pid = std::atoi(std::string(text, sys::read(pipe.read, text).value()).c_str());
    foreign.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, foreign.pid, 0)));
    return foreign;
}

bool has_ended(const Foreign& foreign) { return wait_for_end(foreign.pidfd, 10'000).value_or(false); }

void expect_status(const ExitStatus& status, int code, int signal) {
    cr_expect_eq(status.code, code, "%d", status.code);
    cr_expect_eq(status.signal, signal, "%d", status.signal);
}

}  // namespace

Test(container_foreign_end, the_kernels_events_tell_how_a_strangers_child_ended) {
    for (const auto& [script, code, signal] : {std::tuple("exit 7", 7, 0), std::tuple("kill -9 $$", 0, SIGKILL)}) {
        const Foreign foreign = make_foreign(script);
        auto end = ForeignEnd::watch_events(foreign.pid);
        if (!end.ok()) cr_skip_test("the kernel tells no events here: %s", end.error().text().c_str());
        // What ends meanwhile is not taken for it.
        for (int i = 0; i < 20; ++i) cr_assert(spawn("/bin/true", {.argv = {"true"}, .env = {}}).value().wait().ok());
        cr_assert(has_ended(foreign));
        const auto status = end.value().status(foreign.pidfd);
        cr_assert(status.ok() && status.value());
        expect_status(*status.value(), code, signal);
    }
}

Test(container_foreign_end, what_the_kernel_can_tell_of_an_end_is_told) {
    const Foreign foreign = make_foreign("exit 5");
    const ForeignEnd end = ForeignEnd::watch(foreign.pid, foreign.pidfd);
    cr_assert(has_ended(foreign));
    const auto late = late_status(foreign.pidfd);
    const auto status = end.status(foreign.pidfd);
    if (!status.ok()) cr_skip_test("nobody tells here: %s", status.error().text().c_str());
    cr_assert(status.value());
    expect_status(*status.value(), 5, 0);
    if (late) expect_status(*late, 5, 0);
}

namespace {
/// A child of a child, which that reaps as soon as it ends; it ends at once when `way` is closed.
struct Reaped {
    pid_t parent = 0;
    Fd pidfd;
    Fd way;
};
Reaped make_reaped() {
    sys::Pipe told = sys::pipe().value(), way = sys::pipe().value();
    Reaped out;
    out.parent = ::fork();
    if (out.parent == 0) {
        way.write.reset();
        const pid_t child = ::fork();
        char nothing;
        if (child == 0) ::_exit(::read(way.read.raw(), &nothing, 1) == 0 ? 7 : 1);
        const bool is_told = ::write(told.write.raw(), &child, sizeof child) == static_cast<ssize_t>(sizeof child);
        ::_exit(is_told && ::waitpid(child, nullptr, 0) == child ? 0 : 1);
    }
    pid_t child = 0;
    cr_assert_eq(::read(told.read.raw(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
    out.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    out.way = std::move(way.write);
    return out;
}
}  // namespace

Test(container_foreign_end, an_end_that_is_reaped_while_it_is_asked_for_is_known) {
    for (int round = 0; round < 2000; ++round) {
        Reaped reaped = make_reaped();
        const ForeignEnd end = ForeignEnd::watch(reaped.parent, reaped.pidfd);
        reaped.way.reset();
        cr_assert(wait_for_end(reaped.pidfd, 10'000).value_or(false));
        const auto status = end.status(reaped.pidfd);
        ::waitpid(reaped.parent, nullptr, 0);
        if (round == 0 && !status.ok()) cr_skip_test("nobody tells here: %s", status.error().text().c_str());
        cr_assert(status.ok(), "round %d: %s", round, status.error().text().c_str());
        if (status.value()) expect_status(*status.value(), 7, 0);
    }
}
