#pragma once
// The engine: one function per docker verb, typed options in, data out. Nothing here prints; cli/ does, and an API server
// could. There is no daemon behind it: state lives in files (record.h), and each running container has a monitor that
// these functions talk to (control.h).
//
// `find` turns what a user wrote into a Record; the verbs take Records, because a command resolves its arguments first
// and then works on each. A Record is a copy of the files at that moment: verbs that depend on the state look again
// under the container's lock.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "container/record.h"
#include "container/volumes.h"

namespace berth::image {
class Store;
}
namespace berth::network {
class Networks;
}

namespace berth::container {

class Registry;

struct Paths {
    std::string root = "/var/lib/berth";
    std::string run_root = "/run/berth";
};

class Engine {
public:
    /// Cheap: folders are made and stores opened when first used.
    static Result<Engine> open(Paths paths);
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    ~Engine();

    const Paths& paths() const { return paths_; }
    Result<image::Store*> images();
    Result<Registry*> containers();
    Result<Volumes*> volumes();
    Result<network::Networks*> networks();

private:
    explicit Engine(Paths paths);
    Paths paths_;
    std::unique_ptr<image::Store> images_;
    std::unique_ptr<Registry> containers_;
    std::unique_ptr<Volumes> volumes_;
    std::unique_ptr<network::Networks> networks_;
};

// --- finding -----------------------------------------------------------------------------------------------------------

/// Exact id, exact name (a leading '/' is dropped), unique id prefix. Kind::not_found: "no such container: X".
/// A running record whose monitor died is repaired on the way: adopted again, or recorded as ended with 255.
Result<Record> find(Engine& engine, const std::string& reference);
/// All of them, newest first, repaired as by find.
Result<std::vector<Record>> list(Engine& engine);
/// docker's ps filters; keys of facts: ancestor before since exited health id label name network publish expose status
/// volume. Unknown keys and values are errors. A key given twice is OR (label: AND), different keys are AND.
using Filters = std::vector<std::pair<std::string, std::string>>;
Result<std::vector<Record>> filter(Engine& engine, std::vector<Record> records, const Filters& filters);
/// docker inspect's document of one container. With `sizes`, SizeRw and SizeRootFs too.
enum class Sizes { without, with };
Result<Json> inspect(Engine& engine, const Record& record, Sizes sizes);

// --- create, start, run --------------------------------------------------------------------------------------------

struct CreateOptions {
    std::string name;  ///< empty: a generated one
    Config config;     ///< The user's wishes; config.image names the image. Empty members come from the image.
    HostConfig host;
    /// `--network` (repeatable) with aliases and addresses; the first also names host.network_mode when that is empty.
    /// `host`, `none` and `container:X` stand in host.network_mode only.
    std::vector<network::EndpointRequest> networks;
    Words volumes_of_image;          ///< `-v TARGET` alone; the image's own are added.
    std::string rootfs;              ///< `--rootfs`: a folder instead of an image.
    std::string platform;
    std::string cidfile;             ///< Refused when it exists; removed again when create fails.
    std::string pidfile;             ///< Written by the start with init's pid.
    bool replace = false;            ///< `--replace`: a container of that name goes first.
};
struct Created {
    Record record;
    Words warnings;  ///< Limits that this host cannot keep, and so on.
};
/// The image must be in the store: Kind::not_found otherwise, for the cli to pull and try again.
Result<Created> create(Engine& engine, CreateOptions options);

/// What a start failed at, for the exit code of `run` and `start -a`: 127 when the command is not found, 126 when it
/// cannot be executed, else 125. Read from the error that start and exec return.
int exit_code_of_failure(const Error& error);

/// The caller's end of a container's streams, terminal and end. Owned by who attached.
class Attachment {
public:
    Attachment(Fd socket, Fd init) : socket_(std::move(socket)), init_(std::move(init)) {}
    /// For poll(2).
    const Fd& fd() const { return socket_; }
    /// The pidfd of the container's first process: whoever holds it can learn how that ended without its monitor.
    const Fd& init() const { return init_; }

