#pragma once
// Text of containers and images for the eyes of people: a terminal obeys control characters, and such text must not retitle
// it, hide lines or answer for its user.

#include <string>
#include <string_view>

namespace berth {

/// Control characters as "\x1b": C0 but tab and line feed, DEL, and C1, be it as UTF-8 or as bare bytes. The rest stays.
std::string visible_text(std::string_view text);

}  // namespace berth
