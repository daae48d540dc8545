#include "base/process.h"

#include <cerrno>
#include <csignal>

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_process, .timeout = 10);

namespace {

Result<Child> shell(const std::string& script, std::vector<int> descriptors = {-1, 2, 2}) {
    SpawnOptions options;
    options.argv = {"sh", "-c", script};
    options.descriptors = std::move(descriptors);
    return spawn("/bin/sh", options);
}

std::string output_of(const std::string& script) {
    sys::Pipe pipe = sys::pipe().value();
    Child child = shell(script, {-1, pipe.write.raw(), 2}).value();
    pipe.write.reset();
    const std::string text = [&] {
        char part[4096];
        std::string all;
        for (auto got = sys::read(pipe.read, part); got.ok() && got.value() > 0; got = sys::read(pipe.read, part)) all.append(part, got.value());
        return all;
    }();
    ignore(child.wait(), "its output is the point");
    return text;
}

}  // namespace

Test(base_process, a_child_gives_its_exit_code) { cr_expect_eq(shell("exit 7").value().wait().value().shell_code(), 7); }

Test(base_process, a_killed_child_gives_128_and_the_signal) {
    const ExitStatus status = shell("kill -9 $$").value().wait().value();
    cr_expect_eq(status.signal, SIGKILL);
    cr_expect_eq(status.shell_code(), 137);
}

Test(base_process, a_program_that_is_missing_is_an_error_here) {
    SpawnOptions options;
    options.argv = {"x"};
    const auto child = spawn("/no/such/program", options);
    cr_assert_not(child.ok());
    cr_expect_str_eq(child.error().text().c_str(), "/no/such/program: No such file or directory");
    cr_expect_eq(::waitpid(-1, nullptr, WNOHANG), -1, "nothing is left to reap");
}

Test(base_process, a_program_that_is_not_executable_is_an_error_here) {
    SpawnOptions options;
    options.argv = {"x"};
    cr_expect_eq(spawn("/etc/passwd", options).error().code(), EACCES);
}

Test(base_process, a_program_can_be_an_open_descriptor) {
    SpawnOptions options;
    options.argv = {"true"};
    const Fd program = sys::open("/bin/true", O_PATH).value();
    cr_expect_eq(spawn(program, options).value().wait().value().shell_code(), 0);
}

Test(base_process, standard_streams_go_where_they_are_told) {
    const std::string text = output_of("echo out; echo err >&2; cat");
    cr_expect_str_eq(text.c_str(), "out\n");
}

Test(base_process, descriptors_may_swap_places) {
    const std::string text = support::in_child([]() -> std::string {
        sys::Pipe a = sys::pipe().value(), b = sys::pipe().value();
        // The sources are 1 and 0 themselves: each must survive the other's arrival.
        ::dup2(a.write.raw(), 0);
        ::dup2(b.write.raw(), 1);
        Child child = shell("echo zero >&0; echo one >&1", {1, 0, 2}).value();
        ignore(child.wait(), "read below");
        ::close(0), ::close(1);
        a.write.reset(), b.write.reset();
        char text[16] = {}, other[16] = {};
        ignore(sys::read(a.read, text), "compared"), ignore(sys::read(b.read, other), "compared");
        return cat(std::string_view(text), std::string_view(other));
    });
    cr_expect_str_eq(text.c_str(), "one\nzero\n");
}

Test(base_process, no_other_descriptor_reaches_the_program) {
    const Fd inherited(::open("/dev/null", O_RDONLY));  // Stays open on exec, as what a shell hands down does.
    // No pipe of the shell's own, which it may still hold when ls looks.
    const std::string text = output_of("ls /proc/$$/fd; true");
    cr_expect_str_eq(text.c_str(), "0\n1\n2\n");
}

Test(base_process, the_environment_is_the_callers_or_the_one_given) {
    ::setenv("BERTH_UNIT", "here", 1);
    const std::string inherited = output_of("echo $BERTH_UNIT");
    cr_expect_str_eq(inherited.c_str(), "here\n");
    SpawnOptions options;
    options.argv = {"sh", "-c", "[ -z \"$BERTH_UNIT\" ] && [ \"$ONLY\" = this ]"};
    options.env = std::vector<std::string>{"ONLY=this"};
    cr_expect_eq(spawn("/bin/sh", options).value().wait().value().shell_code(), 0);
}

