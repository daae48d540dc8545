#pragma once
// Where a container's output goes: docker's log drivers json-file (exact format), local, journald, syslog and none, with
// rotation. The writer takes raw bytes as they come from the pipes and cuts them into lines itself.
//
// A line over 16 KiB is split (docker: only the last part ends in \n; the parts carry the first part's time). When the disk
// is full the bytes are dropped and counted, never kept: the container must not stand still because of its log.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "container/record.h"

namespace berth::container {

enum class LogStream { output, error_output };

/// One line, or a part of a line that is too long (then without newline, and not the last one).
struct LogLine {
    LogStream stream = LogStream::output;
    std::string_view text;  ///< with its newline; without when it is a part, or the stream ended there
    bool is_part = false;   ///< more of the same line follows
    Moment time;
    std::string_view process;  ///< of --proc; empty for the command
};

/// A driver. append() may keep bytes back until flush(), which is called once a batch.
class LogDriver {
public:
    virtual ~LogDriver() = default;
    virtual void append(const LogLine& line) = 0;
    /// How many of the lines appended since the last flush were lost.
    virtual std::uint64_t flush() = 0;
    /// The container ended: writes what is kept back, and waits a bounded time where writing takes any. How many lines were lost.
    virtual std::uint64_t close() { return flush(); }
    /// Reaps the process that compresses an old part, if it has ended. To be called at SIGCHLD.
    virtual void reap_background() {}
    /// Between two batches: gives back the memory that only a full stream of lines needs.
    virtual void give_back_memory() {}
};

class LogWriter {
public:
    /// Opens the driver of the container's log configuration; `folder` is the container's.
    static Result<LogWriter> open(const Fd& folder, const Definition& definition);
    explicit LogWriter(std::unique_ptr<LogDriver> driver) : driver_(std::move(driver)) {}

    /// A stream to write to: one for each pipe. Returns its number.
    std::size_t add_stream(LogStream stream, std::string process = {});
    /// Bytes as they were read; handed on before it returns.
    void write(std::size_t stream, std::string_view bytes);
    /// The stream ended: what stands there without a newline is written.
    void end_of(std::size_t stream);
    /// The container ended.
    void close();
    /// Lines lost to a full disk or a full queue, so far.
    std::uint64_t dropped() const { return dropped_; }
    LogDriver& driver() { return *driver_; }

private:
    struct Stream {
        LogStream kind;
        std::string process;
        std::string rest;     ///< Begun, no newline yet.
        Moment time{};        ///< of the line that was begun or split
        bool is_split = false;
    };
    void emit(Stream& stream, std::string_view text, bool is_part);
    Moment next_time();

    std::unique_ptr<LogDriver> driver_;
    std::vector<Stream> streams_;
    Moment last_{};
    Moment batch_{};
    std::uint64_t dropped_ = 0;
};

/// Sizes and numbers of the file drivers' options.
struct LogLimits {
    std::int64_t max_size = 10'000'000;  ///< bytes; -1: no rotation
    std::int64_t max_files = 3;
    bool compress = true;
};
/// max-size, max-file, compress of json-file and local; decimal suffixes as docker's ("10m" = 10,000,000).
Result<LogLimits> parse_log_limits(const LogConfig& config);
/// What may wait with mode=non-blocking, in bytes; nothing when the log is written by the monitor itself. The drivers that
/// speak to a daemon never wait, whatever the mode.
std::optional<std::int64_t> queue_bytes_of(const LogConfig& config);
/// Refuses what `create` must refuse: an unknown driver or an option it does not have.
Result<void> check_log_config(const LogConfig& config);

/// labels, labels-regex aside, env and tag as attributes of each line; empty without such options.
TextMap log_attributes(const Definition& definition);
/// docker's tag template: {{.ID}} {{.FullID}} {{.Name}} {{.ImageName}} {{.ImageID}} {{.ImageFullID}} {{.DaemonName}}.
std::string log_tag(const Definition& definition, std::string_view form);

}  // namespace berth::container
