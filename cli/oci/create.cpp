#include <cerrno>
#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

#include "cli/oci/commands.h"
#include "cli/oci/console.h"
#include "cli/oci/launching.h"
#include "cli/oci/notify.h"
#include "cli/oci/start.h"

namespace berth::cli {

namespace {

/// A process of its own passes the container's notices on while we are its terminal; it ends with the container.
Result<void> relay_beside(const Launched& launched, const Fd& process) {
    const pid_t main_pid = ::getpid();
    const pid_t relay = ::fork();
    if (relay < 0) return Error::of_errno(errno, "fork");
    if (relay > 0) return {};
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ignore(relay_notices(*launched.notices, process, main_pid, RelayUntil::end), "nobody is there to hear it");
    ::_exit(0);
}

Result<void> release_program(Launched& launched) {
    launched.notices = TRY(open_notify(launched.container));
    return launched.init.release();
}

Result<int> stay_in_foreground(const OciCall& call, Launched launched, const LaunchOptions& options) {
    Child child = std::move(launched.init).into_child();
    if (launched.notices) TRY(relay_beside(launched, child.pidfd()));
    auto hooks = run_poststart(launched.container);
    if (!hooks.ok()) ignore(child.kill(Signal::of(9)), "it may have ended");
    const ExitStatus status = TRY(wait_in_foreground(child, launched.console));
    if (!options.keep) TRY(destroy_container(launched.container, call.log));
    TRY(std::move(hooks));
    return status.shell_code();
}

}  // namespace

Result<int> oci_create(const OciCall& call) {
    Parser parser;
    LaunchOptions options;
    parser.about(oci_about("create"));
    parser.usage("CONTAINER-ID", 1, 1);
    describe_launch_options(parser, options);
    const auto words = TRY(read_words(parser, call, "create"));
    if (!words) return 0;
    auto launched = launch_container(call, (*words)[0], options, Release::at_gate);
    if (!launched.ok()) return failed_start(std::move(launched).error(), cat(call.globals.program, " create"));
    // Its parent is whoever becomes ours: conmon and shims are subreapers.
    static_cast<void>(std::move(launched.value().init).into_child());
    return 0;
}

Result<int> oci_run(const OciCall& call) {
    Parser parser;
    LaunchOptions options;
    parser.about(oci_about("run"));
    parser.usage("CONTAINER-ID", 1, 1);
    describe_launch_options(parser, options);
    parser.flag("-d,--detach", options.detach, "Return when the program runs");
    parser.flag("--keep", options.keep, "Keep the container's state when it has ended");
    parser.flag("--no-subreaper", options.no_subreaper, "Do not wait for orphans of the container");
    const auto words = TRY(read_words(parser, call, "run"));
    if (!words) return 0;
    if (!options.detach) {
        hold_signals();
        if (!options.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    auto launched = launch_container(call, (*words)[0], options, Release::by_caller);
    if (!launched.ok()) return failed_start(std::move(launched).error(), cat(call.globals.program, " run"));
    if (auto released = release_program(launched.value()); !released.ok()) {
        call.log.program_failure(released.error());
        launched.value().init.abort();
        TRY(destroy_container(launched.value().container, call.log));
        return 1;
    }
    if (!options.detach) return stay_in_foreground(call, std::move(launched).value(), options);
    Child child = std::move(launched.value().init).into_child();
    if (auto hooks = run_poststart(launched.value().container); !hooks.ok()) {
        ignore(child.kill(Signal::of(9)), "it may have ended");
        ignore(child.wait(), "reaped");
        TRY(destroy_container(launched.value().container, call.log));
        return std::move(hooks).error();
    }
    if (launched.value().notices) TRY(relay_notices(*launched.value().notices, child.pidfd(), child.pid(), RelayUntil::ready));
    return 0;
}

}  // namespace berth::cli
