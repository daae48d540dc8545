#include "cli/oci/output.h"

#include <unistd.h>

#include "base/visible.h"

namespace berth::cli {

namespace {

void write_whole(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put <= 0) return;  // A reader that went away wants no more.
        text.remove_prefix(static_cast<std::size_t>(put));
    }
}

// As print and tell of cli/session.h: names and errors of a bundle are not for a terminal to obey.
void show(int fd, std::string_view text) {
    if (::isatty(fd) == 1) write_whole(fd, visible_text(text));
    else write_whole(fd, text);
}

}  // namespace

void write_output(std::string_view text) { show(1, text); }
void write_errors(std::string_view text) { show(2, text); }

}  // namespace berth::cli
