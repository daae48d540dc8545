// The json-file driver: {"log":"text\n","stream":"stdout","attrs":{…},"time":"2026-01-02T03:04:05.678901234Z"}, byte for byte
// as moby's pkg/jsonlog writes it. This is the path that every byte of every container takes, so it formats by hand:
// text is scanned once, plain runs are copied whole, and the second's part of the time is made once a second.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "container/log_drivers.h"
#include "container/pages.h"

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

/// At most so many bytes come out of one: a control character becomes \u00XX.
constexpr std::size_t widest_escape = 6;

char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

char* put_escaped_ascii(char* at, char c) {
    switch (c) {
        case '"': return put(at, "\\\"");
        case '\\': return put(at, "\\\\");
        case '\n': return put(at, "\\n");
        case '\r': return put(at, "\\r");
        default:
            at = put(at, "\\u00");
            *at++ = hex_digits[static_cast<unsigned char>(c) >> 4];
            *at++ = hex_digits[c & 15];
            return at;
    }
}

/// Puts the character that begins `text` as JSON has it, and takes it off.
char* put_special(char* at, std::string_view& text) {
    const std::size_t length = classes[byte_at(text, 0)] == 1 ? 1 : sequence_length(text, 0);
    const std::string_view sequence = text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
    if (length == 0) return put(at, "\\ufffd");
    if (length == 1) return put_escaped_ascii(at, sequence[0]);
    // Line separators end a string in JavaScript, so Go escapes them.
    if (sequence == "\xe2\x80\xa8") return put(at, "\\u2028");
    if (sequence == "\xe2\x80\xa9") return put(at, "\\u2029");
    return put(at, sequence);
}

/// Copies plain characters up to the first that is not, and takes them off. Sixteen bytes at a time where the processor can.
char* put_plain(char* at, std::string_view& text) {
    std::size_t length = 0;
#ifdef __SSE2__
    for (; length + 16 <= text.size(); length += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + length));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(at + length), bytes);
        const auto equals = [&](__m128i from, char c) { return _mm_cmpeq_epi8(from, _mm_set1_epi8(c)); };
        // As signed numbers, what begins a UTF-8 sequence is below a space too; '<' and '>' differ in one bit.
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')), equals(bytes, '"'));
        special = _mm_or_si128(special, _mm_or_si128(equals(bytes, '\\'), equals(bytes, '&')));
        special = _mm_or_si128(special, equals(_mm_or_si128(bytes, _mm_set1_epi8('<' ^ '>')), '>'));
        const int mask = _mm_movemask_epi8(special);
        if (mask == 0) continue;
        length += static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
        text.remove_prefix(length);
        return at + length;
    }
#endif
    for (; length < text.size() && classes[byte_at(text, length)] == 0; ++length) at[length] = text[length];
    text.remove_prefix(length);
    return at + length;
}

char* put_escaped(char* at, std::string_view text) {
    for (;;) {
        at = put_plain(at, text);
        if (text.empty()) return at;
        at = put_special(at, text);
    }
}

