#pragma once
// The log drivers, and the rotating file under two of them.

#include <optional>

#include "base/process.h"
#include "container/log_writer.h"

namespace berth::container {

/// <name>, <name>.1 or .1.gz, … in the container's folder. The caller is its only writer; a truncated or full file is no error.
class RotatingFile {
public:
    static Result<RotatingFile> open(const Fd& folder, std::string name, LogLimits limits);
    /// Appends whole records, rotating first when the file has reached its size. False: nothing of it was written.
    bool append(std::string_view bytes);
    void reap_background();

private:
    RotatingFile(Fd folder, std::string name, LogLimits limits)
        : folder_(std::move(folder)), name_(std::move(name)), limits_(limits) {}
    bool open_current();
    void rotate();
    void compress_first();
    void stop_compressor();

    Fd folder_;
    std::string name_;
    LogLimits limits_;
    Fd file_;
    std::int64_t size_ = 0;
    std::optional<Child> compressor_;
};

Result<std::unique_ptr<LogDriver>> open_json_log(const Fd& folder, const Definition& definition);
Result<std::unique_ptr<LogDriver>> open_local_log(const Fd& folder, const Definition& definition);
Result<std::unique_ptr<LogDriver>> open_journald_log(const Definition& definition);
Result<std::unique_ptr<LogDriver>> open_syslog_log(const Definition& definition);

/// The line that stands in a log for lines which are missing there.
std::string gap_text(std::uint64_t lines, std::string_view why);

/// One line of a json-file log at the end of `out`; `attributes` is the JSON text of "attrs", or empty.
void append_json_line(std::string& out, const LogLine& line, std::string_view attributes);

}  // namespace berth::container
