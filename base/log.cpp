#include "base/log.h"

#include <unistd.h>

#include "base/visible.h"

namespace berth::log {

namespace {
Level level = Level::warnings;
}

void set_level(Level wanted) { level = wanted; }
bool debug_wanted() { return level == Level::debug; }

void write_line(std::string_view prefix, const std::string& text) {
    if (level == Level::quiet) return;
    const std::string line = cat(prefix, visible_text(text), "\n");
    // There is nowhere left to report a failure to.
    [[maybe_unused]] const auto written = ::write(2, line.data(), line.size());
}

}  // namespace berth::log
