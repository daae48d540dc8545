// Texts of numbers and times. Rounding follows docker's go-units, whose results scripts compare.

#include "cli/texts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <span>

namespace berth::cli {
namespace {

// %.<digits>g without an exponent: what does not fit the unit goes to the next one before.
std::string significant(double value, int digits) {
    std::array<char, 32> out;
    const auto end = std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::general, digits).ptr;
    return std::string(out.data(), end);
}

std::string scaled(std::int64_t bytes, double base, std::span<const std::string_view> units, int digits) {
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 999.9 kB with three digits would read 1e+03kB: rounding decides about the unit.
    const double limit = base - base * 0.5 * std::pow(10.0, -digits);
    while (unit + 1 < units.size() && std::fabs(value) >= limit) {
        value /= base;
        ++unit;
    }
    return cat(significant(value, digits), units[unit]);
}

std::string counted(std::int64_t count, std::string_view unit) { return cat(count, " ", unit); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Result<double> parse_decimal(std::string_view text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (text.empty() || failure != std::errc() || end != text.data() + text.size())
        return Error(Kind::invalid, cat("'", text, "' is not a number"));
    return value;
}

struct Codepoint {
    char32_t value;
    std::size_t bytes;
};
Codepoint codepoint_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(at + i < text.size() ? text[at + i] : 0); };
    const unsigned lead = byte(0);
    const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    char32_t value = bytes == 1 ? lead : lead & (0xffu >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) value = (value << 6) | (byte(i) & 0x3fu);
    return {value, bytes};
}

std::size_t columns_of(char32_t c) {
    if (c < 0x300) return 1;
    if (c <= 0x36f || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
    const bool is_wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                         (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
    return is_wide ? 2 : 1;
}

}  // namespace

std::string decimal_size(std::int64_t bytes, int digits) {
    static constexpr std::string_view units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    return scaled(bytes, 1000, units, digits);
}

std::string binary_size(std::int64_t bytes) {
    static constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    return scaled(bytes, 1024, units, 4);
}

std::string duration_words(Duration duration) {
    const std::int64_t seconds = duration.nanoseconds / 1'000'000'000;
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return counted(seconds, "seconds");
    const std::int64_t minutes = seconds / 60;
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return counted(minutes, "minutes");
    const std::int64_t hours = (seconds + 1800) / 3600;
    if (hours == 1) return "About an hour";
    if (hours < 48) return counted(hours, "hours");
    if (hours < 24 * 14) return counted(hours / 24, "days");
    if (hours < 24 * 60) return counted(hours / 24 / 7, "weeks");
    if (hours < 24 * 365 * 2) return counted(hours / 24 / 30, "months");
    return counted(seconds / 3600 / 24 / 365, "years");
}

std::string age_words(Moment moment, Moment now) {
    if (moment.nanoseconds == 0) return "N/A";
    return cat(duration_words({now.nanoseconds - moment.nanoseconds}), " ago");
}

std::string moment_words(Moment moment) {
    const std::string iso = moment_text({moment.nanoseconds / 1'000'000'000 * 1'000'000'000});
    // "2026-01-02T03:04:05Z"
    return cat(std::string_view(iso).substr(0, 10), " ", std::string_view(iso).substr(11, 8), " +0000 UTC");
}

Result<std::int64_t> parse_size(std::string_view text) {
    const auto refused = [&] {
        return Error(Kind::invalid, cat("invalid size '", text, "'")).with_hint("sizes look like 512m, 1.5g or 1048576");
    };
    std::string_view number = text;
    std::string unit;
    while (!number.empty() && !is_digit(number.back()) && number.back() != '.') {
        unit.insert(unit.begin(), static_cast<char>(number.back() | 0x20));
        number.remove_suffix(1);
    }
    if (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
    if (unit.ends_with("ib"))
        unit.erase(unit.size() - 2);
    else if (unit.size() > 1 && unit.back() == 'b')
        unit.pop_back();
    const std::size_t power = unit.empty() ? 0 : std::string_view("bkmgtpe").find(unit);
    const auto value = parse_decimal(number);
    if (power == std::string_view::npos || unit.size() > 1 || !value.ok() || value.value() < 0) return refused();
    const double bytes = value.value() * std::pow(1024.0, static_cast<double>(power));
    if (bytes >= 9.2e18) return refused();
    return static_cast<std::int64_t>(bytes);
}

Result<std::int64_t> parse_size_or_unlimited(std::string_view text) {
    if (text == "-1") return std::int64_t{-1};
    return parse_size(text);
}

Result<std::int64_t> parse_cpus(std::string_view text) {
    const auto refused = [&] {
        return Error(Kind::invalid, cat("invalid number of cpus '", text, "'")).with_hint("write it as 0.5 or 2");
    };
    const auto value = parse_decimal(text);
    if (!value.ok() || value.value() < 0 || value.value() > 1e6) return refused();
    // Digits beyond the ninth have no meaning to the kernel; docker refuses them too.
    if (const auto point = text.find('.'); point != std::string_view::npos && text.size() - point - 1 > 9) return refused();
    return static_cast<std::int64_t>(std::llround(value.value() * 1e9));
}

Result<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || failure != std::errc() || end != digits.data() + digits.size())
        return Error(Kind::invalid, cat("'", text, "' is not a whole number"));
    return value;
}

