#pragma once
// Text of containers and images for the eyes of people: a terminal obeys control characters, and such text must not retitle
// it, hide lines or answer for its user.

#include <string>
#include <string_view>

namespace berth {

/// Control characters as "\x1b": C0 but tab and line feed, DEL, and C1, be it as UTF-8 or as bare bytes. The rest stays.
std::string visible_text(std::string_view text);

/// What a build step wrote, a line of it: colours and carriage returns pass too, since all they change is that line. Colours end
/// with it; without `with_colours` they are left out.
std::string visible_output(std::string_view line, bool with_colours);

}  // namespace berth
