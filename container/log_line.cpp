// One entry of a log. Of a json-file log, the form that our writer and moby's produce is read by hand in one pass, since
// `logs` of a chatty container reads hundreds of megabytes; whatever looks different goes through the JSON parser.

#include <charconv>
#include <cmath>

#include "base/cat.h"
#include "container/log_reader.h"

namespace berth::container {

namespace {

/// The quick reader's position; any surprise makes it give up.
struct Cursor {
    std::string_view rest;
    bool take(std::string_view wanted) {
        if (!rest.starts_with(wanted)) return false;
        rest.remove_prefix(wanted.size());
        return true;
    }
};

bool take_hex(Cursor& in, std::uint32_t& value) {
    if (in.rest.size() < 4) return false;
    const auto parsed = std::from_chars(in.rest.data(), in.rest.data() + 4, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != in.rest.data() + 4) return false;
    in.rest.remove_prefix(4);
    return true;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) return byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F));
    if (code < 0x10000) return byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
    byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
}

bool take_unicode(Cursor& in, std::string& out) {
    std::uint32_t code = 0;
    if (!take_hex(in, code)) return false;
    if (code >= 0xDC00 && code < 0xE000) return false;
    if (code >= 0xD800 && code < 0xDC00) {
        std::uint32_t low = 0;
        if (!in.take("\\u") || !take_hex(in, low) || low < 0xDC00 || low > 0xDFFF) return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return true;
}

/// The rest of a string whose opening quote was taken, with its closing one.
bool take_string(Cursor& in, std::string& out) {
    out.clear();
    for (;;) {
        const std::size_t at = in.rest.find_first_of("\"\\");
        if (at == std::string_view::npos) return false;
        out += in.rest.substr(0, at);
        const bool ends = in.rest[at] == '"';
        in.rest.remove_prefix(at + 1);
        if (ends) return true;
        if (in.rest.empty()) return false;
        const char escape = in.rest[0];
        in.rest.remove_prefix(1);
        constexpr std::string_view names = "nrtbf\"\\/", values = "\n\r\t\b\f\"\\/";
        if (escape == 'u') {
            if (!take_unicode(in, out)) return false;
        } else if (const std::size_t known = names.find(escape); known != std::string_view::npos) {
            out.push_back(values[known]);
        } else {
            return false;
        }
    }
}

bool take_stream(Cursor& in, LogEntry& entry) {
    const bool is_output = in.take("stdout\"");
    if (!is_output && !in.take("stderr\"")) return false;
    entry.stream = is_output ? LogEntry::Stream::output : LogEntry::Stream::error;
    return true;
}

bool take_plain(std::string_view line, LogEntry& entry) {
    Cursor in{line};
    if (in.take("{\"log\":\"")) {
        if (!take_string(in, entry.text) || !in.take(",\"stream\":\"")) return false;
    } else if (!in.take("{\"stream\":\"")) {  // Go leaves an empty text out.
        return false;
    }
    if (!take_stream(in, entry) || !in.take(",\"time\":\"")) return false;
    const std::size_t quote = in.rest.find('"');
    if (quote == std::string_view::npos || in.rest.substr(quote) != "\"}") return false;
    const auto time = parse_moment(in.rest.substr(0, quote));
    if (!time.ok()) return false;
    entry.time = time.value();
    return true;
}

struct LogDocument {
    std::string log;
    std::string stream;
    std::map<std::string, std::string> attrs;
    Moment time;
};
template <class Io>
void fields(Io& io, LogDocument& document) {
    io.optional("log", document.log);
    io.optional("stream", document.stream);
    io.optional("attrs", document.attrs);
    io.required("time", document.time);
}

/// protobuf: a number in groups of seven bits, lowest first.
bool take_varint(std::string_view& rest, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest[0]);
        rest.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

/// Seconds since 1970 with at most nine decimals.
std::optional<Moment> parse_unix_time(std::string_view text) {
    const std::size_t dot = text.find('.');
    const std::string_view whole = text.substr(0, dot);
    std::string_view decimals = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    std::int64_t seconds = 0, nanoseconds = 0;
    const auto parsed = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    if (parsed.ec != std::errc() || parsed.ptr != whole.data() + whole.size() || decimals.size() > 9) return std::nullopt;
    if (seconds < 0 || seconds > 9'000'000'000) return std::nullopt;
    std::int64_t scale = 1'000'000'000;
    for (const char digit : decimals) {
        if (digit < '0' || digit > '9') return std::nullopt;
        scale /= 10;
        nanoseconds += (digit - '0') * scale;
    }
    return Moment{seconds * 1'000'000'000 + nanoseconds};
}

}  // namespace

std::optional<LogEntry> parse_log_line(std::string_view line) {
    LogEntry entry;
    if (take_plain(line, entry)) return entry;

    const auto json = parse_json(line, 1 << 20);
    if (!json.ok()) return std::nullopt;
    auto document = from_json<LogDocument>(json.value());
    if (!document.ok()) return std::nullopt;
    LogDocument& found = document.value();
    entry = LogEntry{};
    entry.text = std::move(found.log);
    entry.stream = found.stream == "stderr" ? LogEntry::Stream::error : LogEntry::Stream::output;
    entry.attributes = std::move(found.attrs);
    entry.time = found.time;
    if (const auto process = entry.attributes.find("process"); process != entry.attributes.end())
        entry.process = process->second;
    return entry;
}

std::optional<LogEntry> parse_log_record(std::string_view record) {
    LogEntry entry;
    bool is_part = false;
    while (!record.empty()) {
        std::uint64_t key = 0, value = 0;
        if (!take_varint(record, key) || !take_varint(record, value)) return std::nullopt;
        const std::uint64_t field = key >> 3, wire = key & 7;
        if (wire == 0 && field == 2) entry.time = Moment{static_cast<std::int64_t>(value)};
        if (wire == 0 && field == 4) is_part = value != 0;
        if (wire == 0) continue;
        if (wire != 2 || value > record.size()) return std::nullopt;
        const std::string_view bytes = record.substr(0, value);
        record.remove_prefix(value);
        if (field == 1) entry.stream = bytes == "stderr" ? LogEntry::Stream::error : LogEntry::Stream::output;
        if (field == 3) entry.text = bytes;
    }
    if (!is_part) entry.text += '\n';
    return entry;
}

Result<Moment> parse_time_option(std::string_view text, Moment now) {
    if (const auto seconds = parse_unix_time(text)) return *seconds;
    if (auto moment = parse_moment(text); moment.ok()) return moment;
    if (const auto duration = parse_duration(text); duration.ok())
        return Moment{now.nanoseconds - duration.value().nanoseconds};
    return Error(Kind::invalid, cat("invalid time '", text, "'"))
        .with_hint("write 10m for ten minutes ago, 2026-01-31, 2026-01-31T12:00:00Z, or seconds since 1970");
}

}  // namespace berth::container
