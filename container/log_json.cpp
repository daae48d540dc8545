// The json-file driver: {"log":"text\n","stream":"stdout","attrs":{…},"time":"2026-01-02T03:04:05.678901234Z"}, byte for byte
// as moby's pkg/jsonlog writes it. This is the path that every byte of every container takes, so it formats by hand:
// text is scanned once, plain runs are copied whole, and the second's part of the time is made once a second.

#include <array>
#include <cstring>

#include "container/log_drivers.h"

namespace berth::container {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// 0: copied as it is; 1: an ASCII character to be escaped; 2: begins (or breaks) a UTF-8 sequence.
constexpr std::array<unsigned char, 256> classes = [] {
    std::array<unsigned char, 256> out{};
    for (std::size_t c = 0; c < 0x20; ++c) out[c] = 1;
    for (const char c : {'"', '\\', '<', '>', '&'}) out[static_cast<unsigned char>(c)] = 1;
    for (std::size_t c = 0x80; c < 0x100; ++c) out[c] = 2;
    return out;
}();

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// Length of the valid UTF-8 sequence that begins at `at`, 0 when there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const unsigned char first = byte_at(text, at);
    const std::size_t length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (length == 0 || at + length > text.size()) return 0;
    const unsigned char second = byte_at(text, at + 1);
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return 0;
    for (std::size_t i = 2; i < length; ++i)
        if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
    return length;
}

void append_escaped_ascii(std::string& out, char c) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        default:
            out += "\\u00";
            out.push_back(hex_digits[static_cast<unsigned char>(c) >> 4]);
            out.push_back(hex_digits[c & 15]);
    }
}

/// Appends the character at `at` as JSON has it and returns how many bytes it took.
std::size_t append_special(std::string& out, std::string_view text, std::size_t at) {
    if (classes[byte_at(text, at)] == 1) return append_escaped_ascii(out, text[at]), 1;
    const std::size_t length = sequence_length(text, at);
    const std::string_view sequence = text.substr(at, length);
    if (length == 0) return out += "\\ufffd", 1;
    // Line separators end a string in JavaScript, so Go escapes them.
    if (sequence == "\xe2\x80\xa8") out += "\\u2028";
    else if (sequence == "\xe2\x80\xa9") out += "\\u2029";
    else out += sequence;
    return length;
}

/// True when all eight bytes at `at` are plain: the usual case, tested at once.
bool eight_plain(const char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    constexpr std::uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    const auto has_byte = [&](unsigned char c) {
        const std::uint64_t x = word ^ (ones * c);
        return (x - ones) & ~x;
    };
    const std::uint64_t below_space = (word - ones * 0x20) & ~word;
    return ((word | below_space | has_byte('"') | has_byte('\\') | has_byte('<') | has_byte('>') | has_byte('&')) & tops) == 0;
}

void append_escaped(std::string& out, std::string_view text) {
    std::size_t plain = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        if (at + 8 <= text.size() && eight_plain(text.data() + at)) {
            at += 8;
            continue;
        }
        if (classes[byte_at(text, at)] == 0) {
            ++at;
            continue;
        }
        out.append(text, plain, at - plain);
        at += append_special(out, text, at);
        plain = at;
    }
    out.append(text, plain, text.size() - plain);
}

void append_time(std::string& out, Moment time) {
    // Made anew only when the second changes: "2026-01-02T03:04:05".
    static thread_local std::int64_t cached_second = -1;
    static thread_local char cached_text[20];
    const std::int64_t second = time.nanoseconds / 1'000'000'000;
    if (second != cached_second) {
        const std::string text = moment_text(Moment{second * 1'000'000'000});
        std::memcpy(cached_text, text.data(), 19);
        cached_second = second;
    }
    out.append(cached_text, 19);
    char digits[11] = ".";
    std::int64_t rest = time.nanoseconds % 1'000'000'000;
    std::size_t length = 10;
    for (std::size_t i = 9; i > 0; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
    while (length > 1 && digits[length - 1] == '0') --length;
    if (length > 1) out.append(digits, length);
    out.push_back('Z');
}

class JsonLog : public LogDriver {
public:
    JsonLog(RotatingFile file, std::string attributes) : file_(std::move(file)), attributes_(std::move(attributes)) {}

    void append(const LogLine& line) override {
        append_json_line(batch_, line, attributes_);
        ++lines_;
        if (batch_.size() >= full_batch) write_batch();
    }
    std::uint64_t flush() override {
        write_batch();
        return std::exchange(lost_, 0);
    }
    void reap_background() override { file_.reap_background(); }

private:
    static constexpr std::size_t full_batch = 60 * 1024;

    void write_batch() {
        if (batch_.empty()) return;
        report_gap();
        if (!file_.append(batch_)) lost_ += lines_, gap_ += lines_;
        batch_.clear();
        lines_ = 0;
    }
    // What was lost stands in the log itself, at its place, as soon as there is room again.
    void report_gap() {
        if (gap_ == 0) return;
        std::string marker;
        const std::string text = cat("[berth: ", gap_, " lines of this log were lost: the disk was full]\n");
        append_json_line(marker, {LogStream::error_output, text, false, now(), {}}, attributes_);
        if (file_.append(marker)) gap_ = 0;
    }

    RotatingFile file_;
    std::string attributes_;
    std::string batch_;
    std::uint64_t lines_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t gap_ = 0;
};

}  // namespace

void append_json_line(std::string& out, const LogLine& line, std::string_view attributes) {
    out += '{';
    if (!line.text.empty()) {
        out += "\"log\":\"";
        append_escaped(out, line.text);
        out += "\",";
    }
    out += line.stream == LogStream::output ? "\"stream\":\"stdout\"" : "\"stream\":\"stderr\"";
    if (!line.process.empty()) {
        // Attributes of a declared process: the container's, and which one it is (the reader knows it by this name).
        out += ",\"attrs\":{\"process\":\"";
        append_escaped(out, line.process);
        out += '"';
        if (attributes.size() > 2) out += ',', out += attributes.substr(1);
        else out += '}';
    } else if (!attributes.empty()) {
        out += ",\"attrs\":";
        out += attributes;
    }
    out += ",\"time\":\"";
    append_time(out, line.time);
    out += "\"}\n";
}

Result<std::unique_ptr<LogDriver>> open_json_log(const Fd& folder, const Definition& definition) {
    const LogLimits limits = TRY(parse_log_limits(definition.host.log_config));
    RotatingFile file = TRY(RotatingFile::open(folder, definition.id + "-json.log", limits));
    const TextMap attributes = log_attributes(definition);
    std::string text = attributes.empty() ? std::string() : json_text(to_json(attributes));
    return std::unique_ptr<LogDriver>(std::make_unique<JsonLog>(std::move(file), std::move(text)));
}

}  // namespace berth::container
