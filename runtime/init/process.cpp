// What is not a file system: signals, control groups, time, keyring, sysctls, the loopback link, limits, labels.

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

long write_text(long fd, const char* text) {
    if (fd < 0) return fd;
    const std::size_t length = __builtin_strlen(text);
    const long put = raw::call_again(SYS_write, fd, text, length);
    close_fd(fd);
    if (put >= 0 && static_cast<std::size_t>(put) != length) return -EIO;
    return put;
}

/// Below the detached procfs: no link and no mount on the way, so it is the kernel's own file (CVE-2025-52881).
long open_proc(const Context& context, const char* path) {
    const open_how how{O_WRONLY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    return raw::call_again(SYS_openat2, context.procfs, path, &how, sizeof how);
}

std::size_t append(char* out, std::size_t at, std::size_t size, const char* text) {
    for (; *text != '\0' && at + 1 < size; ++text) out[at++] = *text;
    out[at] = '\0';
    return at;
}

[[noreturn]] void end_by_signal(int number) {
    for (;;) raw::call(SYS_exit_group, 128 + number);
}
/// Never reached, since the handler does not return; x86 wants one to be named.
void never_returns() {}

}  // namespace

void end_on_signals() {
    constexpr std::uint64_t has_restorer = 0x04000000;
    const struct { void (*handler)(int); std::uint64_t flags; void (*restorer)(); std::uint64_t mask; } end{
        end_by_signal, has_restorer, never_returns, 0};
    constexpr int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
    for (const int number : numbers)
        raw::call(SYS_rt_sigaction, number, &end, nullptr, 8);
}

long hide(Context&, const Step& step) {
    // /proc/PID/cmdline is anybody's to read, and the caller's tells where the host keeps its stores. This is our copy of it.
    char* text = static_cast<char*>(const_cast<void*>(step.list));
    for (std::uint32_t i = 0; i < step.count; ++i) text[i] = 0;
    return raw::call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

long reset_signals(Context&, const Step&) {
    // The kernel's struct sigaction; all zero is the default action. clone3(CLONE_CLEAR_SIGHAND) would leave what is
    // ignored ignored, and Go programs start us with SIGPIPE ignored.
    struct { std::uint64_t handler, flags, restorer, mask; } by_default{};
    for (int number = 1; number <= 64; ++number)
        if (number != SIGKILL && number != SIGSTOP) raw::call(SYS_rt_sigaction, number, &by_default, nullptr, 8);
    const std::uint64_t none = 0;
    raw::call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
    return raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
}

long write_zero(Context&, const Step& step) {
    const long put = raw::call_again(SYS_write, step.fd, "0", 1);
    close_fd(step.fd);
    return put;
}

long set_time_offsets(Context&, const Step& step) {
    long done = 0;
    if (step.text[0] != '\0') done = write_text(raw::call(SYS_openat, step.fd, "self/timens_offsets", O_WRONLY | O_CLOEXEC), step.text);
    if (done < 0) return done;
    const long made = raw::call(SYS_openat, step.fd, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    done = made < 0 ? made : raw::call(SYS_setns, made, CLONE_NEWTIME);
    close_fd(made);
    return done;
}

long new_keyring(Context&, const Step& step) {
    const long done = raw::call(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, step.text);
    return done == -ENOSYS ? 0 : done;
}

long write_sysctl(Context& context, const Step& step) { return write_text(open_proc(context, step.path), step.text); }

long set_label(Context& context, const Step& step) {
    char path[256];
    std::size_t at = decimal(path, static_cast<std::uint64_t>(raw::call(SYS_getpid)));
    at = append(path, at, sizeof path, "/attr/");
    append(path, at, sizeof path, step.path);
    return write_text(open_proc(context, path), step.text);
}

long loopback_up(Context&, const Step&) {
    const long socket = raw::call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return socket;
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    const long done = raw::call(SYS_ioctl, socket, SIOCSIFFLAGS, &request);
    close_fd(socket);
    return done;
}

long set_rlimit(Context&, const Step& step) {
    const struct { std::uint64_t soft, hard; } limit{step.value, step.extra};
    return raw::call(SYS_prlimit64, 0, step.flags, &limit, nullptr);
}

}  // namespace berth::runtime::init
