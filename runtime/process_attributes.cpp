#include "runtime/process_attributes.h"

#include <bit>
#include <charconv>
#include <string_view>

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

namespace berth::runtime {

namespace {

struct Word {
    std::string_view text;
    std::uint64_t value;
};

constexpr Word rlimits[] = {
    {"RLIMIT_AS", RLIMIT_AS}, {"RLIMIT_CORE", RLIMIT_CORE}, {"RLIMIT_CPU", RLIMIT_CPU}, {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE}, {"RLIMIT_LOCKS", RLIMIT_LOCKS}, {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE}, {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC}, {"RLIMIT_RSS", RLIMIT_RSS}, {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME}, {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING}, {"RLIMIT_STACK", RLIMIT_STACK},
};
constexpr Word policies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2}, {"SCHED_BATCH", 3}, {"SCHED_ISO", 4}, {"SCHED_IDLE", 5},
    {"SCHED_DEADLINE", 6},
};
constexpr Word scheduler_flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02}, {"SCHED_FLAG_DL_OVERRUN", 0x04},
    {"SCHED_FLAG_KEEP_POLICY", 0x08}, {"SCHED_FLAG_KEEP_PARAMS", 0x10}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};
constexpr Word io_classes[] = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
constexpr Word domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
constexpr Word modes[] = {
    {"MPOL_DEFAULT", MPOL_DEFAULT}, {"MPOL_PREFERRED", MPOL_PREFERRED}, {"MPOL_BIND", MPOL_BIND},
    {"MPOL_INTERLEAVE", MPOL_INTERLEAVE}, {"MPOL_LOCAL", MPOL_LOCAL}, {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};
constexpr Word mode_flags[] = {
    {"MPOL_F_NUMA_BALANCING", 1 << 13}, {"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_STATIC_NODES", 1 << 15},
};

template <std::size_t Size>
Result<std::uint64_t> value_of(const Word (&words)[Size], std::string_view text, std::string_view what) {
    for (const Word& word : words)
        if (word.text == text) return word.value;
    return Error(Kind::invalid, cat("unknown ", what, " '", text, "'"));
}

template <std::size_t Size>
std::vector<std::string> texts_of(const Word (&words)[Size]) {
    std::vector<std::string> out;
    for (const Word& word : words) out.emplace_back(word.text);
    return out;
}

/// More CPUs and memory nodes than any kernel is built for.
constexpr unsigned highest_bit = 8191;

Result<unsigned> parse_bit(std::string_view text, std::string_view whole) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || text.empty() || value > highest_bit)
        return Error(Kind::invalid, cat("'", whole, "' is not a list like 0-3,7"));
    return value;
}

void set_bit(std::vector<unsigned long>& mask, unsigned bit) {
    constexpr unsigned width = 8 * sizeof(unsigned long);
    if (mask.size() <= bit / width) mask.resize(bit / width + 1);
    mask[bit / width] |= 1UL << (bit % width);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
    return text;
}

}  // namespace

Result<int> parse_rlimit_type(const std::string& type) {
    const std::uint64_t value = TRY(value_of(rlimits, type, "resource limit"));
    return static_cast<int>(value);
}

Result<SchedulerAttributes> scheduler_attributes(const Scheduler& scheduler) {
    SchedulerAttributes out{};
    out.size = sizeof out;
    out.policy = static_cast<std::uint32_t>(TRY(value_of(policies, scheduler.policy, "scheduler policy")));
    for (const std::string& flag : scheduler.flags) out.flags |= TRY(value_of(scheduler_flags, flag, "scheduler flag"));
    if (scheduler.nice < -20 || scheduler.nice > 19)
        return Error(Kind::invalid, cat("scheduler nice ", scheduler.nice, " is out of range: -20 to 19"));
    const bool realtime = out.policy == 1 || out.policy == 2;
    if (scheduler.priority != 0 && !realtime)
        return Error(Kind::invalid, "scheduler priority can only be given for SCHED_FIFO and SCHED_RR");
    const bool deadline = out.policy == 6;
    if (!deadline && (scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0))
        return Error(Kind::invalid, "scheduler runtime, deadline and period can only be given for SCHED_DEADLINE");
    out.nice = scheduler.nice;
    out.priority = static_cast<std::uint32_t>(scheduler.priority);
    out.runtime = scheduler.runtime;
    out.deadline = scheduler.deadline;
    out.period = scheduler.period;
    return out;
}

Result<std::uint64_t> io_priority_value(const IoPriority& priority) {
    const std::uint64_t io_class = TRY(value_of(io_classes, priority.io_class, "I/O priority class"));
    if (priority.priority < 0 || priority.priority > 7)
        return Error(Kind::invalid, cat("I/O priority ", priority.priority, " is out of range: 0 to 7"));
    return io_class << 13 | static_cast<std::uint64_t>(priority.priority);
}

Result<std::uint64_t> personality_value(const Personality& personality) {
    if (!personality.flags.empty()) return Error(Kind::unsupported, "personality flags are not defined yet");
    return value_of(domains, personality.domain, "personality domain");
}

Result<std::vector<unsigned long>> parse_list_mask(const std::string& list) {
    std::vector<unsigned long> mask;
    std::string_view rest = list;
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string_view part = trimmed(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
        if (part.empty()) continue;
        const std::size_t dash = part.find('-');
        const unsigned first = TRY(parse_bit(part.substr(0, dash), list));
        const unsigned last = dash == std::string_view::npos ? first : TRY(parse_bit(part.substr(dash + 1), list));
        if (last < first) return Error(Kind::invalid, cat("'", list, "' is not a list like 0-3,7"));
        for (unsigned bit = first; bit <= last; ++bit) set_bit(mask, bit);
    }
    return mask;
}

Result<MemoryPolicyValue> memory_policy_value(const MemoryPolicy& policy) {
    MemoryPolicyValue out;
    auto mode = value_of(modes, policy.mode, "mode");
    if (!mode.ok()) return Error(Kind::invalid, cat("invalid memory policy mode '", policy.mode, "'"));
    out.mode = mode.value();
    for (const std::string& flag : policy.flags) {
        auto value = value_of(mode_flags, flag, "flag");
        if (!value.ok()) return Error(Kind::invalid, cat("invalid memory policy flag '", flag, "'"));
        out.mode |= value.value();
    }
    auto nodes = parse_list_mask(policy.nodes);
    if (!nodes.ok()) return Error(Kind::invalid, cat("invalid memory policy node list '", policy.nodes, "'"));
    out.nodes = std::move(nodes).value();
    const bool takes_none = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
    int count = 0;
    for (const unsigned long word : out.nodes) count += std::popcount(word);
    if (takes_none && count != 0)
        return Error(Kind::invalid, cat("invalid memory policy: ", policy.mode, " mode requires 0 nodes but got ", count));
    return out;
}

const std::vector<std::string>& memory_policy_modes() {
    static const auto& known = *new std::vector<std::string>(texts_of(modes));
    return known;
}
const std::vector<std::string>& memory_policy_flags() {
    static const auto& known = *new std::vector<std::string>(texts_of(mode_flags));
    return known;
}

}  // namespace berth::runtime
