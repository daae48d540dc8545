// exec: a second process in a running container (docker: exec).

#include <unistd.h>

#include "cli/attach_loop.h"
#include "cli/cmds.h"
#include "cli/key_values.h"
#include "cli/terminal.h"

namespace berth::cli {
namespace {

struct ExecCommand {
    bool detach = false, interactive = false, tty = false, privileged = false;
    Words env, env_files;
    std::string user, working_dir, detach_keys;
};

Result<int> exec(Session& session, const ExecCommand& options, const Words& arguments) {
    if (options.tty && options.interactive && !options.detach) TRY(expect_terminal());
    container::Engine* engine = TRY(session.engine());
    const container::Record record = TRY(container::find(*engine, arguments[0]));
    container::ExecOptions request;
    request.argv = Words(arguments.begin() + 1, arguments.end());
    request.env = TRY(read_environment(options.env_files, options.env));
    request.user = options.user;
    request.working_dir = options.working_dir;
    request.tty = options.tty;
    request.privileged = options.privileged;
    request.detach = options.detach;

    StreamOptions streams;
    streams.input = options.interactive;
    streams.tty = options.tty;
    if (!options.detach_keys.empty()) streams.detach_keys = TRY(parse_detach_keys(options.detach_keys));
    const auto failed = [](const Error& error) -> Result<int> {
        // docker: a container that does not run, or is not there, is 1; a command that cannot be started 126 or 127.
        Session::print_error(error);
        const bool is_state = error.kind() == Kind::wrong_state || error.kind() == Kind::not_found;
        const int status = container::exit_code_of_failure(error);
        if (status != 125) return status;
        return is_state ? 1 : 126;
    };
    if (options.detach) {
        auto started = container::exec(*engine, record, std::move(request));
        return started.ok() ? Result<int>(0) : failed(started.error());
    }
    auto end = stream_exec(*engine, record, std::move(request), streams);
    if (!end.ok()) return failed(end.error());
    if (end.value().detached) return Error(Kind::wrong_state, "read escape sequence");
    return end.value().status;
}

}  // namespace

Action define_exec(Parser& p) {
    const auto options = std::make_shared<ExecCommand>();
    p.usage("CONTAINER COMMAND [ARG...]", 2, -1, Values::running);
    p.options_end_at_first_word();
    p.flag("-d,--detach", options->detach, "Run it in the background");
    p.flag("-i,--interactive", options->interactive, "Pass standard input on");
    p.flag("-t,--tty", options->tty, "Give it a terminal");
    p.list("-e,--env", options->env, "KEY[=VALUE]", "Set an environment variable");
    p.list("--env-file", options->env_files, "FILE", "Read environment variables from a file", Values::file);
    p.text("-u,--user", options->user, "USER[:GROUP]", "User name or id, and group");
    p.text("-w,--workdir", options->working_dir, "FOLDER", "Working folder in the container");
    p.flag("--privileged", options->privileged, "With all capabilities");
    p.text("--detach-keys", options->detach_keys, "KEYS", "Keys that leave it running (default ctrl-p,ctrl-q)");
    p.about(
        "Runs a command in a running container and exits with its status: 126 when it cannot be executed, 127 when it is not "
        "found, 1 when the container does not run.");
    p.example("berth exec -it web sh", "a shell beside the program");
    p.example("berth exec -u postgres db pg_dump app > app.sql", "as another user, output to a file");
    p.see_also("run, attach, top");
    return [options](Session& session, const Words& arguments) { return exec(session, *options, arguments); };
}

}  // namespace berth::cli
