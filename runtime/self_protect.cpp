// CVE-2019-5736: a container whose program is /proc/self/exe runs us, and another of its processes may then write to our
// file through /proc/PID/exe once nobody executes it. Started from a read-only mount, that file cannot be opened for
// writing, whoever asks. The mount is detached: nothing appears on the host, and it goes with the last process.

#include <cerrno>

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "runtime/launch.h"
#include "runtime/sources.h"

extern char** environ;

namespace berth::runtime {

bool is_self_protected() {
    struct statvfs filesystem{};
    // statvfs(3): ST_RDONLY is the mount's flag as well as the file system's.
    return ::statvfs("/proc/self/exe", &filesystem) == 0 && (filesystem.f_flag & ST_RDONLY) != 0;
}

Result<void> protect_self(char** argv) {
    if (is_self_protected()) return {};
    const Fd tree = TRY(clone_tree("/proc/self/exe", false), "protect the runtime's own file");
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (::syscall(SYS_mount_setattr, tree.raw(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
        return Error::of_errno(errno, "protect the runtime's own file");
    ::syscall(SYS_execveat, tree.raw(), "", argv, environ, AT_EMPTY_PATH);
    return Error::of_errno(errno, "execute the runtime again from a read-only mount");
}

}  // namespace berth::runtime
