// The local driver: moby's binary records in container.log, each a protobuf LogEntry{source, time_nano, line, partial,
// partial_log_metadata} between its length as four big-endian bytes, before and behind (moby: daemon/logger/local).

#include "container/log_drivers.h"

namespace berth::container {

namespace {

void append_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

void append_bytes_field(std::string& out, unsigned field, std::string_view bytes) {
    append_varint(out, (field << 3) | 2);
    append_varint(out, bytes.size());
    out += bytes;
}

void append_number_field(std::string& out, unsigned field, std::uint64_t value) {
    append_varint(out, field << 3);
    append_varint(out, value);
}

void append_length(std::string& out, std::size_t length) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift));
}

class LocalLog : public LogDriver {
public:
    explicit LocalLog(RotatingFile file) : file_(std::move(file)) {}

    void append(const LogLine& line) override {
        append_record(batch_, line);
        ++lines_;
    }
    std::uint64_t flush() override {
        if (batch_.empty()) return 0;
        report_gap();
        const std::uint64_t lost = file_.append(batch_) ? 0 : lines_;
        gap_ += lost;
        batch_.clear();
        lines_ = 0;
        return lost;
    }
    void reap_background() override { file_.reap_background(); }

private:
    void append_record(std::string& out, const LogLine& line) {
        entry_.clear();
        std::string_view text = line.text;
        if (text.ends_with('\n')) text.remove_suffix(1);
        append_bytes_field(entry_, 1, line.stream == LogStream::output ? "stdout" : "stderr");
        append_number_field(entry_, 2, static_cast<std::uint64_t>(line.time.nanoseconds));
        append_bytes_field(entry_, 3, text);
        if (line.is_part) append_number_field(entry_, 4, 1);
        append_length(out, entry_.size());
        out += entry_;
        append_length(out, entry_.size());
    }
    // What was lost stands in the log itself, at its place, as soon as there is room again.
    void report_gap() {
        if (gap_ == 0) return;
        std::string marker;
        const std::string text = gap_text(gap_, "the disk was full");
        append_record(marker, {LogStream::error_output, text, false, now(), {}});
        if (file_.append(marker)) gap_ = 0;
    }

    RotatingFile file_;
    std::string batch_;
    std::string entry_;
    std::uint64_t lines_ = 0;
    std::uint64_t gap_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogDriver>> open_local_log(const Fd& folder, const Definition& definition) {
    const LogLimits limits = TRY(parse_log_limits(definition.host.log_config));
    RotatingFile file = TRY(RotatingFile::open(folder, "container.log", limits));
    return std::unique_ptr<LogDriver>(std::make_unique<LocalLog>(std::move(file)));
}

}  // namespace berth::container
