// update: limits and restart policy of containers that exist (docker: update).

#include "base/log.h"
#include "cli/cmds.h"
#include "cli/texts.h"

namespace berth::cli {

Action define_update(Parser& p) {
    struct Options {
        container::UpdateOptions update;
        std::string restart;
    };
    const auto options = std::make_shared<Options>();
    container::UpdateOptions& u = options->update;
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    p.text("--restart", options->restart, "POLICY", "no, always, unless-stopped or on-failure[:RETRIES]");
    p.last_choices("no|always|unless-stopped|on-failure");
    p.parsed<std::int64_t>("-m,--memory", u.memory, parse_size, "SIZE", "Memory limit");
    p.parsed<std::int64_t>("--memory-reservation", u.memory_reservation, parse_size, "SIZE", "Memory to keep under pressure");
    p.parsed<std::int64_t>("--memory-swap", u.memory_swap, parse_size_or_unlimited, "SIZE",
                           "Memory and swap together; -1: no limit of swap");
    p.parsed<std::int64_t>("--cpus", u.nano_cpus, parse_cpus, "NUMBER", "Number of processors, such as 1.5");
    p.parsed<std::int64_t>("-c,--cpu-shares", u.cpu_shares, parse_integer, "SHARES", "Weight among containers");
    p.parsed<std::int64_t>("--cpu-period", u.cpu_period, parse_integer, "MICROSECONDS", "Period of the cpu quota");
    p.parsed<std::int64_t>("--cpu-quota", u.cpu_quota, parse_integer, "MICROSECONDS", "Cpu time in a period");
    p.parsed<std::int64_t>("--cpu-rt-period", u.cpu_realtime_period, parse_integer, "MICROSECONDS",
                           "Period of real-time scheduling");
    p.parsed<std::int64_t>("--cpu-rt-runtime", u.cpu_realtime_runtime, parse_integer, "MICROSECONDS",
                           "Real-time cpu time in a period");
    p.text("--cpuset-cpus", u.cpuset_cpus, "LIST", "Processors to run on: 0-3, 0,1");
    p.text("--cpuset-mems", u.cpuset_mems, "LIST", "Memory nodes to use: 0-3, 0,1");
    p.parsed<std::int64_t>("--pids-limit", u.pids_limit, parse_integer, "NUMBER", "Most processes and threads; -1: no limit");
    p.parsed<std::int64_t>("--blkio-weight", u.blkio_weight, parse_integer, "10-1000", "Weight of block i/o");
    p.ignored("--kernel-memory", "SIZE", "the kernel has no such limit any more");
    p.about("Changes limits at once, also of a running container, and the restart policy.");
    p.example("berth update -m 512m --cpus 2 web", "more room for a running server");
    p.example("berth update --restart unless-stopped web", "another policy");
    p.see_also("run, inspect");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        if (!options->restart.empty()) options->update.restart_policy = TRY(container::parse_restart_policy(options->restart));
        return session.for_each_container(arguments, [&](container::Engine& engine, container::Record& record) -> Result<void> {
            for (const std::string& warning : TRY(container::update(engine, record, options->update))) log::warn(warning);
            return {};
        });
    };
}

}  // namespace berth::cli
