// start, stop, restart, kill, rm, pause, unpause, rename, wait, attach, port: verbs on containers that exist.

#include <unistd.h>

#include "base/log.h"
#include "cli/attach_loop.h"
#include "cli/cmds.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "container/processes.h"
#include "container/prune.h"

namespace berth::cli {
namespace {

using container::Engine;
using container::Record;

struct StartOptions {
    bool attach = false, interactive = false, sig_proxy = true, boot = false;
    std::string detach_keys;
};

Result<int> stay(Engine& engine, const Record& record, container::Attachment& attachment, bool input, bool sig_proxy,
                 const std::string& keys, bool tell_detach) {
    StreamOptions streams;
    streams.input = input && record.definition.config.open_stdin;
    streams.tty = record.definition.config.tty;
    streams.forward_signals = sig_proxy;
    if (!keys.empty()) streams.detach_keys = TRY(parse_detach_keys(keys));
    const StreamEnd end = TRY(stream_attachment(engine, record.id(), attachment, streams));
    if (end.detached && tell_detach) return Error(Kind::wrong_state, "read escape sequence");
    return end.status;
}

Result<int> start_attached(Engine& engine, const StartOptions& options, const std::string& name) {
    Record record = TRY(container::find(engine, name));
    container::StartOptions start;
    start.attach = container::AttachOptions{options.interactive, true, true};
    if (record.definition.config.tty) start.console_size = terminal_size(STDIN_FILENO);
    hold_forwarded_signals();
    auto started = container::start(engine, record, start);
    if (!started.ok()) {
        Session::print_error(started.error());
        return container::exit_code_of_failure(started.error());
    }
    if (started.value().attachment)
        return stay(engine, record, *started.value().attachment, options.interactive, options.sig_proxy, options.detach_keys,
                    false);
    // It was running already: join it.
    container::Attachment attachment = TRY(container::attach(engine, record, *start.attach));
    return stay(engine, record, attachment, options.interactive, options.sig_proxy, options.detach_keys, false);
}

int tell_of_all(const container::BootResult& result) {
    for (const std::string& name : result.done) print_line(name);
    for (const auto& [name, error] : result.failed) Session::print_error(Error(error.kind(), cat(name, ": ", error.text())));
    return result.failed.empty() ? 0 : 1;
}

Result<int> start_after_boot(Session& session) {
    Engine* engine = TRY(session.engine());
    return tell_of_all(TRY(container::start_boot(*engine)));
}

Result<int> stop_before_shutdown(Session& session) {
    Engine* engine = TRY(session.engine());
    return tell_of_all(TRY(container::stop_for_boot(*engine)));
}

Error names_are_missing(std::string_view command) {
    return Error(Kind::invalid, cat("'berth ", command, "' requires at least 1 argument"))
        .with_hint(cat("usage: berth ", command, " CONTAINER [CONTAINER...]"));
}

struct EndOptions {
    std::optional<std::string> signal;
    std::optional<std::int64_t> timeout;
};

void describe_end(Parser& p, EndOptions& options) {
    p.text("-s,--signal", options.signal, "SIGNAL", "Signal to send first (default: the container's, else TERM)", Values::signal);
    p.parsed<std::int64_t>("-t,--timeout,--time", options.timeout, parse_integer, "SECONDS",
                           "How long to wait before it is killed (default 10; -1: no limit)");
}

// What many ask why their containers take ten seconds to stop: nobody told them.
void tell_how_it_ended(const Record& record, const container::StopResult& result) {
    if (!result.had_to_kill || !is_terminal(STDERR_FILENO)) return;
    if (result.ignored_the_signal)
        log::warn(record.name(), ": process 1 has no handler for ", result.signal,
                  ", so the kernel drops it; it was killed when the time was up (run it with --init to stop at once)");
    else
        log::warn(record.name(), ": did not end on ", result.signal, " in time, it was killed");
}

Result<void> check_signal(const EndOptions& options) {
    if (options.signal) TRY(Signal::parse(*options.signal), "--signal");
    return {};
}

Result<std::string> named_port(const Record& record, const std::string& wanted) {
    const network::ContainerPort port = TRY(network::ContainerPort::parse(wanted));
    const auto lines = network::addresses_of_port(record.run.network.ports, port);
    if (lines.empty()) return Error(Kind::not_found, cat("no public port '", port.str(), "' published for ", record.name()));
    return join_text(lines, "\n");
}

container::WaitFor wait_condition(const std::string& text) {
    if (text == "next-exit") return container::WaitFor::next_exit;
    if (text == "removed") return container::WaitFor::removed;
    return text == "healthy" ? container::WaitFor::healthy : container::WaitFor::not_running;
}

}  // namespace

Action define_start(Parser& p) {
    const auto options = std::make_shared<StartOptions>();
    p.usage("CONTAINER [CONTAINER...]", 0, -1, Values::stopped);
    p.flag("-a,--attach", options->attach, "Stay attached to its output, pass signals on, exit with its status");
    p.flag("-i,--interactive", options->interactive, "Attach standard input too");
    p.text("--detach-keys", options->detach_keys, "KEYS", "Keys that leave it running (default ctrl-p,ctrl-q)");
    p.flag("--sig-proxy", options->sig_proxy, "With -a: pass signals on (default true)");
    p.flag("--boot", options->boot, "Start all containers whose restart policy says so (after a boot)");
    p.example("berth start web db", "start two containers");
    p.example("berth start -ai shell", "start one and use it");
    p.see_also("run, stop, restart, attach");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        if (options->boot) return start_after_boot(session);
        if (arguments.empty()) return names_are_missing("start");
        if (options->attach || options->interactive) {
            if (arguments.size() > 1) return Error(Kind::invalid, "you cannot start and attach multiple containers at once");
            Engine* engine = TRY(session.engine());
            return start_attached(*engine, *options, arguments[0]);
        }
        return session.for_each_container(arguments, [](Engine& engine, Record& record) -> Result<void> {
            const container::Started started = TRY(container::start(engine, record, {}));
            for (const std::string& warning : started.warnings) log::warn(warning);
            return {};
        });
    };
}

