#pragma once
// What a build tells while it goes: plain lines as BuildKit writes them, a live view on a terminal, docker's older builder's
// words, nothing, or JSON.

#include <memory>
#include <string_view>

#include "builder/build.h"
#include "cli/parser.h"

namespace berth::cli {

/// `mode`: auto, plain, tty, quiet, rawjson or classic; auto is tty where stderr is a terminal, else plain.
Result<std::unique_ptr<builder::Progress>> make_build_progress(std::string_view mode);

/// "0.1", "12.3": seconds as progress shows them.
std::string seconds_text(Duration duration, int decimals);

}  // namespace berth::cli
