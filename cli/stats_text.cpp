#include "cli/stats_text.h"

#include <cmath>

#include "cli/texts.h"

namespace berth::cli {
namespace {

std::string decimal(std::uint64_t bytes) { return decimal_size(static_cast<std::int64_t>(bytes)); }
std::string binary(std::uint64_t bytes) { return binary_size(static_cast<std::int64_t>(bytes)); }

}  // namespace

std::string percent_text(double percent) {
    const auto hundredths = static_cast<std::int64_t>(std::llround(percent * 100));
    return cat(hundredths / 100, ".", cat(100 + hundredths % 100).substr(1), "%");
}

StatsTexts stats_texts(const container::StatsReading* before, const std::optional<container::StatsReading>& now) {
    if (!now) return {"--", "-- / --", "--", "--", "--", "--"};
    StatsTexts out;
    out.cpu = percent_text(before == nullptr ? 0 : container::cpu_percent(*before, *now));
    out.memory = cat(binary(now->memory_bytes), " / ", binary(now->memory_limit));
    out.memory_percent = percent_text(container::memory_percent(*now));
    out.network = cat(decimal(now->network_received), " / ", decimal(now->network_sent));
    out.block = cat(decimal(now->block_read), " / ", decimal(now->block_written));
    out.processes = cat(now->processes);
    return out;
}

}  // namespace berth::cli