Action define_stop(Parser& p) {
    const auto options = std::make_shared<EndOptions>();
    const auto shutdown = std::make_shared<bool>(false);
    p.usage("CONTAINER [CONTAINER...]", 0, -1, Values::running);
    describe_end(p, *options);
    p.flag("--shutdown", *shutdown, "Stop all, as the host goes down; start --boot brings back what their restart policies say");
    p.about(
        "Asks a container to end, and kills it when it has not ended in time. Stopping one that does not run is no error. When "
        "it had to be killed, a line says why if standard error is a terminal.");
    p.example("berth stop -t 2 web", "give it two seconds");
    p.example("berth stop --shutdown", "what a host without systemd calls when it goes down");
    p.see_also("start, restart, kill, rm");
    return [options, shutdown](Session& session, const Words& arguments) -> Result<int> {
        TRY(check_signal(*options));
        if (*shutdown && (!arguments.empty() || options->signal || options->timeout))
            return Error(Kind::invalid, "--shutdown stops all containers, each in its own way: it takes no names and no other options");
        if (*shutdown) return stop_before_shutdown(session);
        if (arguments.empty()) return names_are_missing("stop");
        return session.for_each_container(arguments, [&](Engine& engine, Record& record) -> Result<void> {
            tell_how_it_ended(record, TRY(container::stop(engine, record, {options->signal, options->timeout})));
            return {};
        });
    };
}

Action define_restart(Parser& p) {
    const auto options = std::make_shared<EndOptions>();
    const auto process = std::make_shared<std::string>();
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    describe_end(p, *options);
    p.text("--proc", *process, "NAME", "Restart a process declared by run --proc, not the container");
    p.example("berth restart web", "stop and start again");
    p.see_also("start, stop");
    return [options, process](Session& session, const Words& arguments) -> Result<int> {
        TRY(check_signal(*options));
        if (!process->empty())
            return session.for_each_container(
                arguments, [&](Engine& engine, Record& record) { return container::restart_process(engine, record, *process); });
        return session.for_each_container(arguments, [&](Engine& engine, Record& record) -> Result<void> {
            tell_how_it_ended(record, TRY(container::restart(engine, record, {options->signal, options->timeout})));
            return {};
        });
    };
}

Action define_kill(Parser& p) {
    struct Options {
        std::string signal = "KILL", process;
    };
    const auto options = std::make_shared<Options>();
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::running);
    p.text("-s,--signal", options->signal, "SIGNAL", "Signal name or number (default KILL)", Values::signal);
    p.text("--proc", options->process, "NAME", "Send it to a process declared by run --proc");
    p.example("berth kill -s HUP web", "ask a server to read its configuration again");
    p.see_also("stop, rm");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        const Signal signal = TRY(Signal::parse(options->signal), "--signal");
        return session.for_each_container(
            arguments, [&](Engine& engine, Record& record) { return container::kill(engine, record, signal, options->process); });
    };
}

Action define_rm(Parser& p) {
    const auto options = std::make_shared<container::RemoveOptions>();
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    p.flag("-f,--force", options->force, "Kill it first when it runs; one that is not there is no error");
    p.flag("-v,--volumes", options->volumes, "Remove its anonymous volumes too");
    p.flag("-l,--link", options->link, "Remove a link instead of a container");
    p.example("berth rm -f web", "remove a running container");
    p.example("berth rm $(berth ps -aq -f status=exited)", "remove what has ended");
    p.see_also("stop, container prune, rmi");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        Engine* engine = TRY(session.engine());
        return Session::for_each(arguments, [&](const std::string& argument) -> Result<void> {
            auto record = container::find(*engine, argument);
            if (!record.ok() && record.error().kind() == Kind::not_found && options->force) {
                // docker: the message is there, the status is 0.
                Session::print_error(record.error());
                return {};
            }
            if (!record.ok()) return std::move(record).error();
            TRY(container::remove(*engine, record.value(), *options));
            print_line(argument);
            return {};
        });
    };
}

