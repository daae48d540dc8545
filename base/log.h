#pragma once
// What berth tells about itself on stderr: warnings (container/ and above) and, with --debug, what it does.

#include "base/cat.h"

namespace berth::log {

enum class Level { quiet, warnings, debug };
void set_level(Level level);
bool debug_wanted();

void write_line(std::string_view prefix, const std::string& text);

/// One line, "berth: debug: …"; parts are only joined when wanted.
template <class... Parts>
void debug(const Parts&... parts) {
    if (debug_wanted()) write_line("berth: debug: ", cat(parts...));
}
/// One line, "berth: warning: …"; says at its end what happens now.
template <class... Parts>
void warn(const Parts&... parts) {
    write_line("berth: warning: ", cat(parts...));
}

}  // namespace berth::log
