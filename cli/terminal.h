#pragma once
// The caller's terminal: raw mode with a promise to restore it, its size, and the keys that detach.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <termios.h>

#include "base/result.h"

namespace berth::cli {

/// Rows and columns; nothing when the descriptor is no terminal.
std::optional<std::pair<unsigned short, unsigned short>> terminal_size(int descriptor);
/// Columns of stdout's terminal, or of COLUMNS; 80 when unknown.
std::size_t terminal_columns();
/// Whether stderr takes colours: a terminal, TERM is not dumb, NO_COLOR is not set (no-color.org).
bool wants_colour(int descriptor);

/// Whoever types into a terminal in a container needs one of his own. Kind::invalid when stdin is something else.
Result<void> expect_terminal();

/// Raw mode for as long as the object lives. Signals that end the process restore it too.
class RawMode {
public:
    /// `farewell` is written to the terminal when it is restored, such as the end of the alternate screen; a literal.
    static Result<RawMode> enter(int descriptor, const char* farewell = "");
    RawMode(RawMode&& other) noexcept;
    RawMode& operator=(RawMode&&) = delete;
    ~RawMode();

private:
    explicit RawMode(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

/// "ctrl-p,ctrl-q" as the bytes it stands for. docker: letters, or ctrl- and a-z @ [ \ ] ^ _.
Result<std::string> parse_detach_keys(std::string_view text);

/// Watches typed bytes for the detach keys. Bytes that may begin the sequence are held back until that is clear.
class DetachKeys {
public:
    explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}
    struct Typed {
        std::string bytes;      ///< to pass on
        bool detached = false;  ///< the sequence is complete
    };
    Typed take(std::string_view bytes);

private:
    std::string keys_;
    std::size_t matched_ = 0;
};

/// Asks on a terminal; the answer is no unless y or yes is typed. Not on a terminal: no.
bool ask_yes_no(std::string_view question);
/// A line without echo, for passwords.
Result<std::string> read_secret(std::string_view prompt);

}  // namespace berth::cli