Action define_pause(Parser& p) {
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::running);
    p.about("Freezes all processes of containers.");
    p.see_also("unpause, stop");
    return [](Session& session, const Words& arguments) {
        return session.for_each_container(arguments,
                                          [](Engine& engine, Record& record) { return container::pause(engine, record); });
    };
}

Action define_unpause(Parser& p) {
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::running);
    p.see_also("pause");
    return [](Session& session, const Words& arguments) {
        return session.for_each_container(arguments,
                                          [](Engine& engine, Record& record) { return container::unpause(engine, record); });
    };
}

Action define_rename(Parser& p) {
    p.usage("CONTAINER NEW-NAME", 2, 2, Values::container);
    p.example("berth rename web web-old", "make room for a new one");
    return [](Session& session, const Words& arguments) -> Result<int> {
        Engine* engine = TRY(session.engine());
        const Record record = TRY(container::find(*engine, arguments[0]));
        TRY(container::rename(*engine, record, arguments[1]));
        return 0;
    };
}

Action define_wait(Parser& p) {
    const auto condition = std::make_shared<std::string>("not-running");
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    p.choice("--condition", *condition, "not-running|next-exit|removed|healthy", "What to wait for (default not-running)");
    p.about("Waits until containers have ended and prints their exit codes.");
    p.example("berth wait job", "print the exit code of a job when it is done");
    p.example("berth wait --condition healthy db", "go on when the database answers");
    return [condition](Session& session, const Words& arguments) -> Result<int> {
        Engine* engine = TRY(session.engine());
        return Session::for_each(arguments, [&](const std::string& argument) -> Result<void> {
            const Record record = TRY(container::find(*engine, argument));
            const int status = TRY(container::wait(*engine, record, wait_condition(*condition)));
            print_line(cat(status));
            return {};
        });
    };
}

Action define_healthcheck(Parser& p) {
    p.usage("CONTAINER", 1, 1, Values::running);
    p.about(
        "Runs a container's health check now, whatever its schedule, and prints what it said. Exits with 1 when the check "
        "failed.");
    p.see_also("inspect, ps");
    return [](Session& session, const Words& arguments) -> Result<int> {
        Engine* engine = TRY(session.engine());
        const Record record = TRY(container::find(*engine, arguments[0]));
        const healthcheck::Health health = TRY(container::run_health_probe(*engine, record));
        if (health.log.empty()) return 1;
        const healthcheck::ProbeResult& last = health.log.back();
        print(last.output.empty() || last.output.ends_with('\n') ? last.output : last.output + "\n");
        tell(cat("check: exit status ", last.exit_code, ", the container is ", healthcheck::status_text(health.status), "\n"));
        return last.exit_code == 0 ? 0 : 1;
    };
}

Action define_attach(Parser& p) {
    const auto options = std::make_shared<StartOptions>();
    const auto no_stdin = std::make_shared<bool>(false);
    p.usage("CONTAINER", 1, 1, Values::running);
    p.flag("--no-stdin", *no_stdin, "Leave standard input out");
    p.flag("--sig-proxy", options->sig_proxy, "Pass signals on (default true)");
    p.text("--detach-keys", options->detach_keys, "KEYS", "Keys that leave it running (default ctrl-p,ctrl-q)");
    p.see_also("logs, exec, start");
    return [options, no_stdin](Session& session, const Words& arguments) -> Result<int> {
        Engine* engine = TRY(session.engine());
        const Record record = TRY(container::find(*engine, arguments[0]));
        const container::Config& config = record.definition.config;
        if (config.tty && config.open_stdin && !*no_stdin) TRY(expect_terminal());
        container::Attachment attachment = TRY(container::attach(*engine, record, {!*no_stdin, true, true}));
        return stay(*engine, record, attachment, !*no_stdin, options->sig_proxy && !config.tty, options->detach_keys, true);
    };
}

Action define_port(Parser& p) {
    p.usage("CONTAINER [PORT[/PROTOCOL]]", 1, 2, Values::container);
    p.example("berth port web 80", "where port 80 is published");
    return [](Session& session, const Words& arguments) -> Result<int> {
        const Record record = TRY(session.find(arguments[0]));
        if (arguments.size() == 2) return print_line(TRY(named_port(record, arguments[1]))), 0;
        for (const std::string& line : network::port_lines(record.run.network.ports)) print_line(line);
        return 0;
    };
}

}  // namespace berth::cli
