#pragma once
// The figures of stats as text, for the table and the dash.

#include <optional>
#include <string>

#include "container/stats.h"

namespace berth::cli {

struct StatsTexts {
    std::string cpu, memory, memory_percent, network, block, processes;
};
/// docker: "--" where there is nothing to tell.
StatsTexts stats_texts(const container::StatsReading* before, const std::optional<container::StatsReading>& now);
/// "12.30%"
std::string percent_text(double percent);

}  // namespace berth::cli
