#include "cli/oci/output.h"

#include <unistd.h>

namespace berth::cli {

namespace {

void write_whole(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put <= 0) return;  // A reader that went away wants no more.
        text.remove_prefix(static_cast<std::size_t>(put));
    }
}

}  // namespace

void write_output(std::string_view text) { write_whole(1, text); }
void write_errors(std::string_view text) { write_whole(2, text); }

}  // namespace berth::cli
