#pragma once
// `logs`: reads a container's log of driver json-file or local, rotated parts included, oldest first. A line that is torn or
// no JSON is skipped and reading goes on with the next (moby once stopped for good at one). Following waits on inotify of the
// container's folder, which also tells of rotation and of the end, so nothing polls while nothing happens.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

struct LogEntry {
    std::string text;  ///< with its end of line, unless it is a part of a longer line
    enum class Stream { output, error } stream = Stream::output;
    Moment time;
    std::map<std::string, std::string> attributes;
    std::string process;  ///< of `--proc`, from the attribute of that name; empty for the command
};

struct LogQuery {
    std::optional<Moment> since;
    std::optional<Moment> until;
    std::optional<std::uint64_t> tail;  ///< the last so many lines of the file; absent: all
    bool follow = false;                ///< until the container has ended
};

/// Gives entries to `sink`, which returns false to stop. Refused for a container whose driver keeps no log.
Result<void> read_logs(Engine& engine, const Record& record, const LogQuery& query,
                       const std::function<Result<bool>(const LogEntry&)>& sink);

/// Where a log lies and how its records are written: as lines of JSON (json-file), or each between its length (local).
struct LogFiles {
    enum class Form { lines, records };
    const Fd& folder;
    std::string name;
    Form form = Form::lines;
};
/// The same over files; `is_written` says whether somebody may still write.
Result<void> read_log_files(const LogFiles& files, const LogQuery& query, const std::function<bool()>& is_written,
                            const std::function<Result<bool>(const LogEntry&)>& sink);

/// logs --truncate: empties the log and removes its rotated parts.
Result<void> truncate_logs(Engine& engine, const Record& record);

/// --since, --until: RFC 3339, a date, seconds since 1970 with decimals, or a Go duration back from `now`.
Result<Moment> parse_time_option(std::string_view text, Moment now);

/// One line of a json-file log. Nothing when it is none.
std::optional<LogEntry> parse_log_line(std::string_view line);
/// One record of a local log, without its lengths: moby's protobuf LogEntry.
std::optional<LogEntry> parse_log_record(std::string_view record);

}  // namespace berth::container
