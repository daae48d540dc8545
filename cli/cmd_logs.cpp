// logs: what containers wrote (docker: logs), of several at once when asked.

#include <algorithm>

#include <sys/wait.h>
#include <unistd.h>

#include "base/visible.h"
#include "cli/cmds.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "container/log_reader.h"

namespace berth::cli {
namespace {

struct LogsOptions {
    bool follow = false, timestamps = false, details = false, truncate = false;
    std::string tail = "all", since, until, process;
};

Result<container::LogQuery> make_query(const LogsOptions& options) {
    container::LogQuery query;
    query.follow = options.follow;
    const Moment now = berth::now();
    if (!options.since.empty()) query.since = TRY(parse_time_point(options.since, now), "--since");
    if (!options.until.empty()) query.until = TRY(parse_time_point(options.until, now), "--until");
    if (options.tail != "all") {
        // docker: what is no number, and what is negative, means all.
        const auto lines = parse_integer(options.tail);
        if (!lines.ok()) return Error(Kind::invalid, cat("--tail '", options.tail, "': neither a number nor 'all'"));
        if (lines.value() >= 0) query.tail = static_cast<std::uint64_t>(lines.value());
    }
    return query;
}

std::string details_text(const container::LogEntry& entry) {
    std::string out;
    for (const auto& [key, value] : entry.attributes) out += cat(out.empty() ? "" : ",", key, "=", value);
    return out + " ";
}

/// Writes entries; each begins with what the options add.
class LogPrinter {
public:
    LogPrinter(const LogsOptions& options, std::string prefix) : options_(options), prefix_(std::move(prefix)) {}

    void print_entry(const container::LogEntry& entry) {
        if (!options_.process.empty() && entry.process != options_.process) return;
        std::string head = prefix_;
        if (options_.timestamps) head += cat(moment_text_fixed(entry.time), " ");
        if (options_.details) head += visible_text(details_text(entry));
        const bool is_error = entry.stream == container::LogEntry::Stream::error;
        pass_on(is_error ? STDERR_FILENO : STDOUT_FILENO, head + entry.text);
    }

private:
    const LogsOptions& options_;
    std::string prefix_;
};

// Names in colours, padded to one width, so that lines of several containers can be told apart.
std::string prefix_of(const std::string& name, std::size_t width, std::size_t number) {
    static constexpr std::string_view colours[] = {"\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[31m"};
    const std::string padded = cat(name, std::string(width - display_width(name), ' '), " | ");
    if (!wants_colour(STDOUT_FILENO)) return padded;
    return cat(colours[number % std::size(colours)], padded, "\x1b[0m");
}

Result<void> show_one(container::Engine& engine, const std::string& name, const LogsOptions& options,
                      const container::LogQuery& query, std::string prefix) {
    const container::Record record = TRY(container::find(engine, name));
    if (options.truncate) return container::truncate_logs(engine, record);
    LogPrinter printer(options, std::move(prefix));
    return container::read_logs(engine, record, query, [&](const container::LogEntry& entry) -> Result<bool> {
        printer.print_entry(entry);
        return true;
    });
}

// Followed logs of several containers come from a process each, since each waits on its own.
Result<int> follow_several(Session& session, const LogsOptions& options, const container::LogQuery& query, const Words& names,
                           std::size_t width) {
    std::vector<pid_t> children;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const pid_t pid = ::fork();
        if (pid < 0) return Error::of_errno(errno, "fork");
        if (pid == 0) {
            auto engine = session.engine();
            const auto done = engine.ok() ? show_one(*engine.value(), names[i], options, query, prefix_of(names[i], width, i))
                                          : Result<void>(Error(engine.error().kind(), engine.error().text()));
            if (!done.ok()) Session::print_error(done.error());
            ::_exit(done.ok() ? 0 : 1);
        }
        children.push_back(pid);
    }
    int worst = 0;
    for (const pid_t child : children) {
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        worst = std::max(worst, exit_status_of_wait(status).shell_code());
    }
    return worst;
}

Result<int> logs(Session& session, const LogsOptions& options, const Words& names) {
    const container::LogQuery query = TRY(make_query(options));
    std::size_t width = 0;
    for (const std::string& name : names) width = std::max(width, display_width(name));
    if (names.size() > 1 && options.follow) return follow_several(session, options, query, names, width);
    container::Engine* engine = TRY(session.engine());
    std::size_t number = 0;
    return Session::for_each(names, [&](const std::string& name) {
        return show_one(*engine, name, options, query, names.size() > 1 ? prefix_of(name, width, number++) : "");
    });
}

}  // namespace

Action define_logs(Parser& p) {
    const auto options = std::make_shared<LogsOptions>();
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    p.flag("-f,--follow", options->follow, "Go on with what is written from now on, to the container's end");
    p.text("-n,--tail", options->tail, "NUMBER", "Only the last so many lines (default all)");
    p.text("--since", options->since, "TIME", "Only what came after: 10m, 2026-01-02T03:04:05Z, a date, or seconds since 1970");
    p.text("--until", options->until, "TIME", "Only what came before");
    p.flag("-t,--timestamps", options->timestamps, "Put the time in front of each line");
    p.flag("--details", options->details, "Show the attributes given to the log driver");
    p.text("--proc", options->process, "NAME", "Only of a process declared by run --proc");
    p.flag("--truncate", options->truncate, "Empty the log instead of showing it");
    p.about(
        "Shows what a container wrote to stdout and stderr, on stdout and stderr. Several containers are shown with their names "
        "in front.");
    p.example("berth logs -f --tail 20 web", "the last lines, and what comes");
    p.example("berth logs -f web db", "two at once");
    p.see_also("attach, events");
    return [options](Session& session, const Words& arguments) { return logs(session, *options, arguments); };
}

}  // namespace berth::cli
