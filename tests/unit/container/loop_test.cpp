#include <criterion/criterion.h>

#include <ctime>
#include <string>
#include <vector>

#include <sys/epoll.h>

#include "base/file.h"
#include "base/sys.h"
#include "container/loop.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_loop, .timeout = 10);

namespace {

Tick in(std::int64_t milliseconds) { return tick_now() + Duration::of_milliseconds(milliseconds); }

}  // namespace

Test(container_loop, alarms_ring_in_the_order_of_their_times) {
    Loop loop = Loop::open().value();
    std::vector<int> rang;
    loop.set_alarm(in(20), [&] { rang.push_back(2), loop.stop(); });
    loop.set_alarm(in(5), [&] { rang.push_back(1); });
    loop.run();
    cr_assert_eq(rang.size(), 2u);
    cr_expect_eq(rang[0], 1);
}

Test(container_loop, a_cancelled_alarm_is_silent) {
    Loop loop = Loop::open().value();
    bool rang = false;
    Loop::Id alarm = loop.set_alarm(in(1), [&] { rang = true; });
    loop.cancel_alarm(alarm);
    loop.set_alarm(in(10), [&] { loop.stop(); });
    loop.run();
    cr_expect(!rang);
    cr_expect_eq(alarm, 0u);
}

Test(container_loop, a_watch_may_remove_itself_while_it_runs) {
    Loop loop = Loop::open().value();
    sys::Pipe pipe = sys::pipe().value();
    int calls = 0;
    Loop::Id watch = 0;
    watch = loop.watch(pipe.read.raw(), EPOLLIN, [&](std::uint32_t) {
        ++calls;
        loop.unwatch(watch);
    });
    sys::write_all(pipe.write, "x").value();
    loop.set_alarm(in(10), [&] { loop.stop(); });
    loop.run();
    cr_assert_eq(calls, 1);
}

Test(container_loop, an_alarm_may_set_the_next_one) {
    Loop loop = Loop::open().value();
    int rings = 0;
    std::function<void()> again = [&] {
        if (++rings == 3) return loop.stop();
        loop.set_alarm(in(1), again);
    };
    loop.set_alarm(in(1), again);
    loop.run();
    cr_assert_eq(rings, 3);
}

// proc(5), /proc/PID/fdinfo: timerfd.
Test(container_loop, alarms_rest_on_a_clock_that_nobody_sets) {
    const Loop loop = Loop::open().value();
    const Fd descriptors = sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY).value();
    int timers = 0;
    for (const std::string& name : list_folder(descriptors).value()) {
        const auto target = sys::readlinkat(descriptors, name);
        if (!target.ok() || target.value() != "anon_inode:[timerfd]") continue;
        ++timers;
        const std::string facts = read_file("/proc/self/fdinfo/" + name).value();
        const std::string wanted = "clockid: " + std::to_string(CLOCK_BOOTTIME) + "\n";
        cr_expect(facts.find(wanted) != std::string::npos, "%s", facts.c_str());
    }
    cr_expect_eq(timers, 1);
}

Test(container_loop, nothing_is_called_after_a_stop) {
    Loop loop = Loop::open().value();
    const sys::Pipe pipes[] = {sys::pipe().value(), sys::pipe().value()};
    int calls = 0;
    for (const sys::Pipe& pipe : pipes) {
        loop.watch(pipe.read.raw(), EPOLLIN, [&](std::uint32_t) { ++calls, loop.stop(); });
        sys::write(pipe.write, "x").value();
    }
    loop.run();
    cr_expect_eq(calls, 1);
}