    struct Event {
        enum class What { output, error_output, ended, detached } what = What::ended;
        std::string_view bytes;  ///< Valid until the next call.
        int exit_code = 0;       ///< with `ended`
    };
    /// The next event; waits for it.
    Result<Event> next();
    /// Standard input; waits while the container does not read.
    Result<void> send_input(std::string_view bytes);
    Result<void> close_input();
    Result<void> resize(unsigned short rows, unsigned short columns);

private:
    Fd socket_;
    Fd init_;
    std::string buffer_;
};

struct AttachOptions {
    bool input = false;
    bool output = true;
    bool error_output = true;
};
struct StartOptions {
    std::optional<AttachOptions> attach;  ///< Absent: detached.
    /// Rows and columns of the caller's terminal.
    std::optional<std::pair<unsigned short, unsigned short>> console_size;
    std::string pidfile;
};
struct Started {
    std::optional<Attachment> attachment;
    Words warnings;
    bool was_running = false;  ///< docker: starting a running container is no error.
};
Result<Started> start(Engine& engine, Record& record, const StartOptions& options);
Result<Attachment> attach(Engine& engine, const Record& record, const AttachOptions& options);

/// Puts a container on one more network, or takes it off; at once when it runs. `force`: as disconnect of a network or
/// container that is half gone.
Result<void> connect_network(Engine& engine, const Record& record, const network::EndpointRequest& endpoint);
Result<void> disconnect_network(Engine& engine, const Record& record, const std::string& network, bool force);

/// Names of containers, and what went wrong with which: one failure does not stop the others.
struct BootResult {
    Words done;
    std::vector<std::pair<std::string, Error>> failed;
};
/// Starts what the restart policies say after a boot, in the order of --requires.
Result<BootResult> start_boot(Engine& engine);
/// Stops all that run because the host goes down: each with its own signal and time-out, all at once, but who requires another
/// before that other. It is not the user's wish to keep them down: start_boot brings them back.
Result<BootResult> stop_for_boot(Engine& engine);

// --- ending --------------------------------------------------------------------------------------------------------

struct StopOptions {
    std::optional<std::string> signal;          ///< Absent: the container's STOPSIGNAL, else TERM.
    std::optional<std::int64_t> timeout_seconds;  ///< Absent: the container's, else 10; -1: no limit.
    bool for_restart = false;  ///< Not the user's wish to keep it down: `unless-stopped` still holds.
};
struct StopResult {
    bool was_running = false;
    bool had_to_kill = false;       ///< It outlived the time-out.
    bool ignored_the_signal = false;  ///< … because PID 1 has no handler for it (the kernel drops it then).
    std::string signal;             ///< name of the signal that was sent
};
Result<StopResult> stop(Engine& engine, Record& record, const StopOptions& options);
/// Stop and start again; RestartCount is 0 afterwards.
Result<StopResult> restart(Engine& engine, Record& record, const StopOptions& options);
/// KILL waits for the end, any other signal returns at once. `process`: one of --proc instead of init.
Result<void> kill(Engine& engine, Record& record, Signal signal, const std::string& process = {});

struct RemoveOptions {
    bool force = false;    ///< kill it first
    bool volumes = false;  ///< its anonymous volumes too
    bool link = false;
};
Result<void> remove(Engine& engine, const Record& record, const RemoveOptions& options);

Result<void> pause(Engine& engine, const Record& record);
Result<void> unpause(Engine& engine, const Record& record);
Result<void> rename(Engine& engine, const Record& record, const std::string& name);

enum class WaitFor { not_running, next_exit, removed, healthy };
/// The exit code; for `healthy` 0, or 1 when it became unhealthy or ended first.
Result<int> wait(Engine& engine, const Record& record, WaitFor condition);

/// Members that are absent stay as they are.
struct UpdateOptions {
    std::optional<RestartPolicy> restart_policy;
    std::optional<std::int64_t> memory, memory_reservation, memory_swap, nano_cpus, cpu_shares, cpu_period, cpu_quota,
        cpu_realtime_period, cpu_realtime_runtime, blkio_weight, pids_limit;
    std::optional<std::string> cpuset_cpus, cpuset_mems;
};
/// Returns warnings.
Result<Words> update(Engine& engine, Record& record, const UpdateOptions& options);

// --- a second process ----------------------------------------------------------------------------------------------

struct ExecOptions {
    Words argv;
    Words env;
    std::string user;
    std::string working_dir;
    bool tty = false;
    bool privileged = false;
    bool detach = false;
    /// The process's own 0, 1 and 2; an invalid one becomes /dev/null. With a tty none is used. They are handed to the
    /// container as they are: give it pipes, never the caller's terminal.
    Fd stdio[3];
    std::pair<unsigned short, unsigned short> console_size{0, 0};
};
/// A process started by exec; its monitor is its parent.
class Exec {
public:
    Exec(Fd socket, Fd process, Fd console) : socket_(std::move(socket)), process_(std::move(process)), console_(std::move(console)) {}
    /// The terminal's master with `tty`, else invalid: what the process writes is read here.
    const Fd& console() const { return console_; }
    /// Readable when the process ended.
    const Fd& fd() const { return process_; }
    /// Its exit code; waits for the end.
    Result<int> wait();

private:
    Fd socket_;
    Fd process_;
    Fd console_;
};
Result<Exec> exec(Engine& engine, const Record& record, ExecOptions options);

/// One probe now, whatever the schedule; its result is recorded.
Result<healthcheck::Health> run_health_probe(Engine& engine, const Record& record);

}  // namespace berth::container
