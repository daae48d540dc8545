#include "cli/oci/start.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/oci/commands.h"
#include "cli/oci/notify.h"
#include "runtime/hooks.h"
#include "runtime/plan.h"

namespace berth::cli {

namespace {

constexpr const char* gate_name = "exec.fifo";

/// Waits until the first process stands at the gate; it may still be on its way there, or dead.
Result<void> wait_for_writer(const Fd& gate, const Fd& process) {
    pollfd wait[2] = {{gate.raw(), POLLIN, 0}, {process.raw(), POLLIN, 0}};
    while (::poll(wait, 2, -1) < 0 && errno == EINTR) continue;
    if ((wait[0].revents & POLLIN) != 0) return {};
    return Error(Kind::wrong_state, "cannot start an already stopped container");
}

Error failure_of(const runtime::Message& record, const OciContainer& container) {
    const auto spec = container.load_spec();
    const std::string program = spec.ok() && spec.value().process && !spec.value().process->args.empty()
                                    ? spec.value().process->args[0] : "the program";
    if (record.detail == runtime::hook_exited)
        return Error(Kind::system, cat("error running startContainer hook: exit status ", record.code, ": ",
                                       std::string(record.text, ::strnlen(record.text, sizeof record.text))));
    return Error::of_errno(record.code, cat("exec ", program));
}

}  // namespace

Result<void> make_gate(const OciContainer& container, uid_t uid, gid_t gid) {
    if (::mkfifoat(container.folder().raw(), gate_name, 0622) != 0) return Error::of_errno(errno, gate_name);
    // mkfifo's mode went through the umask.
    if (::fchmodat(container.folder().raw(), gate_name, 0622, 0) != 0) return Error::of_errno(errno, gate_name);
    if (::fchownat(container.folder().raw(), gate_name, uid, gid, 0) != 0) return Error::of_errno(errno, gate_name);
    return {};
}

Result<void> open_gate(const OciContainer& container, const Fd& process) {
    auto opened = sys::openat(container.folder(), gate_name, O_RDONLY | O_NONBLOCK);
    if (!opened.ok() && opened.error().code() == ENOENT)
        return Error(Kind::wrong_state, "cannot start an already running container");
    const Fd gate = TRY(std::move(opened));
    TRY(wait_for_writer(gate, process));
    TRY(sys::unlinkat(container.folder(), gate_name));
    // From here the writer is there: read to the end, which is execve.
    ::fcntl(gate.raw(), F_SETFL, 0);
    char bytes[1 + sizeof(runtime::Message)] = {};
    std::size_t have = 0;
    while (have < sizeof bytes) {
        const std::size_t got = TRY(sys::read(gate, std::span(bytes + have, sizeof bytes - have)));
        if (got == 0) break;
        have += got;
    }
    if (have < sizeof bytes) return {};
    runtime::Message record{};
    std::memcpy(&record, bytes + 1, sizeof record);
    return failure_of(record, container);
}

Result<void> run_poststart(const OciContainer& container) {
    const runtime::Spec spec = TRY(container.load_spec());
    if (!spec.hooks || spec.hooks->poststart.empty()) return {};
    const std::string state =
        runtime::state_document(spec, container.id(), container.state().bundle(), "running", container.state().pid);
    return runtime::run_hooks(spec.hooks->poststart, "poststart", state);
}

Result<int> oci_start(const OciCall& call) {
    Parser parser;
    parser.about(oci_about("start"));
    parser.usage("CONTAINER-ID", 1, 1);
    const auto words = TRY(read_words(parser, call, "start"));
    if (!words) return 0;
    OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    if (TRY(container.status()) == OciStatus::creating) {
        TRY(container.wait_until_made());
        container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    }
    const OciStatus status = TRY(container.status());
    if (status == OciStatus::stopped) return Error(Kind::wrong_state, "cannot start a container that has stopped");
    if (status != OciStatus::created) return Error(Kind::wrong_state, "cannot start an already running container");
    const auto process = TRY(container.open_process());
    if (!process) return Error(Kind::wrong_state, "cannot start a container that has stopped");
    const auto notices = TRY(open_notify(container));
    TRY(open_gate(container, *process));
    if (auto hooks = run_poststart(container); !hooks.ok()) {
        // The container is stopped then (runtime-spec runtime.md "Lifecycle").
        ignore(send_signal(*process, Signal::of(SIGKILL)), "it may have ended");
        ignore(wait_for_end(*process, 10'000), "the hook's failure is the one to tell");
        return std::move(hooks).error();
    }
    if (notices) TRY(relay_notices(*notices, *process, container.state().pid, RelayUntil::ready));
    return 0;
}

}  // namespace berth::cli
