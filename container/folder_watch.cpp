#include "container/folder_watch.h"

#include <cerrno>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cat.h"

namespace berth::container {

Result<FolderWatch> FolderWatch::open(const Fd& folder) {
    Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch.valid()) return Error::of_errno(errno, "inotify").with_hint("sysctl fs.inotify.max_user_instances may be too low");
    // Through the descriptor, so that it is this very folder, whatever its name means by now.
    const std::string path = cat("/proc/self/fd/", folder.raw());
    if (::inotify_add_watch(watch.raw(), path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
        return Error::of_errno(errno, "inotify");
    return FolderWatch(std::move(watch));
}

void FolderWatch::wait(int milliseconds) const {
    pollfd ready{watch_.raw(), POLLIN, 0};
    if (::poll(&ready, 1, milliseconds) <= 0) return;
    char events[4096];
    while (::read(watch_.raw(), events, sizeof events) > 0) {}
}

}  // namespace berth::container