Result<Moment> parse_time_point(std::string_view text, Moment now) {
    if (const auto back = parse_duration(text); back.ok() && !text.empty() && !is_digit(text.back()))
        return Moment{now.nanoseconds - back.value().nanoseconds};
    if (std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; }) && !text.empty() && is_digit(text.front())) {
        const std::size_t point = std::min(text.find('.'), text.size());
        const auto seconds = parse_integer(text.substr(0, point));
        std::string fraction(point < text.size() ? text.substr(point + 1) : "");
        fraction.resize(9, '0');
        const auto nanoseconds = parse_integer(fraction);
        if (seconds.ok() && nanoseconds.ok() && seconds.value() < 9'000'000'000)
            return Moment{seconds.value() * 1'000'000'000 + nanoseconds.value()};
    }
    if (auto moment = parse_moment(text); moment.ok()) return moment;
    return Error(Kind::invalid, cat("invalid time '", text, "'"))
        .with_hint("times look like 10m, 2026-01-02T03:04:05Z, 2026-01-02 or seconds since 1970");
}

std::string shortened(std::string_view text, std::size_t width) {
    std::size_t at = 0;
    std::size_t last = 0;
    for (std::size_t count = 0; at < text.size(); ++count) {
        if (count == width) return cat(text.substr(0, last), "…");
        last = at;
        at += codepoint_at(text, at).bytes;
    }
    return std::string(text);
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Codepoint c = codepoint_at(text, at);
        width += columns_of(c.value);
        at += c.bytes;
    }
    return width;
}

std::vector<std::string> split_text(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join_text(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (const std::string& part : parts) {
        if (&part != parts.data()) out += separator;
        out += part;
    }
    return out;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
    // Levenshtein's distance with neighbours swapped counting once: the slips of a hand.
    const auto distance = [&](std::string_view other) {
        std::vector<std::vector<std::size_t>> d(word.size() + 1, std::vector<std::size_t>(other.size() + 1));
        for (std::size_t i = 0; i <= word.size(); ++i) d[i][0] = i;
        for (std::size_t j = 0; j <= other.size(); ++j) d[0][j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i)
            for (std::size_t j = 1; j <= other.size(); ++j) {
                d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (word[i - 1] != other[j - 1])});
                if (i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1])
                    d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        return d[word.size()][other.size()];
    };
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t d = distance(candidate);
        if (d < best_distance && d < candidate.size()) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent) {
    std::string out;
    std::size_t column = 0;
    for (const std::string& word : split_text(text, ' ')) {
        const std::size_t length = display_width(word);
        if (column > 0 && column + 1 + length > width) {
            out += '\n';
            out.append(indent, ' ');
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += word;
        column += length;
    }
    return out;
}

}  // namespace berth::cli
