#pragma once
// Where a container's output goes: docker's log drivers json-file (exact format), local, journald, syslog and none, with
// rotation. The writer takes raw bytes as they come from the pipes and cuts them into lines itself.
//
// A line over 16 KiB is split (docker: only the last part ends in \n; the parts carry the first part's time). When the disk
// is full the bytes are dropped and counted, never kept: the container must not stand still because of its log.

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "container/record.h"

namespace berth::container {

enum class LogStream { output, error_output };

/// A driver: takes whole lines. Two real ones and more (log_json.cpp, log_local.cpp, log_syslog.cpp).
class LogDriver {
public:
    virtual ~LogDriver() = default;
    /// One line or part of a line; a part has no newline at its end.
    virtual void append(LogStream stream, std::string_view line, Moment time) = 0;
    /// Hands on what was appended: called once per batch. False when the batch was lost.
    virtual bool flush() = 0;
};

class LogWriter {
public:
    /// Opens the driver of `config.log_config` in the container's folder. Kind::invalid for an unknown driver or option.
    static Result<LogWriter> open(const Fd& folder, const Definition& definition);

    /// Bytes as they were read. Flushes at the end.
    void write(LogStream stream, std::string_view bytes);
    /// The stream ended: a last line without newline is written.
    void end_of(LogStream stream);
    /// Lines lost to a full disk or a full queue, so far.
    std::uint64_t dropped() const { return dropped_; }
    void count_dropped(std::uint64_t lines) { dropped_ += lines; }

private:
    LogWriter() = default;
    void cut(LogStream stream, std::string_view bytes);
    std::unique_ptr<LogDriver> driver_;
    struct Partial {
        std::string bytes;
        Moment time;
        bool split = false;
    } partial_[2];
    Moment last_;
    std::uint64_t appended_ = 0;
    std::uint64_t dropped_ = 0;
};

/// Refuses what `create` must refuse: an unknown driver or an option it does not have.
Result<void> check_log_config(const LogConfig& config);
/// "10m", "1g", -1 for unlimited: docker's decimal or binary sizes of log options.
struct LogLimits {
    std::int64_t max_size = 10'000'000;  ///< -1: no rotation
    std::int64_t max_files = 3;
    bool compress = true;
};
Result<LogLimits> parse_log_limits(const LogConfig& config);

}  // namespace berth::container