char* put_time(char* at, Moment time) {
    // Made anew only when the second changes: "2026-01-02T03:04:05".
    static std::int64_t cached_second = -1;
    static char cached_text[19];
    const std::int64_t second = time.nanoseconds / 1'000'000'000;
    if (second != cached_second) {
        const std::string text = moment_text(Moment{second * 1'000'000'000});
        std::memcpy(cached_text, text.data(), sizeof cached_text);
        cached_second = second;
    }
    at = put(at, std::string_view(cached_text, sizeof cached_text));
    auto rest = static_cast<std::uint32_t>(time.nanoseconds % 1'000'000'000);
    if (rest == 0) return put(at, "Z");
    std::size_t length = 10;
    at[0] = '.';
    for (std::size_t i = 9; i > 0; --i, rest /= 10) at[i] = static_cast<char>('0' + rest % 10);
    while (at[length - 1] == '0') --length;
    return put(at + length, "Z");
}

/// No line needs more room than this.
std::size_t room_for(const LogLine& line, std::string_view attributes) {
    constexpr std::size_t frame = 160;  // Names, quotes, the stream and the time.
    return (line.text.size() + line.process.size()) * widest_escape + attributes.size() + frame;
}

char* put_line(char* at, const LogLine& line, std::string_view attributes) {
    *at++ = '{';
    if (!line.text.empty()) at = put(put_escaped(put(at, "\"log\":\""), line.text), "\",");
    at = put(at, line.stream == LogStream::output ? "\"stream\":\"stdout\"" : "\"stream\":\"stderr\"");
    if (!line.process.empty()) {
        // Attributes of a declared process: the container's, and which one it is (the reader knows it by this name).
        at = put(put_escaped(put(at, ",\"attrs\":{\"process\":\""), line.process), "\"");
        at = attributes.size() > 2 ? put(put(at, ","), attributes.substr(1)) : put(at, "}");
    } else if (!attributes.empty()) {
        at = put(put(at, ",\"attrs\":"), attributes);
    }
    return put(put_time(put(at, ",\"time\":\""), line.time), "\"}\n");
}

class JsonLog : public LogDriver {
public:
    JsonLog(RotatingFile file, std::string attributes) : file_(std::move(file)), attributes_(std::move(attributes)) {}

    void append(const LogLine& line) override {
        const std::size_t room = room_for(line, attributes_);
        if (size_ + room > batch_bytes) write_batch();
        ++lines_;
        if (room > batch_bytes) return write_alone(line);
        size_ = static_cast<std::size_t>(put_line(batch_.get() + size_, line, attributes_) - batch_.get());
    }
    std::uint64_t flush() override {
        write_batch();
        return std::exchange(lost_, 0);
    }
    void reap_background() override { file_.reap_background(); }
    void give_back_memory() override { release_pages(batch_.get(), batch_bytes); }

private:
    // Its pages are touched as far as a batch reaches.
    static constexpr std::size_t batch_bytes = 192 * 1024;

    void write_batch() {
        if (size_ != 0) write_out(std::string_view(batch_.get(), std::exchange(size_, 0)));
    }
    // With attributes of megabytes.
    void write_alone(const LogLine& line) {
        std::string text;
        append_json_line(text, line, attributes_);
        write_out(text);
    }
    void write_out(std::string_view records) {
        report_gap();
        if (!file_.append(records)) lost_ += lines_, gap_ += lines_;
        lines_ = 0;
    }
    // What was lost stands in the log itself, at its place, as soon as there is room again.
    void report_gap() {
        if (gap_ == 0) return;
        std::string marker;
        const std::string text = gap_text(gap_, "the disk was full");
        append_json_line(marker, {LogStream::error_output, text, false, now(), {}}, attributes_);
        if (file_.append(marker)) gap_ = 0;
    }

    RotatingFile file_;
    std::string attributes_;
    std::unique_ptr<char[]> batch_ = std::make_unique_for_overwrite<char[]>(batch_bytes);
    std::size_t size_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t gap_ = 0;
};

}  // namespace

void append_json_line(std::string& out, const LogLine& line, std::string_view attributes) {
    const std::size_t before = out.size();
    out.resize(before + room_for(line, attributes));
    out.resize(static_cast<std::size_t>(put_line(out.data() + before, line, attributes) - out.data()));
}

Result<std::unique_ptr<LogDriver>> open_json_log(const Fd& folder, const Definition& definition) {
    const LogLimits limits = TRY(parse_log_limits(definition.host.log_config));
    RotatingFile file = TRY(RotatingFile::open(folder, definition.id + "-json.log", limits));
    const TextMap attributes = log_attributes(definition);
    std::string text = attributes.empty() ? std::string() : json_text(to_json(attributes));
    return std::unique_ptr<LogDriver>(std::make_unique<JsonLog>(std::move(file), std::move(text)));
}

}  // namespace berth::container
