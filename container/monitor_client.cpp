#include "container/monitor_client.h"

#include <cerrno>
#include <ctime>

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/process.h"
#include "base/sys.h"
#include "container/monitor.h"

namespace berth::container {

namespace {

/// Starts berth-monitor and gives back our end of its start socket. The wish is there before the monitor is.
Result<Fd> spawn_monitor(Engine& engine, const Record& record, const DirLock& lock, MonitorMode mode, const Request& wish, const Fd& init) {
    const Fd program = TRY(open_protected_program("berth-monitor"), "monitor");
    auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
    const int sent = init.raw();
    TRY(send_request(ours, wish, {&sent, init.valid() ? 1u : 0u}));
    SpawnOptions options;
    options.argv = {"berth-monitor", engine.paths().root, engine.paths().run_root, record.id(), std::string(monitor_mode_word(mode))};
    // Nothing of the caller's terminal or pipes is held (`ssh host berth run -d …` must end), nor of its environment, which
    // may hold secrets and would be there for as long as the container runs.
    // No cache of freed blocks: malloc_trim cannot give back what lies in it, and it is most of what a start leaves behind.
    options.env = std::vector<std::string>{cat("BERTH_LIBEXEC=", helper_folder()), "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"};
    options.descriptors = {-1, -1, -1, lock.fd().raw(), theirs.raw()};
    options.session = SpawnOptions::Session::own;
    // Not waited for: it outlives this command, and init reaps it.
    Child monitor = TRY(spawn(program, options), "monitor");
    std::move(monitor).release();
    return std::move(ours);
}

Result<MonitorStart> receive_start(Fd socket) {
    Packet packet = TRY(receive_packet(socket, control_packet_bytes));
    return read_start({std::move(socket), std::move(packet)});
}

bool is_hang_up(const Error& error) { return error.code() == EPIPE || error.code() == ECONNRESET; }

}  // namespace

Result<Fd> open_protected_program(const std::string& name) {
    const std::string path = helper_path(name);
    const long tree = ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) {
        Error error = Error::of_errno(errno, path);
        return errno == ENOENT ? std::move(error).with_hint("berth is not installed completely: make install, or set BERTH_LIBEXEC")
                               : std::move(error);
    }
    Fd mount(static_cast<int>(tree));
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (::syscall(SYS_mount_setattr, mount.raw(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
        return Error::of_errno(errno, cat(path, ": make read-only"));
    return mount;
}

Request attach_request(const AttachOptions& options) {
    Request request;
    request.op = Op::attach;
    request.input = options.input;
    request.output = options.output;
    request.error_output = options.error_output;
    return request;
}

Result<MonitorStart> start_by_monitor(Engine& engine, const Record& record, DirLock lock, const Request& wish) {
    Fd socket = TRY(spawn_monitor(engine, record, lock, MonitorMode::start, wish, {}));
    // Its copy of the lock lives on.
    std::move(lock).release().reset();
    return receive_start(std::move(socket));
}

Result<MonitorStart> adopt_by_monitor(Engine& engine, const Record& record, DirLock lock, const Request& wish, const Fd& init) {
    Fd socket = TRY(spawn_monitor(engine, record, lock, MonitorMode::adopt, wish, init));
    std::move(lock).release().reset();
    return receive_start(std::move(socket));
}

Result<MonitorStart> read_start(Exchange answered) {
    if (answered.packet.bytes.empty()) return Error(Kind::wrong_state, "the container's monitor ended before it answered");
    MonitorStart start{std::move(answered.socket), TRY(parse_answer(answered.packet.bytes)), {}};
    if (auto error = error_of(start.answer)) return std::move(*error);
    if (!answered.packet.descriptors.empty()) start.init = std::move(answered.packet.descriptors.front());
    return start;
}

// Somebody else may hold it for some moments: a command (cp into a stopped container, another start) or a monitor that is
// just ending. A lock cannot be waited for together with a change of state, so this looks again every few milliseconds.
Result<std::optional<DirLock>> lock_stopped(Engine& engine, Record& record) {
    Registry* registry = TRY(engine.containers());
    for (;;) {
        if (std::optional<DirLock> lock = TRY(registry->try_run_lock(record.id()))) return lock;
        record = TRY(registry->load(record.id()));
        if (record.run.state.running()) return std::optional<DirLock>();
        sleep_for(Duration::of_milliseconds(5));
    }
}

Result<Fd> connect_monitor(Engine& engine, const Record& record) {
    Registry* registry = TRY(engine.containers());
    auto connected = connect_control(registry->run_folder_path(record.id()));
    if (!connected.ok() && connected.error().kind() == Kind::not_found)
        return Error(Kind::wrong_state, cat("container ", record.name(), " is not running"));
    return connected;
}

Result<std::optional<Exchange>> try_exchange(Engine& engine, const Record& record, const Request& request, std::span<const int> descriptors) {
    Registry* registry = TRY(engine.containers());
    auto connected = connect_control(registry->run_folder_path(record.id()));
    if (!connected.ok() && connected.error().kind() == Kind::not_found) return std::optional<Exchange>();
    Exchange out{TRY(std::move(connected)), {}};
    auto sent = send_request(out.socket, request, descriptors);
    if (!sent.ok() && is_hang_up(sent.error())) return std::optional<Exchange>();
    TRY(std::move(sent));
    out.packet = TRY(receive_packet(out.socket, control_packet_bytes));
    if (out.packet.bytes.empty() && out.packet.went_unread) return std::optional<Exchange>();
    return std::optional(std::move(out));
}

Result<Exchange> exchange(Engine& engine, const Record& record, const Request& request, std::span<const int> descriptors) {
    // A monitor that ends lets go of its lock within milliseconds.
    for (int attempts = 0; attempts < 100; ++attempts) {
        if (attempts > 0) sleep_for(Duration::of_milliseconds(5));
        if (auto done = TRY(try_exchange(engine, record, request, descriptors))) return std::move(*done);
        // Its container may go on: then this has another monitor take over.
        auto now = find(engine, record.id());
        if (!now.ok() && now.error().kind() != Kind::not_found) return std::move(now).error();
        if (!now.ok() || !now.value().run.state.running()) break;
    }
    return Error(Kind::wrong_state, cat("container ", record.name(), " is not running"));
}

Result<Answer> ask_monitor(Engine& engine, const Record& record, const Request& request) {
    const Exchange answered = TRY(exchange(engine, record, request));
    if (answered.packet.bytes.empty()) return Error(Kind::wrong_state, "the container ended before its monitor answered");
    Answer answer = TRY(parse_answer(answered.packet.bytes));
    if (auto error = error_of(answer)) return std::move(*error);
    return answer;
}

}  // namespace berth::container
