#include "base/clock.h"

#include <cmath>
#include <ctime>

namespace berth {

namespace {

constexpr std::int64_t second = 1'000'000'000;

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
// Longer names first: "ms" before "m" and "s".
constexpr Unit units[] = {{"ns", 1},           {"us", 1'000},       {"µs", 1'000}, {"μs", 1'000},
                          {"ms", 1'000'000},   {"s", second},       {"m", 60 * second}, {"h", 3600 * second}};

std::int64_t read_clock(clockid_t which) {
    timespec time{};
    ::clock_gettime(which, &time);
    return time.tv_sec * second + time.tv_nsec;
}

std::string padded(std::int64_t value, std::size_t width) {
    std::string digits = std::to_string(value);
    return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

// Days since 1970-01-01 to a date and back, proleptic Gregorian (Howard Hinnant, "chrono-compatible low-level date algorithms").
struct Date {
    std::int64_t year;
    unsigned month;
    unsigned day;
};
Date date_of_days(std::int64_t days) {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto doe = static_cast<unsigned>(days - era * 146097);
    const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const unsigned mp = (5 * doy + 2) / 153;
    const unsigned month = mp < 10 ? mp + 3 : mp - 9;
    return {static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1};
}
std::int64_t days_of_date(Date date) {
    const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto yoe = static_cast<unsigned>(year - era * 400);
    const unsigned doy = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
    const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

unsigned days_in(std::int64_t year, std::int64_t month) {
    constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leaps = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (leaps ? 1 : 0);
}

std::string date_and_time(Moment moment) {
    std::int64_t seconds = moment.nanoseconds / second;
    if (moment.nanoseconds % second < 0) --seconds;
    std::int64_t of_day = seconds % 86400;
    if (of_day < 0) of_day += 86400;
    const Date date = date_of_days((seconds - of_day) / 86400);
    return cat(padded(date.year, 4), '-', padded(date.month, 2), '-', padded(date.day, 2), 'T', padded(of_day / 3600, 2),
               ':', padded(of_day / 60 % 60, 2), ':', padded(of_day % 60, 2));
}

std::int64_t fraction_of(Moment moment) {
    const std::int64_t rest = moment.nanoseconds % second;
    return rest < 0 ? rest + second : rest;
}

/// Takes exactly `width` digits from the front.
bool take_number(std::string_view& text, std::size_t width, std::int64_t& into) {
    if (text.size() < width) return false;
    std::int64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(width);
    return into = value, true;
}
bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

std::int64_t take_fraction(std::string_view& text) {
    std::int64_t value = 0;
    std::int64_t scale = second;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        scale /= 10;
        value += (text.front() - '0') * scale;
        text.remove_prefix(1);
    }
    return value;
}

bool take_offset(std::string_view& text, std::int64_t& seconds) {
    if (take(text, 'Z') || take(text, 'z') || text.empty()) return seconds = 0, true;
    const bool behind = text.front() == '-';
    if (!take(text, '+') && !take(text, '-')) return false;
    std::int64_t hours = 0, minutes = 0;
    if (!take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, minutes)) return false;
    seconds = (hours * 3600 + minutes * 60) * (behind ? -1 : 1);
    return true;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    const Error wrong(Kind::invalid, cat("invalid duration '", text, "': expected a number with a unit, such as 30s or 1m30s"));
    const auto refuse = [&] { return Error(wrong.kind(), wrong.text()); };
    std::string_view rest = text;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == "0") return Duration{};
    if (rest.empty()) return refuse();
    double total = 0;
    while (!rest.empty()) {
        double value = 0;
        const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
        if (code != std::errc() || rest.front() == '-') return refuse();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const Unit* found = nullptr;
        for (const Unit& unit : units)
            if (rest.starts_with(unit.name) && (found == nullptr || unit.name.size() > found->name.size())) found = &unit;
        if (found == nullptr) return refuse();
        rest.remove_prefix(found->name.size());
        total += value * static_cast<double>(found->nanoseconds);
    }
    if (!(total < 9.2e18)) return refuse();  // from_chars also reads "inf" and "nan".
    const auto whole = static_cast<std::int64_t>(std::llround(total));
    return Duration{negative ? -whole : whole};
}

std::string duration_text(Duration duration) {
    if (duration.nanoseconds == 0) return "0s";
    // Unsigned: the lowest of all has no positive counterpart.
    const bool negative = duration.nanoseconds < 0;
    const auto bits = static_cast<std::uint64_t>(duration.nanoseconds);
    const std::uint64_t all = negative ? -bits : bits;
    const auto decimals = [](std::uint64_t value, std::uint64_t unit) {
        std::string text = cat(value / unit);
        std::string fraction = padded(static_cast<std::int64_t>(value % unit), cat(unit).size() - 1);
        while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
        return fraction.empty() ? text : cat(text, '.', fraction);
    };
    constexpr std::uint64_t one_second = second, one_minute = 60 * one_second, one_hour = 60 * one_minute;
    std::string text = negative ? "-" : "";
    if (all < 1'000) return cat(text, all, "ns");
    if (all < 1'000'000) return cat(text, decimals(all, 1'000), "µs");
    if (all < one_second) return cat(text, decimals(all, 1'000'000), "ms");
    const std::uint64_t hours = all / one_hour, minutes = all / one_minute % 60;
    if (hours > 0) text += cat(hours, 'h');
    if (hours > 0 || minutes > 0) text += cat(minutes, 'm');
    return cat(text, decimals(all % one_minute, one_second), 's');
}

Moment now() { return {read_clock(CLOCK_REALTIME)}; }
Tick tick_now() { return {read_clock(CLOCK_BOOTTIME)}; }

void sleep_for(Duration duration) {
    const timespec wait{duration.nanoseconds / second, duration.nanoseconds % second};
    ::nanosleep(&wait, nullptr);
}

std::string moment_text(Moment moment) {
    if (moment.nanoseconds == 0) return "0001-01-01T00:00:00Z";
    std::string fraction = padded(fraction_of(moment), 9);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return cat(date_and_time(moment), fraction.empty() ? "" : ".", fraction, 'Z');
}

std::string moment_text_fixed(Moment moment) { return cat(date_and_time(moment), '.', padded(fraction_of(moment), 9), 'Z'); }

Result<Moment> parse_moment(std::string_view text) {
    if (text == "0001-01-01T00:00:00Z") return Moment{};
    std::string_view rest = text;
    std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, sec = 0, fraction = 0, offset = 0;
    bool valid = take_number(rest, 4, year) && take(rest, '-') && take_number(rest, 2, month) && take(rest, '-') && take_number(rest, 2, day);
    if (valid && (take(rest, 'T') || take(rest, 't') || take(rest, ' '))) {
        valid = take_number(rest, 2, hour) && take(rest, ':') && take_number(rest, 2, minute);
        if (valid && take(rest, ':')) valid = take_number(rest, 2, sec);
        if (valid && take(rest, '.')) fraction = take_fraction(rest);
        valid = valid && take_offset(rest, offset);
    }
    valid = valid && rest.empty() && month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month) && hour < 24 && minute < 60 && sec <= 60;
    valid = valid && year >= 1 && year <= 2261;
    if (!valid) return Error(Kind::invalid, cat("invalid time '", text, "': expected RFC 3339, such as 2026-01-31T12:00:00Z"));
    const std::int64_t days = days_of_date({year, static_cast<unsigned>(month), static_cast<unsigned>(day)});
    const std::int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + sec - offset;
    return Moment{seconds * second + fraction};
}

}  // namespace berth
