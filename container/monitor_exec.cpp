// exec: the monitor is the parent of what it starts in the container, so that the client gets the real status.

#include <csignal>

#include <sys/epoll.h>

#include "base/ids.h"
#include "container/history.h"
#include "container/monitor.h"

namespace berth::container {

namespace {

/// docker: the command, a space, its arguments.
std::string exec_words(const Words& argv) {
    std::string words;
    for (const std::string& word : argv) words += cat(words.empty() ? "" : " ", word);
    return argv.size() == 1 ? cat(words, " ") : words;
}

}  // namespace

void Monitor::start_exec(Fd socket, Request request, std::vector<Fd> descriptors) {
    if (!run_) return reply(socket, not_running());
    if (record_.run.state.status == Status::paused)
        return reply(socket, Error(Kind::wrong_state, cat("container ", record_.name(), " is paused, unpause it before exec")));
    JoinRequest join_request;
    join_request.wishes = {std::move(request.argv), std::move(request.env), std::move(request.working_dir), request.tty, request.privileged};
    join_request.user = std::move(request.user);
    join_request.console_size = {request.rows, request.columns};
    // Which of 0, 1 and 2 came along stands in the three flags, since a list of descriptors has no gaps.
    const bool present[3] = {request.input, request.output, request.error_output};
    std::size_t next = 0;
    for (std::size_t i = 0; i < 3; ++i)
        if (present[i] && next < descriptors.size()) join_request.stdio[i] = &descriptors[next++];
    auto started = join(target(), join_request);
    if (!started.ok()) return reply(socket, std::move(started).error());
    runtime::ExecProcess process = std::move(started).value();
    descriptors.clear();

    Answer answer;
    answer.pid = process.child.pid();
    std::vector<int> handed{process.child.pidfd().raw()};
    if (process.console) handed.push_back(process.console->raw());
    ignore(send_answer(socket, answer, handed), "the client may be gone; the process runs all the same");
    ExecSession& session = execs_.emplace_back(ExecSession{std::move(process.child), std::move(socket), random_hex(32)});
    if (request.detach) session.socket.reset();
    session.watch = loop_.watch(session.child.pidfd().raw(), EPOLLIN, [this, &session](std::uint32_t) { on_exec_end(session); });
    const std::string command = exec_words(join_request.wishes.argv);
    note(engine_.paths().root, {container_event(record_, cat("exec_create: ", command), {{"execID", session.id}}),
                                container_event(record_, cat("exec_start: ", command), {{"execID", session.id}})});
}

void Monitor::note_exec_end(const ExecSession& session, int exit_code) {
    note_event("exec_die", {{"execID", session.id}, {"exitCode", cat(exit_code)}});
}

void Monitor::on_exec_end(ExecSession& session) {
    loop_.unwatch(session.watch);
    Answer answer;
    auto status = session.child.wait();
    answer.exit = status.ok() ? status.value().shell_code() : 255;
    note_exec_end(session, answer.exit);
    if (session.socket.valid()) reply(session.socket, answer);
    execs_.remove_if([&](const ExecSession& other) { return &other == &session; });
}

/// The container ended, and what exec had started in it with it. The kernel has seen to that when the container had process
/// numbers of its own; with others' (--pid) it is done here, for a process that stayed would be nobody's to reap.
void Monitor::end_execs() {
    constexpr int patience_milliseconds = 2000;
    for (const ExecSession& session : execs_) ignore(session.child.kill(Signal::of(SIGKILL)), "it may have ended");
    for (auto at = execs_.begin(); at != execs_.end();) {
        ExecSession& session = *at++;
        if (wait_for_end(session.child.pidfd(), patience_milliseconds).value_or(false)) {
            on_exec_end(session);
            continue;
        }
        // It hangs in the kernel, on a file server that does not answer say: reaped when it comes out of there.
        Answer answer;
        answer.exit = 128 + SIGKILL;
        note_exec_end(session, answer.exit);
        if (session.socket.valid()) reply(session.socket, answer);
        session.socket.reset();
    }
}

}  // namespace berth::container
