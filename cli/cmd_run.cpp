// run: create, start, and unless detached stay with the container to its end (docker: run).

#include <unistd.h>

#include "base/log.h"
#include "cli/attach_loop.h"
#include "cli/cmds.h"
#include "cli/container_options.h"
#include "cli/dry_run.h"
#include "cli/provide_image.h"
#include "cli/terminal.h"

namespace berth::cli {
namespace {

struct RunOptions {
    ContainerOptions container;
    bool detach = false;
    bool sig_proxy = true;
    bool dry_run = false;
    bool wait_healthy = false;
    std::string detach_keys;
};

void tell_warnings(const Words& warnings) {
    for (const std::string& warning : warnings) log::warn(warning);
}

Result<void> check(const RunOptions& options) {
    const ContainerOptions& o = options.container;
    if (options.detach && !o.attach.empty())
        return Error(Kind::invalid, "-d and -a contradict each other: a detached container has nobody to attach");
    if (o.tty && o.interactive && !options.detach) TRY(expect_terminal());
    return {};
}

// Which streams the caller takes part in. docker: stdout and stderr, and stdin with -i; -a names others.
void choose_streams(const RunOptions& options, container::Config& config) {
    if (options.detach) {
        config.attach_stdin = config.attach_stdout = config.attach_stderr = false;
        return;
    }
    if (options.container.attach.empty()) {
        config.attach_stdout = config.attach_stderr = true;
        config.attach_stdin = config.open_stdin;
    }
    config.stdin_once = config.open_stdin;
    config.attach_stdin = config.attach_stdin && config.open_stdin;
}

Result<container::Created> create_container(container::Engine& engine, const RunOptions& options, const Words& arguments) {
    container::CreateOptions wishes = TRY(make_create_options(options.container, arguments));
    choose_streams(options, wishes.config);
    if (wishes.rootfs.empty())
        TRY(provide_image(engine, wishes.config.image,
                          {.policy = options.container.pull,
                           .platform = options.container.platform,
                           .quiet = options.container.quiet,
                           .descriptor = 2,
                           .access = {}}));
    return container::create(engine, std::move(wishes));
}

// A container that never ran is nothing to look at: its name must be free for the next try.
Error remove_failed(container::Engine& engine, const container::Record& record, Error error) {
    ignore(container::remove(engine, record, {.force = true, .volumes = true, .link = false}),
           "the failure to start is what the user must see");
    return error;
}

Result<int> attend(container::Engine& engine, const RunOptions& options, const container::Record& record,
                   container::Attachment& attachment) {
    StreamOptions streams;
    streams.input = record.definition.config.attach_stdin;
    streams.output = record.definition.config.attach_stdout;
    streams.error_output = record.definition.config.attach_stderr;
    streams.tty = record.definition.config.tty;
    streams.forward_signals = options.sig_proxy;
    if (!options.detach_keys.empty()) streams.detach_keys = TRY(parse_detach_keys(options.detach_keys));
    const StreamEnd end = TRY(stream_attachment(engine, record.id(), attachment, streams));
    // The container's last line is unfinished; the prompt must not stand behind it.
    if (end.detached) tell("\n");
    return end.status;
}

// docker: 1, as for any command that misses an argument. Only --rootfs makes the image optional.
Result<int> image_is_missing(std::string_view verb) {
    Session::print_error(Error(Kind::invalid, cat("'berth ", verb, "' requires at least 1 argument"))
                             .with_hint(cat("usage: berth ", verb, " [OPTIONS] IMAGE [COMMAND] [ARG...]")));
    return 1;
}

// docker: what its client finds wrong by itself is 1, what its daemon refuses 125.
Result<int> report_refusal(const Error& error) {
    Session::print_error(error);
    return 1;
}

Result<int> report_failure(const Error& error) {
    Session::print_error(error);
    return container::exit_code_of_failure(error);
}

Result<int> run(Session& session, const RunOptions& options, const Words& arguments) {
    if (const auto checked = check(options); !checked.ok()) return report_refusal(checked.error());
    container::Engine* engine = TRY(session.engine());
    if (options.dry_run) return print_dry_run(*engine, TRY(make_create_options(options.container, arguments)));
    container::Created created = TRY(create_container(*engine, options, arguments));
    tell_warnings(created.warnings);
    const container::Config& config = created.record.definition.config;

    container::StartOptions start;
    start.pidfile = options.container.pidfile;
    if (!options.detach) {
        start.attach = container::AttachOptions{config.attach_stdin, config.attach_stdout, config.attach_stderr};
        if (config.tty) start.console_size = terminal_size(STDIN_FILENO);
        hold_forwarded_signals();
    }
    auto started = container::start(*engine, created.record, start);
    if (!started.ok()) return report_failure(remove_failed(*engine, created.record, std::move(started).error()));
    tell_warnings(started.value().warnings);
    if (started.value().attachment) return attend(*engine, options, created.record, *started.value().attachment);
    print_line(created.record.id());
    if (!options.wait_healthy) return 0;
    return container::wait(*engine, created.record, container::WaitFor::healthy);
}

}  // namespace

Result<int> run_container(Session& session, const ContainerOptions& container, const Words& arguments) {
    RunOptions options;
    options.container = container;
    return run(session, options, arguments);
}

Action define_run(Parser& p) {
    const auto options = std::make_shared<RunOptions>();
    p.usage("IMAGE [COMMAND] [ARG...]", 0, -1, Values::image);
    p.options_end_at_first_word();
    p.flag("-d,--detach", options->detach, "Run in the background and print the container's id");
    describe_container_options(p, options->container);
    p.flag("--sig-proxy", options->sig_proxy, "Pass signals on to the container (default true)");
    p.text("--detach-keys", options->detach_keys, "KEYS", "Keys that leave the container running (default ctrl-p,ctrl-q)");
    p.flag("--dry-run", options->dry_run, "Print what would be made, and make nothing");
    p.flag("--wait", options->wait_healthy, "With -d: return when the container is healthy");
    p.about(
        "Makes a container from an image and starts it. Without -d, berth stays until the program ends and exits with its "
        "status: its own code, 128 and the number of the signal that ended it, 125 when berth could not run it, 126 when the "
        "command cannot be executed, 127 when it is not found.");
    p.example("berth run --rm -it debian:12", "a shell that is gone when you leave it");
    p.example("berth run -d --name web -p 8080:80 -v site:/var/www --restart always nginx", "a server that comes back");
    p.example("berth run --rm -m 256m --cpus 0.5 busybox sh -c 'yes > /dev/null'", "with limits");
    p.see_also("create, start, exec, logs, stop, rm");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        if (arguments.empty() && options->container.rootfs.empty()) return image_is_missing("run");
        return run(session, *options, arguments);
    };
}

Action define_create(Parser& p) {
    const auto options = std::make_shared<RunOptions>();
    p.usage("IMAGE [COMMAND] [ARG...]", 0, -1, Values::image);
    p.options_end_at_first_word();
    describe_container_options(p, options->container);
    p.about("Makes a container as 'berth run' does, without starting it, and prints its id.");
    p.example("berth create --name web -p 8080:80 nginx", "make it now");
    p.example("berth start web", "start it later");
    p.see_also("run, start, rm");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        if (arguments.empty() && options->container.rootfs.empty()) return image_is_missing("create");
        container::Engine* engine = TRY(session.engine());
        const container::Created created = TRY(create_container(*engine, *options, arguments));
        tell_warnings(created.warnings);
        print_line(created.record.id());
        return 0;
    };
}

}  // namespace berth::cli
