#pragma once
// A container's state in docker's words, for ps and dash.

#include <string>

#include "container/record.h"

namespace berth::cli {

/// "Up 5 seconds (healthy)", "Exited (3) 4 seconds ago", "Created", …
std::string status_text(const container::State& state, Moment now);
/// The COMMAND column: what runs, in quotes, cut to 20 characters unless `whole`.
std::string command_column(const container::Definition& definition, bool whole);

}  // namespace berth::cli
