#include "container/peer.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rights.h"
#include "base/sys.h"
#include "base/worker.h"
#include "container/spec.h"

namespace berth::container {

namespace {

Error not_running(std::string_view option, const Record& record) {
    return Error(Kind::wrong_state, cat("--", option, " container:", record.name(), ": it is not running"))
        .with_hint(cat("start it first: berth start ", record.name()));
}

Result<Fd> copy_shm_there(const Peer& peer) {
    if (::setns(peer.process.raw(), CLONE_NEWNS) != 0) return Error::of_errno(errno, "enter its mount namespace");
    // What lies there is the other container's: no link of it leads elsewhere.
    const Fd folder = TRY(sys::openat2(sys::here(), "/dev/shm", O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS));
    Fd tree(static_cast<int>(::syscall(SYS_open_tree, folder.raw(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!tree.valid()) return Error::of_errno(errno, "/dev/shm");
    return tree;
}

/// The work of a process of its own, since whoever enters a mount namespace so does not come back. One byte with the tree,
/// or an error's text.
bool hand_over_shm(const Peer& peer, const Fd& socket) {
    const auto tree = copy_shm_there(peer);
    const std::string text = tree.ok() ? "+" : tree.error().text();
    const int raw = tree.ok() ? tree.value().raw() : -1;
    return send_rights(socket, text, std::span(&raw, tree.ok() ? 1 : 0), "send /dev/shm").ok();
}

}  // namespace

Result<std::optional<Peer>> find_peer(Engine& engine, std::string_view option, const std::string& mode) {
    const std::optional<std::string> name = container_of_mode(mode);
    if (!name) return std::optional<Peer>();
    Record record = TRY(find(engine, *name), "--", option, '=', mode);
    if (!record.run.state.running() || !record.run.state.init) return not_running(option, record);
    std::optional<Fd> process = TRY(record.run.state.init->open());
    if (!process) return not_running(option, record);
    return std::optional(Peer{std::move(record), std::move(*process)});
}

Result<Fd> open_namespace(const Peer& peer, std::string_view name) {
    Fd space = TRY(sys::open(cat("/proc/", peer.record.run.state.init->pid, "/ns/", name), O_RDONLY));
    // The number was still that process's when the path was looked up, if the process is not over now.
    if (TRY(wait_for_end(peer.process, 0))) return Error(Kind::wrong_state, cat("container ", peer.record.name(), " just ended"));
    return space;
}

bool shares_ipc(const Peer& peer) {
    const std::string& mode = peer.record.definition.host.ipc_mode;
    return mode == "shareable" || mode == "host" || container_of_mode(mode).has_value();
}

Result<Fd> copy_shm(const Peer& peer) {
    auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
    const int kept[] = {peer.process.raw(), theirs.raw()};
    Child child = TRY(fork_worker(kept, [&, &socket = theirs] { return hand_over_shm(peer, socket); }));
    theirs.reset();
    char text[256];
    auto received = receive_rights(ours, text, "receive /dev/shm");
    ignore(child.wait(), "what it sent tells how it went");
    ReceivedRights told = TRY(std::move(received));
    if (!told.descriptors.empty()) return std::move(told.descriptors.front());
    return Error(Kind::system, cat("/dev/shm of container ", peer.record.name(), ": ", std::string_view(text, told.size)));
}

}  // namespace berth::container
