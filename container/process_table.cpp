#include "container/process_table.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/clock.h"
#include "base/file.h"
#include "runtime/users.h"

namespace berth::container {

namespace {

using Facts = ProcessFacts;
using Host = HostFacts;

template <class Number>
Number number_of(std::string_view text) {
    Number value{};
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t begin = text.find_first_not_of(" \n");
        if (begin == std::string_view::npos) break;
        const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
    return words;
}

std::string two_digits(std::int64_t value) { return cat(value < 10 ? "0" : "", value); }

std::int64_t cpu_seconds(const Facts& p, const Host& host) {
    return static_cast<std::int64_t>(p.user_ticks + p.system_ticks) / host.ticks_per_second;
}

double age_seconds(const Facts& p, const Host& host) {
    return host.uptime - static_cast<double>(p.start_ticks) / static_cast<double>(host.ticks_per_second);
}

/// ps's [DD-]HH:MM:SS.
std::string clock_text(std::int64_t seconds) {
    const std::int64_t days = seconds / 86400;
    const std::string rest = cat(two_digits(seconds / 3600 % 24), ":", two_digits(seconds / 60 % 60), ":", two_digits(seconds % 60));
    return days > 0 ? cat(days, "-", rest) : rest;
}

/// One decimal, as ps shows shares.
std::string share_text(double share) {
    const auto tenths = static_cast<std::int64_t>(share * 10 + 0.5);
    return cat(tenths / 10, ".", tenths % 10);
}

double cpu_share(const Facts& p, const Host& host) {
    const double age = age_seconds(p, host);
    const double used = static_cast<double>(p.user_ticks + p.system_ticks) / static_cast<double>(host.ticks_per_second);
    return age <= 0 ? 0 : 100.0 * used / age;
}

std::string user_text(uid_t uid, const Host& host) {
    const auto found = host.users.find(uid);
    return found != host.users.end() ? found->second : cat(uid);
}

std::string group_text(gid_t gid, const Host& host) {
    const auto found = host.groups.find(gid);
    return found != host.groups.end() ? found->second : cat(gid);
}

/// proc(5): the minor number stands in bits 31 to 20 and 7 to 0, the major in 15 to 8.
std::string terminal_text(const Facts& p, const Host&) {
    if (p.terminal == 0) return "?";
    const unsigned number = static_cast<unsigned>(p.terminal);
    const unsigned upper = number >> 8 & 0xFF, lower = (number & 0xFF) | (number >> 12 & 0xFFF00);
    if (upper >= 136 && upper <= 143) return cat("pts/", lower + (upper - 136) * 256);
    if (upper == 4 && lower < 64) return cat("tty", lower);
    if (upper == 4) return cat("ttyS", lower - 64);
    if (upper == 5 && lower == 1) return "console";
    return "?";
}

std::string state_text(const Facts& p, const Host&) {
    std::string text(1, p.state);
    if (p.nice < 0) text += '<';
    if (p.nice > 0) text += 'N';
    if (p.session == p.pid) text += 's';
    if (p.threads > 1) text += 'l';
    if (p.foreground == p.group) text += '+';
    return text;
}

/// "14:03" of today, "Nov24" before.
std::string start_text(const Facts& p, const Host& host) {
    const std::time_t started = static_cast<std::time_t>(static_cast<double>(host.now) - age_seconds(p, host));
    std::tm local{}, today{};
    const std::time_t present = static_cast<std::time_t>(host.now);
    ::localtime_r(&started, &local);
    ::localtime_r(&present, &today);
    if (local.tm_yday == today.tm_yday && local.tm_year == today.tm_year)
        return cat(two_digits(local.tm_hour), ":", two_digits(local.tm_min));
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    return cat(months.substr(static_cast<std::size_t>(local.tm_mon) * 3, 3), two_digits(local.tm_mday));
}

std::string short_time_text(const Facts& p, const Host& host) {
    const std::int64_t seconds = cpu_seconds(p, host);
    return cat(seconds / 60, ":", two_digits(seconds % 60));
}

std::string elapsed_text(const Facts& p, const Host& host) {
    const auto seconds = static_cast<std::int64_t>(std::max(0.0, age_seconds(p, host)));
    const std::string text = clock_text(seconds);
    return seconds < 3600 ? text.substr(3) : text;  // "01:02", hours only where there are some.
}

std::string command_text(const Facts& p, const Host&) { return p.command; }
std::string name_text(const Facts& p, const Host&) { return p.name; }
std::string pid_text(const Facts& p, const Host&) { return cat(p.pid); }
std::string time_text(const Facts& p, const Host& host) { return clock_text(cpu_seconds(p, host)); }
std::string owner_text(const Facts& p, const Host& host) { return user_text(p.uid, host); }
std::string cpu_text(const Facts& p, const Host& host) { return share_text(cpu_share(p, host)); }
std::string memory_text(const Facts& p, const Host& host) {
    return share_text(host.memory_bytes == 0 ? 0 : 100.0 * static_cast<double>(p.resident_bytes) / static_cast<double>(host.memory_bytes));
}
std::string kib(std::uint64_t bytes) { return cat(bytes / 1024); }

constexpr ProcessColumn columns[] = {
    {"pid", "PID", pid_text},
    {"ppid", "PPID", [](const Facts& p, const Host&) { return cat(p.parent); }},
    {"pgid", "PGID", [](const Facts& p, const Host&) { return cat(p.group); }},
    {"pgrp", "PGRP", [](const Facts& p, const Host&) { return cat(p.group); }},
    {"sid", "SID", [](const Facts& p, const Host&) { return cat(p.session); }},
    {"sess", "SESS", [](const Facts& p, const Host&) { return cat(p.session); }},
    {"user", "USER", owner_text},
    {"euser", "EUSER", owner_text},
    {"uname", "USER", owner_text},
    {"uid", "UID", [](const Facts& p, const Host&) { return cat(p.uid); }},
    {"euid", "EUID", [](const Facts& p, const Host&) { return cat(p.uid); }},
    {"group", "GROUP", [](const Facts& p, const Host& host) { return group_text(p.gid, host); }},
    {"egroup", "EGROUP", [](const Facts& p, const Host& host) { return group_text(p.gid, host); }},
    {"gid", "GID", [](const Facts& p, const Host&) { return cat(p.gid); }},
    {"egid", "EGID", [](const Facts& p, const Host&) { return cat(p.gid); }},
    {"comm", "COMMAND", name_text},
    {"ucmd", "CMD", name_text},
    {"ucomm", "COMMAND", name_text},
    {"cmd", "CMD", command_text},
    {"args", "COMMAND", command_text},
    {"command", "COMMAND", command_text},
    {"stat", "STAT", state_text},
    {"s", "S", [](const Facts& p, const Host&) { return std::string(1, p.state); }},
    {"state", "S", [](const Facts& p, const Host&) { return std::string(1, p.state); }},
    {"time", "TIME", time_text},
    {"cputime", "TIME", time_text},
    {"bsdtime", "TIME", short_time_text},
    {"etime", "ELAPSED", elapsed_text},
    {"etimes", "ELAPSED", [](const Facts& p, const Host& host) { return cat(static_cast<std::int64_t>(std::max(0.0, age_seconds(p, host)))); }},
    {"stime", "STIME", start_text},
    {"start_time", "START", start_text},
    {"bsdstart", "START", start_text},
    {"tty", "TT", terminal_text},
    {"tt", "TT", terminal_text},
    {"tname", "TTY", terminal_text},
    {"c", "C", [](const Facts& p, const Host& host) { return cat(static_cast<std::int64_t>(cpu_share(p, host))); }},
    {"pcpu", "%CPU", cpu_text},
    {"%cpu", "%CPU", cpu_text},
    {"pmem", "%MEM", memory_text},
    {"%mem", "%MEM", memory_text},
    {"rss", "RSS", [](const Facts& p, const Host&) { return kib(p.resident_bytes); }},
    {"rssize", "RSS", [](const Facts& p, const Host&) { return kib(p.resident_bytes); }},
    {"vsz", "VSZ", [](const Facts& p, const Host&) { return kib(p.virtual_bytes); }},
    {"vsize", "VSZ", [](const Facts& p, const Host&) { return kib(p.virtual_bytes); }},
    {"ni", "NI", [](const Facts& p, const Host&) { return cat(p.nice); }},
    {"nice", "NI", [](const Facts& p, const Host&) { return cat(p.nice); }},
    {"pri", "PRI", [](const Facts& p, const Host&) { return cat(39 - p.priority); }},
    {"nlwp", "NLWP", [](const Facts& p, const Host&) { return cat(p.threads); }},
    {"thcount", "THCNT", [](const Facts& p, const Host&) { return cat(p.threads); }},
};

std::string command_line(pid_t pid, const std::string& name) {
    auto text = read_file(cat("/proc/", pid, "/cmdline"), 1 << 20);
    if (!text.ok() || text.value().empty()) return cat("[", name, "]");
    std::string command = std::move(text).value();
    while (command.ends_with('\0')) command.pop_back();
    // A program may write what it likes there; a table must stay a table.
    for (char& c : command)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = c == '\0' ? ' ' : '?';
    return command;
}

/// The second number of a line of /proc/PID/status: real, effective, saved, file system's.
unsigned effective_id(std::string_view status, std::string_view key) {
    const std::size_t at = status.find(key);
    if (at == std::string_view::npos) return 0;
    const std::string_view line = status.substr(at + key.size(), status.find('\n', at + 1) - at - key.size());
    const std::size_t second = line.find_first_of("0123456789", line.find_first_of('\t', line.find_first_of("0123456789")));
    return second == std::string_view::npos ? 0 : number_of<unsigned>(line.substr(second));
}

}  // namespace

std::optional<ProcessFacts> parse_process_stat(std::string_view text) {
    const std::size_t open = text.find('('), close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
    const std::vector<std::string_view> words = words_of(text.substr(close + 1));
    if (words.size() < 22) return std::nullopt;
    ProcessFacts p;
    p.pid = number_of<pid_t>(text);
    p.name = text.substr(open + 1, close - open - 1);
    // proc(5) numbers the fields from 1; words[0] is field 3.
    const auto field = [&](std::size_t number) { return words[number - 3]; };
    p.state = field(3)[0];
    p.parent = number_of<pid_t>(field(4));
    p.group = number_of<pid_t>(field(5));
    p.session = number_of<pid_t>(field(6));
    p.terminal = number_of<int>(field(7));
    p.foreground = number_of<pid_t>(field(8));
    p.user_ticks = number_of<std::uint64_t>(field(14));
    p.system_ticks = number_of<std::uint64_t>(field(15));
    p.priority = number_of<std::int64_t>(field(18));
    p.nice = number_of<std::int64_t>(field(19));
    p.threads = number_of<std::int64_t>(field(20));
    p.start_ticks = number_of<std::uint64_t>(field(22));
    p.virtual_bytes = number_of<std::uint64_t>(field(23));
    p.resident_bytes = number_of<std::uint64_t>(field(24)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return p;
}

std::optional<ProcessFacts> read_process(pid_t pid) {
    const std::string folder = cat("/proc/", pid);
    const auto text = read_file(cat(folder, "/stat"), 1 << 16);
    const auto status = read_file(cat(folder, "/status"), 1 << 16);
    if (!text.ok() || !status.ok()) return std::nullopt;
    std::optional<ProcessFacts> process = parse_process_stat(text.value());
    if (!process) return std::nullopt;
    // The folder's owner would do, but it is root for a process that may not be traced.
    process->uid = effective_id(status.value(), "\nUid:");
    process->gid = effective_id(status.value(), "\nGid:");
    process->command = command_line(pid, process->name);
    return process;
}

Result<HostFacts> HostFacts::read() {
    HostFacts host;
    host.ticks_per_second = ::sysconf(_SC_CLK_TCK);
    host.now = ::berth::now().nanoseconds / 1'000'000'000;
    const std::string uptime = TRY(read_file("/proc/uptime", 4096));
    std::from_chars(uptime.data(), uptime.data() + uptime.size(), host.uptime);
    host.memory_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // As docker, whose ps runs on the host: its users' names, not the container's.
    if (const auto passwd = read_file("/etc/passwd", 1 << 22); passwd.ok())
        for (const runtime::PasswdEntry& user : runtime::parse_passwd(passwd.value())) host.users.emplace(user.uid, user.name);
    if (const auto group = read_file("/etc/group", 1 << 22); group.ok())
        for (const runtime::GroupEntry& entry : runtime::parse_group(group.value())) host.groups.emplace(entry.gid, entry.name);
    return host;
}

const ProcessColumn* find_column(std::string_view key) {
    const auto found = std::find_if(std::begin(columns), std::end(columns), [&](const ProcessColumn& c) { return c.key == key; });
    return found == std::end(columns) ? nullptr : found;
}

}  // namespace berth::container