Test(base_process, ignored_and_blocked_signals_are_reset) {
    const std::string text = support::in_child([]() -> std::string {
        ::signal(SIGTERM, SIG_IGN);
        sigset_t all;
        sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        return cat(shell("kill -TERM $$; exit 3").value().wait().value().shell_code());
    });
    cr_expect_str_eq(text.c_str(), "143");
}

Test(base_process, a_session_of_its_own_is_led_by_the_program) {
    SpawnOptions options;
    options.argv = {"sh", "-c", "[ $(ps -o sid= -p $$) = $$ ]"};
    options.session = SpawnOptions::Session::own;
    cr_expect_eq(spawn("/bin/sh", options).value().wait().value().shell_code(), 0);
}

Test(base_process, a_child_can_be_killed_and_looked_at) {
    Child child = shell("exec sleep 100").value();
    cr_expect_not(child.try_wait().value().has_value());
    cr_expect_not(wait_for_end(child.pidfd(), 0).value());
    cr_expect(child.kill(Signal::of(SIGKILL)).ok());
    cr_expect(wait_for_end(child.pidfd(), 5000).value());
    cr_expect_eq(child.try_wait().value()->signal, SIGKILL);
}

Test(base_process, a_signal_to_one_that_is_gone_says_so) {
    Child child = shell("exit 0").value();
    ignore(child.wait(), "only its end matters");
    const auto sent = send_signal(child.pidfd(), Signal::of(SIGTERM));
    cr_assert_not(sent.ok());
    cr_expect_str_eq(sent.error().text().c_str(), "send SIGTERM: No such process");
}

Test(base_process, a_key_finds_its_process_while_it_lives) {
    Child child = shell("exec sleep 100").value();
    const ProcessKey key = ProcessKey::of(child.pid()).value();
    cr_expect(key.open().value().has_value());
    ignore(child.kill(Signal::of(SIGKILL)), "it dies");
    cr_expect(wait_for_end(child.pidfd(), 5000).value());
    cr_expect_not(key.open().value().has_value(), "a zombie counts as gone");
    ignore(child.wait(), "reaped");
    cr_expect_not(key.open().value().has_value());
}

Test(base_process, a_key_of_another_start_or_boot_finds_nothing) {
    ProcessKey key = ProcessKey::of(::getpid()).value();
    cr_expect(key.open().value().has_value());
    ProcessKey later = key;
    later.start_time += 1;
    cr_expect_not(later.open().value().has_value());
    ProcessKey other_boot = key;
    other_boot.boot = "00000000-0000-0000-0000-000000000000";
    cr_expect_not(other_boot.open().value().has_value());
}

Test(base_process, a_name_with_parentheses_and_spaces_does_not_disturb) {
    const std::string text = support::in_child([]() -> std::string {
        const std::uint64_t before = ProcessKey::of(::getpid()).value().start_time;
        ignore(sys::write_all(sys::open("/proc/self/comm", O_WRONLY).value(), ") R 1 (x"), "compared below");
        return before == ProcessKey::of(::getpid()).value().start_time ? "" : "start time differs";
    });
    cr_expect_str_empty(text.c_str());
}

Test(base_process, spawning_leaves_no_descriptor_open) {
    const int before = support::open_descriptors();
    ignore(shell("exit 0").value().wait(), "only descriptors matter");
    SpawnOptions options;
    options.argv = {"x"};
    cr_expect_not(spawn("/no/such/program", options).ok());
    cr_expect_eq(support::open_descriptors(), before);
}

Test(base_process, a_program_is_found_in_the_first_folder_that_has_it) {
    const std::string first = support::temporary_folder(), second = support::temporary_folder();
    support::write_file(first + "/tool", "", 0644);
    support::write_file(second + "/tool", "", 0755);
    const std::string wanted = second + "/tool";
    EXPECT_TEXT(find_program(first + "::" + second, "tool"), wanted.c_str());
    EXPECT_TEXT(find_program(first, "tool"), "");
    EXPECT_TEXT(find_program("", "tool"), "");
}
