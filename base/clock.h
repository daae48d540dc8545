#pragma once
// Time: moments for people (wall clock), moments for decisions (a clock that never jumps), durations and their texts.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace berth {

/// Nanoseconds. Signed: differences may be negative.
struct Duration {
    std::int64_t nanoseconds = 0;
    static constexpr Duration of_milliseconds(std::int64_t n) { return {n * 1'000'000}; }
    static constexpr Duration of_seconds(std::int64_t n) { return {n * 1'000'000'000}; }
    constexpr std::int64_t milliseconds() const { return nanoseconds / 1'000'000; }
    auto operator<=>(const Duration&) const = default;
};
constexpr Duration operator+(Duration a, Duration b) { return {a.nanoseconds + b.nanoseconds}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.nanoseconds - b.nanoseconds}; }

/// Go's time.ParseDuration: "300ms", "-1.5h", "2h45m". A bare "0" is allowed, any other bare number is not.
Result<Duration> parse_duration(std::string_view text);
/// Go's Duration.String: "1h2m3.5s", "300ms", "0s".
std::string duration_text(Duration duration);

/// A moment of CLOCK_REALTIME, for records and people. Nanoseconds since 1970; 0 stands for "never".
struct Moment {
    std::int64_t nanoseconds = 0;
    auto operator<=>(const Moment&) const = default;
};
/// A moment of CLOCK_BOOTTIME, for decisions; counts through suspend, never jumps.
struct Tick {
    std::int64_t nanoseconds = 0;
    auto operator<=>(const Tick&) const = default;
};
constexpr Tick operator+(Tick a, Duration b) { return {a.nanoseconds + b.nanoseconds}; }
constexpr Duration operator-(Tick a, Tick b) { return {a.nanoseconds - b.nanoseconds}; }

Moment now();
Tick tick_now();
/// Shorter when a signal comes (nanosleep(2)).
void sleep_for(Duration duration);

/// RFC 3339 in UTC with as many decimals as needed ("2026-01-02T03:04:05.67Z"), as Go writes it. Moment{0} is Go's zero
/// time "0001-01-01T00:00:00Z".
std::string moment_text(Moment moment);
/// The same with exactly nine decimals, as `logs -t` prints it.
std::string moment_text_fixed(Moment moment);
/// RFC 3339 with any offset and any number of decimals; also a plain date or date and time in UTC.
Result<Moment> parse_moment(std::string_view text);

template <>
struct JsonText<Moment> {
    static Result<Moment> parse(std::string_view text) { return parse_moment(text); }
    static std::string text(const Moment& moment) { return moment_text(moment); }
};

// Durations are whole nanoseconds in docker's documents. Beside the type, where the field lists look for them.
inline Result<void> read(const Json& from, Duration& into) { return json_detail::read(from, into.nanoseconds); }
inline Json write(const Duration& value) { return json_detail::write(value.nanoseconds); }

}  // namespace berth
