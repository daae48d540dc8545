#include "container/top.h"

#include <algorithm>
#include <charconv>

#include "base/cat.h"
#include "base/file.h"
#include "base/process.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/process_table.h"
#include "runtime/cgroup.h"

namespace berth::container {

namespace {

/// A column as asked for: `pid`, or `pid=Number` with a title of one's own.
struct Wanted {
    const ProcessColumn* column = nullptr;
    std::string title;
};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::vector<Wanted> wanted_of(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
    std::vector<Wanted> wanted;
    for (const auto& [key, title] : list) {
        const ProcessColumn* column = find_column(key);
        wanted.push_back({column, std::string(title.empty() ? column->title : title)});
    }
    return wanted;
}

/// ps -ef, which is docker's default.
std::vector<Wanted> full_format() {
    return wanted_of({{"user", "UID"}, {"pid", ""}, {"ppid", ""}, {"c", ""}, {"stime", ""}, {"tname", ""}, {"time", ""}, {"cmd", ""}});
}
/// ps aux.
std::vector<Wanted> user_format() {
    return wanted_of({{"user", ""}, {"pid", ""}, {"pcpu", ""}, {"pmem", ""}, {"vsz", ""}, {"rss", ""}, {"tname", ""},
                      {"stat", ""}, {"start_time", ""}, {"bsdtime", ""}, {"command", ""}});
}

/// The columns, when the options are among ps's usual ones; nothing when only ps itself can tell.
std::optional<std::vector<Wanted>> read_options(const std::vector<std::string>& options) {
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < options.size(); ++i) {
        std::string option = options[i];
        if (option == "-ef" || option == "-fe" || option == "-eF" || option == "-f") {
            wanted = full_format();
        } else if (option == "aux" || option == "-aux" || option == "au" || option == "u") {
            wanted = user_format();
        } else if (option.starts_with("-o") || option.starts_with("-eo") || option == "o" || option == "axo" || option == "-axo") {
            const std::size_t at = option.find('o') + 1;
            std::string list = option.substr(at);
            if (list.empty() && ++i < options.size()) list = options[i];
            for (const std::string& part : split(list, ", ")) {
                const std::size_t equals = part.find('=');
                const ProcessColumn* column = find_column(part.substr(0, equals));
                if (column == nullptr) return std::nullopt;
                wanted.push_back({column, equals == std::string::npos ? std::string(column->title) : part.substr(equals + 1)});
            }
        } else if (option != "-e" && option != "-A" && option != "ax") {
            return std::nullopt;
        }
    }
    return wanted.empty() ? full_format() : wanted;
}

Result<ProcessTable> table_of(const std::vector<pid_t>& pids, const std::vector<Wanted>& wanted) {
    const HostFacts host = TRY(HostFacts::read());
    ProcessTable table;
    for (const Wanted& column : wanted) table.titles.push_back(column.title);
    for (const pid_t pid : pids) {
        const std::optional<ProcessFacts> process = read_process(pid);
        if (!process) continue;  // Ended since it was listed.
        std::vector<std::string>& row = table.rows.emplace_back();
        for (const Wanted& column : wanted) row.push_back(column.column->text(*process, host));
    }
    return table;
}

/// As many words as there are columns; the last one takes the rest of the line, as commands have blanks.
std::vector<std::string> cut_line(std::string_view line, std::size_t columns) {
    std::vector<std::string> cells;
    while (cells.size() + 1 < columns) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        const std::size_t end = std::min(line.find(' ', begin), line.size());
        cells.emplace_back(line.substr(begin, end - begin));
        line.remove_prefix(end);
    }
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin != std::string_view::npos) cells.emplace_back(line.substr(begin));
    return cells;
}

Result<std::string> run_ps(const std::vector<std::string>& options) {
    sys::Pipe pipe = TRY(sys::pipe());
    SpawnOptions spawning;
    spawning.argv = {"ps"};
    spawning.argv.insert(spawning.argv.end(), options.begin(), options.end());
    spawning.descriptors = {-1, pipe.write.raw(), 2};
    auto started = spawn("/bin/ps", spawning);
    if (!started.ok())
        return std::move(started).error().with_hint("install ps (procps), or use -ef, aux or -o with common columns, which need none");
    Child child = std::move(started).value();
    pipe.write.reset();
    auto text = read_all(pipe.read, 64u << 20);
    const ExitStatus ended = TRY(child.wait());
    if (ended.shell_code() != 0) return Error(Kind::invalid, cat("ps ended with ", ended.shell_code()));
    return text;
}

Result<ProcessTable> filtered_ps(const std::vector<pid_t>& pids, const std::vector<std::string>& options) {
    const std::string text = TRY(run_ps(options), "ps");
    const std::vector<std::string> lines = split(text, "\n");
    if (lines.empty()) return Error(Kind::invalid, "ps said nothing");
    ProcessTable table;
    table.titles = split(lines[0], " ");
    const auto pid_title = std::find(table.titles.begin(), table.titles.end(), "PID");
    if (pid_title == table.titles.end())
        return Error(Kind::invalid, "couldn't find PID field in ps output").with_hint("add pid to the columns");
    const auto at = static_cast<std::size_t>(pid_title - table.titles.begin());
    for (std::size_t i = 1; i < lines.size(); ++i) {
        std::vector<std::string> cells = cut_line(lines[i], table.titles.size());
        if (at >= cells.size()) continue;
        pid_t pid = 0;
        std::from_chars(cells[at].data(), cells[at].data() + cells[at].size(), pid);
        if (std::find(pids.begin(), pids.end(), pid) != pids.end()) table.rows.push_back(std::move(cells));
    }
    return table;
}

}  // namespace

Result<ProcessTable> top(Engine& engine, const Record& record, const std::vector<std::string>& ps_options) {
    const State& state = record.run.state;
    if (state.status == Status::restarting)
        return Error(Kind::wrong_state, cat("container ", record.name(), " is restarting, wait until it is running"));
    if (!state.running() || !state.init || state.cgroup.is_null())
        return Error(Kind::wrong_state, cat("container ", record.name(), " is not running"));
    runtime::CgroupRecord where = TRY(from_json<runtime::CgroupRecord>(state.cgroup), "state.json: cgroup");
    const runtime::Cgroup cgroup = TRY(runtime::Cgroup::open(std::move(where)));
    std::vector<pid_t> pids = TRY(cgroup.pids(), "processes of ", record.name());
    std::sort(pids.begin(), pids.end());
    // Options may come as one word: "-o pid,comm".
    std::vector<std::string> options;
    for (const std::string& option : ps_options)
        for (std::string& part : split(option, " ")) options.push_back(std::move(part));
    const auto wanted = read_options(options);
    ProcessTable table = TRY(wanted ? table_of(pids, *wanted) : filtered_ps(pids, options));
    note(engine.paths().root, {container_event(record, "top")});
    return table;
}

}  // namespace berth::container
