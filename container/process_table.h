#pragma once
// The host's /proc as ps shows it: facts of one process, and ps's columns over them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace berth::container {

struct ProcessFacts {
    pid_t pid = 0, parent = 0, group = 0, session = 0, foreground = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    char state = '?';
    int terminal = 0;       ///< device number
    std::int64_t nice = 0, priority = 0, threads = 0;
    std::uint64_t user_ticks = 0, system_ticks = 0, start_ticks = 0;
    std::uint64_t virtual_bytes = 0, resident_bytes = 0;
    std::string name;       ///< comm
    std::string command;    ///< the command line, or "[name]" when it has none
};
/// Nothing when the process is gone.
std::optional<ProcessFacts> read_process(pid_t pid);
/// /proc/PID/stat, whose second field may hold blanks and parentheses. Pure.
std::optional<ProcessFacts> parse_process_stat(std::string_view text);

/// What the columns need to know of the host.
struct HostFacts {
    std::int64_t ticks_per_second = 100;
    std::int64_t now = 0;            ///< seconds since 1970
    double uptime = 0;               ///< seconds
    std::uint64_t memory_bytes = 0;
    std::map<uid_t, std::string> users;
    std::map<gid_t, std::string> groups;
    static Result<HostFacts> read();
};

struct ProcessColumn {
    std::string_view key;    ///< as ps -o takes it
    std::string_view title;  ///< as ps prints it
    std::string (*text)(const ProcessFacts&, const HostFacts&);
};
const ProcessColumn* find_column(std::string_view key);

}  // namespace berth::container
