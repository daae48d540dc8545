#pragma once
// The commands' side of monitors: starting one, and asking one that lives.

#include "container/control.h"
#include "container/engine.h"
#include "container/registry.h"

namespace berth::container {

/// A helper program of ours, opened through a detached read-only mount of its file, so that no container can write to the
/// file through /proc/PID/exe (CVE-2019-5736).
Result<Fd> open_protected_program(const std::string& name);

/// What a monitor answers to a start and to an attach.
struct MonitorStart {
    Fd socket;
    Answer answer;
    Fd init;  ///< the pidfd of the container's first process; invalid where none runs
};
/// Starts a monitor that runs the container and waits until the command runs in it. `wish` says what the caller attaches
/// to; the socket that comes back then carries the stream. The lock becomes the monitor's.
Result<MonitorStart> start_by_monitor(Engine& engine, const Record& record, DirLock lock, const Request& wish);
/// The same for a container whose monitor died. It may turn out to have ended: then the socket carries no stream. `init`: as
/// an earlier monitor's start gave it, or invalid.
Result<MonitorStart> adopt_by_monitor(Engine& engine, const Record& record, DirLock lock, const Request& wish, const Fd& init);

/// As a wish and as a request to a monitor that runs already.
Request attach_request(const AttachOptions& options);

/// The run lock of a container that does not run; nothing when it runs. `record` is as it is then.
Result<std::optional<DirLock>> lock_stopped(Engine& engine, Record& record);

/// A request to the monitor of a running container and the packet that answers it.
struct Exchange {
    Fd socket;
    Packet packet;
};
/// Nothing when no monitor has read it.
Result<std::optional<Exchange>> try_exchange(Engine& engine, const Record& record, const Request& request, std::span<const int> descriptors = {});
/// A monitor that was killed before it read the request is replaced, and the new one asked. Kind::wrong_state "container web is
/// not running" when it is not.
Result<Exchange> exchange(Engine& engine, const Record& record, const Request& request, std::span<const int> descriptors = {});
/// The same, for the answer alone. Kind::wrong_state also when the monitor ended while it had the request.
Result<Answer> ask_monitor(Engine& engine, const Record& record, const Request& request);
/// What a monitor answered to a start, a take-over or an attach.
Result<MonitorStart> read_start(Exchange answered);
/// Starts what --requires names, if it does not run, and waits for `:healthy`.
Result<void> meet_requirements(Engine& engine, const Record& record);
/// wait on a container that does not run: for its next end, or until it is removed. By inotify, never by polling.
Result<int> wait_for_files(Engine& engine, const Record& record, WaitFor condition);

/// A connection on which nothing was asked yet.
Result<Fd> connect_monitor(Engine& engine, const Record& record);

}  // namespace berth::container
