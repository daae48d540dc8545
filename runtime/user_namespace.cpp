#include "runtime/user_namespace.h"

#include <cerrno>

#include <linux/nsfs.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/raw.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

std::string map_text(const std::vector<IdMapping>& mappings) {
    std::string text;
    for (const IdMapping& mapping : mappings) text += cat(mapping.container_id, " ", mapping.host_id, " ", mapping.size, "\n");
    return text;
}

Result<void> write_proc(pid_t pid, const char* name, const std::string& text) {
    const Fd file = TRY(sys::open(cat("/proc/", pid, "/", name), O_WRONLY), "user namespace");
    TRY(sys::write(file, text), "write ", name);
    return {};
}

}  // namespace

Result<void> write_id_maps(pid_t pid, const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
    TRY(write_proc(pid, "uid_map", map_text(uids)));
    // Who may map only itself has to give up setgroups(2) first (user_namespaces(7)).
    if (::geteuid() != 0) TRY(write_proc(pid, "setgroups", "deny"));
    return write_proc(pid, "gid_map", map_text(gids));
}

Result<Fd> make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_NEWUSER | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    const long pid = raw::call(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        for (;;) raw::call(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
    if (pid < 0) return Error::of_errno(static_cast<int>(-pid), "make user namespace");
    Child child(static_cast<pid_t>(pid), Fd(pidfd));
    auto mapped = write_id_maps(child.pid(), uids, gids);
    auto space = sys::open(cat("/proc/", pid, "/ns/user"), O_RDONLY);
    ignore(child.kill(Signal::of(SIGKILL)), "it only waits");
    ignore(child.wait(), "reaped");
    TRY(std::move(mapped));
    return space;
}

Result<bool> rules_over(const Fd& user, const Fd& space) {
    const struct stat ruler = TRY(sys::fstat(user));
    Fd owner(::ioctl(space.raw(), NS_GET_USERNS));
    if (!owner.valid() && errno != EPERM) return Error::of_errno(errno, "owner of a namespace");
    while (owner.valid()) {
        const struct stat status = TRY(sys::fstat(owner));
        if (status.st_dev == ruler.st_dev && status.st_ino == ruler.st_ino) return true;
        // EPERM: the next one is above our own.
        owner = Fd(::ioctl(owner.raw(), NS_GET_PARENT));
    }
    return false;
}

}  // namespace berth::runtime
