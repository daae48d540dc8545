#pragma once
// What stands before the command: where the state is, and how much is told.

#include "cli/settings.h"
#include "container/engine.h"

namespace berth::cli {

struct Globals {
    container::Paths paths;
    bool debug = false;
    bool wants_version = false;
    std::string log_level;
    Words words;  ///< the command and all behind it
};
/// Options up to the command. Precedence: option, environment (BERTH_ROOT, BERTH_RUN_ROOT), configuration, default.
Result<Globals> read_globals(const Words& all, const Settings& settings);
/// The description, for help.
void describe_globals(Parser& parser, Globals& into);

}  // namespace berth::cli
