#include "base/ids.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>

#include <sys/random.h>

#include "base/file.h"

namespace berth {

namespace {

struct SignalName {
    int number;
    std::string_view name;
};
constexpr SignalName signal_names[] = {
    {SIGHUP, "HUP"},   {SIGINT, "INT"},     {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},       {SIGTRAP, "TRAP"}, {SIGABRT, "ABRT"},
    {SIGABRT, "IOT"},  {SIGBUS, "BUS"},     {SIGFPE, "FPE"},   {SIGKILL, "KILL"},     {SIGUSR1, "USR1"}, {SIGSEGV, "SEGV"},
    {SIGUSR2, "USR2"}, {SIGPIPE, "PIPE"},   {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},     {SIGSTKFLT, "STKFLT"}, {SIGCHLD, "CHLD"},
    {SIGCHLD, "CLD"},  {SIGCONT, "CONT"},   {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"},     {SIGTTIN, "TTIN"}, {SIGTTOU, "TTOU"},
    {SIGURG, "URG"},   {SIGXCPU, "XCPU"},   {SIGXFSZ, "XFSZ"}, {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"}, {SIGWINCH, "WINCH"},
    {SIGIO, "IO"},     {SIGIO, "POLL"},     {SIGPWR, "PWR"},   {SIGSYS, "SYS"},
};
// The kernel's range; glibc's SIGRTMIN is a function call and two higher (signal(7)).
constexpr int first_real_time = 34;
constexpr int last_signal = 64;

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

Error unknown_signal(std::string_view text) { return Error(Kind::invalid, cat("invalid signal: '", text, "'")); }

int number_in(std::string_view text) {
    int value = -1;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size() ? value : -1;
}

int real_time_number(std::string_view name) {
    const bool from_low = name.starts_with("RTMIN");
    if (!from_low && !name.starts_with("RTMAX")) return -1;
    const int edge = from_low ? first_real_time : last_signal;
    if (name.size() == 5) return edge;
    const char sign = from_low ? '+' : '-';
    const int offset = name[5] == sign ? number_in(name.substr(6)) : -1;
    return offset < 0 || offset > last_signal - first_real_time ? -1 : edge + (from_low ? offset : -offset);
}

}  // namespace

std::string random_hex(std::size_t bytes) {
    unsigned char raw[64];
    if (bytes > sizeof raw) bug("random_hex: too many bytes");
    std::size_t have = 0;
    while (have < bytes) {
        const ssize_t got = ::getrandom(raw + have, bytes - have, 0);
        if (got < 0 && errno != EINTR) bug("getrandom");
        if (got > 0) have += static_cast<std::size_t>(got);
    }
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) {
        text.push_back(digits[raw[i] >> 4]);
        text.push_back(digits[raw[i] & 15]);
    }
    return text;
}

const std::string& boot_id() {
    static const std::string id = [] {
        auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
        std::string line = text.ok() ? std::move(text).value() : "unknown";
        while (!line.empty() && line.back() == '\n') line.pop_back();
        line.shrink_to_fit();  // Kept for ever, in monitors too.
        return line;
    }();
    return id;
}

ContainerId ContainerId::make_random() {
    for (;;) {
        std::string text = random_hex(32);
        if (std::any_of(text.begin(), text.begin() + 12, [](char c) { return c >= 'a'; })) return ContainerId(std::move(text));
    }
}

Result<ContainerId> ContainerId::parse(std::string_view text) {
    const bool valid = text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (!valid) return Error(Kind::invalid, cat("container id '", text.substr(0, 80), "': expected 64 hexadecimal digits"));
    return ContainerId(std::string(text));
}

Result<ObjectName> ObjectName::parse(std::string_view text) {
    const std::string_view name = text.starts_with('/') ? text.substr(1) : text;
    const bool valid = name.size() >= 2 && name.size() <= 253 && is_alnum(name[0]) &&
        std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
    if (!valid)
        return Error(Kind::invalid, cat("invalid name '", text.substr(0, 80), "': only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two of them"));
    return ObjectName(std::string(name));
}

Result<Signal> Signal::parse(std::string_view text) {
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (const int number = number_in(name); number >= 0) {
        if (number < 1 || number > last_signal) return unknown_signal(text);
        return Signal(number);
    }
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (const SignalName& known : signal_names)
        if (known.name == name) return Signal(known.number);
    if (const int number = real_time_number(name); number > 0) return Signal(number);
    return unknown_signal(text);
}

std::string Signal::name() const {
    for (const SignalName& known : signal_names)
        if (known.number == number_) return cat("SIG", known.name);
    return cat("SIGRTMIN+", number_ - first_real_time);
}

}  // namespace berth
