#pragma once
// Sizes, durations and moments as people read and write them: docker's wording, since scripts grep it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace berth::cli {

/// Decimal units, `digits` significant digits: "0B", "1.98MB", "199MB".
std::string decimal_size(std::int64_t bytes, int digits = 3);
/// Binary units, four significant digits: "540KiB", "23.54GiB".
std::string binary_size(std::int64_t bytes);
/// docker: HumanDuration. "Less than a second", "About a minute", "3 weeks".
std::string duration_words(Duration duration);
/// "3 weeks ago"; "N/A" for the moment that never was.
std::string age_words(Moment moment, Moment now);
/// "2026-01-02 03:04:05 +0000 UTC", as the CreatedAt fields print it.
std::string moment_words(Moment moment);

/// A size on the command line: "512m", "1.5GiB", "1048576". Binary units, any case (docker: RAMInBytes).
Result<std::int64_t> parse_size(std::string_view text);
/// A size where -1 means "no limit" (--memory-swap).
Result<std::int64_t> parse_size_or_unlimited(std::string_view text);
/// "1.5" processors as billionths.
Result<std::int64_t> parse_cpus(std::string_view text);
Result<std::int64_t> parse_integer(std::string_view text);
/// docker: the forms of --since and --until. RFC 3339, a date, unix seconds with decimals, or a duration back from `now`.
Result<Moment> parse_time_point(std::string_view text, Moment now);

/// `text` cut to `width` characters, the last one an ellipsis.
std::string shortened(std::string_view text, std::size_t width);
/// Columns that the text takes on a terminal: code points, wide ones twice, combining ones not at all.
std::size_t display_width(std::string_view text);
/// The pieces between `separator`; "" gives one empty piece.
std::vector<std::string> split_text(std::string_view text, char separator);
std::string join_text(const std::vector<std::string>& parts, std::string_view separator);
std::string lower_case(std::string_view text);
/// The candidate nearest to `word`, when it is near enough to be meant; else "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);
/// `text` broken into lines of at most `width` columns at spaces, each but the first after `indent` spaces.
std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace berth::cli
