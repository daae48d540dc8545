#include "cli/terminal.h"

#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/session.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

// What a dying process must put back. A signal handler can reach only what is static.
struct Saved {
    volatile sig_atomic_t descriptor = -1;
    termios settings{};
    const char* farewell = "";
};
Saved saved;

// A terminal that takes no more bytes cannot be told so either.
void ignore_count(ssize_t) {}

void restore() {
    if (saved.descriptor < 0) return;
    if (*saved.farewell != '\0') ignore_count(::write(saved.descriptor, saved.farewell, std::strlen(saved.farewell)));
    ::tcsetattr(saved.descriptor, TCSADRAIN, &saved.settings);
    saved.descriptor = -1;
}

void restore_and_die(int signal) {
    restore();
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

}  // namespace

std::optional<std::pair<unsigned short, unsigned short>> terminal_size(int descriptor) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return std::nullopt;
    return std::pair(size.ws_row, size.ws_col);
}

std::size_t terminal_columns() {
    if (const auto size = terminal_size(STDOUT_FILENO); size && size->second > 0) return size->second;
    if (const char* columns = std::getenv("COLUMNS"); columns != nullptr)
        if (const auto number = parse_integer(columns); number.ok() && number.value() > 0)
            return static_cast<std::size_t>(number.value());
    return 80;
}

Result<void> expect_terminal() {
    if (is_terminal(STDIN_FILENO)) return {};
    return Error(Kind::invalid, "the input device is not a TTY")
        .with_hint("a pipe or a file will do without -t, and for attach with --no-stdin");
}

bool wants_colour(int descriptor) {
    const char* terminal = std::getenv("TERM");
    const char* refused = std::getenv("NO_COLOR");
    return is_terminal(descriptor) && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
           std::strcmp(terminal, "dumb") != 0;
}

Result<RawMode> RawMode::enter(int descriptor, const char* farewell) {
    if (::tcgetattr(descriptor, &saved.settings) != 0) return Error::of_errno(errno, "read the terminal's settings");
    termios raw = saved.settings;
    ::cfmakeraw(&raw);
    saved.farewell = farewell;
    saved.descriptor = descriptor;
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGSEGV, SIGABRT, SIGPIPE}) ::signal(signal, restore_and_die);
    if (::tcsetattr(descriptor, TCSADRAIN, &raw) != 0) return Error::of_errno(errno, "change the terminal's settings");
    return RawMode(descriptor);
}

RawMode::RawMode(RawMode&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RawMode::~RawMode() {
    if (descriptor_ >= 0) restore();
}

Result<std::string> parse_detach_keys(std::string_view text) {
    std::string out;
    if (text.empty()) return out;
    for (const std::string& key : split_text(text, ',')) {
        const std::string lower = lower_case(key);
        if (key.size() == 1)
            out += key;
        else if (lower.size() == 6 && lower.starts_with("ctrl-") &&
                 ((lower[5] >= 'a' && lower[5] <= 'z') || std::strchr("@[\\]^_", lower[5]) != nullptr))
            out += static_cast<char>((lower[5] >= 'a' ? lower[5] - 32 : lower[5]) - '@');
        else
            return Error(Kind::invalid, cat("detach keys '", text, "': unknown key '", key, "'"))
                .with_hint("keys look like ctrl-p,ctrl-q or a,b");
    }
    return out;
}

DetachKeys::Typed DetachKeys::take(std::string_view bytes) {
    Typed out;
    for (const char c : bytes) {
        if (keys_.empty() || (matched_ == 0 && c != keys_[0])) {
            out.bytes += c;
        } else if (c == keys_[matched_]) {
            if (++matched_ == keys_.size()) return out.detached = true, out;
        } else {
            out.bytes.append(keys_, 0, matched_);
            matched_ = c == keys_[0] ? 1 : 0;
            if (matched_ == 0) out.bytes += c;
        }
    }
    return out;
}

bool ask_yes_no(std::string_view question) {
    if (!is_terminal(STDIN_FILENO)) return false;
    tell(cat(question, " [y/N] "));
    std::string answer;
    for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) answer += c;
    const std::string word = lower_case(answer);
    return word == "y" || word == "yes";
}

Result<std::string> read_secret(std::string_view prompt) {
    if (!is_terminal(STDIN_FILENO))
        return Error(Kind::invalid, "cannot ask for a password: standard input is not a terminal")
            .with_hint("use --password-stdin");
    tell(prompt);
    if (::tcgetattr(STDIN_FILENO, &saved.settings) != 0) return Error::of_errno(errno, "read the terminal's settings");
    termios silent = saved.settings;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    saved.farewell = "";
    saved.descriptor = STDIN_FILENO;
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::signal(signal, restore_and_die);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    std::string secret;
    for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) secret += c;
    restore();
    tell("\n");
    return secret;
}

}  // namespace berth::cli
