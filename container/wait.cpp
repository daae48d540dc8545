// wait on a container that does not run, by inotify(7) on its folder.

#include <cerrno>

#include <sys/inotify.h>
#include <unistd.h>

#include "base/sys.h"
#include "container/monitor_client.h"
#include "container/registry.h"

namespace berth::container {

namespace {

Result<Fd> watch_folder(const std::string& path) {
    Fd events(::inotify_init1(IN_CLOEXEC));
    if (!events.valid()) return Error::of_errno(errno, "inotify_init1");
    const int watch = ::inotify_add_watch(events.raw(), path.c_str(), IN_MOVED_TO | IN_DELETE_SELF | IN_DELETE);
    if (watch < 0 && errno != ENOENT) return Error::of_errno(errno, path);
    return watch < 0 ? Fd() : std::move(events);
}

}  // namespace

Result<int> wait_for_files(Engine& engine, const Record& record, WaitFor condition) {
    Registry* registry = TRY(engine.containers());
    const std::string path = registry->folder_path(record.id());
    int exit_code = static_cast<int>(record.run.state.exit_code);
    // The watch comes first: what happens between it and our look is an event, not a gap.
    const Fd events = TRY(watch_folder(path));
    while (events.valid()) {
        auto loaded = registry->load(record.id());
        if (!loaded.ok() && loaded.error().kind() == Kind::not_found) break;
        const Record current = TRY(std::move(loaded));
        exit_code = static_cast<int>(current.run.state.exit_code);
        if (condition == WaitFor::next_exit && current.run.state.running()) return wait(engine, current, WaitFor::not_running);
        alignas(inotify_event) char buffer[4096];
        TRY(sys::read(events, buffer));
    }
    return exit_code;
}

}  // namespace berth::container
