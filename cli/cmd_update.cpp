// update: limits, restart policy, ports, environment and labels of containers that exist (docker: update, the first two).

#include "base/log.h"
#include "cli/cmds.h"
#include "cli/container_options.h"
#include "cli/key_values.h"
#include "cli/texts.h"
#include "container/update.h"

namespace berth::cli {
namespace {

struct UpdateWords {
    container::UpdateRequest update;
    std::string restart, publish_address;
    Words publish, unpublish, env, env_files, labels;
};

void describe_limits(Parser& p, container::UpdateOptions& u) {
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
}

bool asks_for_something(const container::UpdateRequest& r) {
    const container::UpdateOptions& l = r.limits;
    for (const auto* number : {&l.memory, &l.memory_reservation, &l.memory_swap, &l.nano_cpus, &l.cpu_shares, &l.cpu_period, &l.cpu_quota,
                               &l.cpu_realtime_period, &l.cpu_realtime_runtime, &l.blkio_weight, &l.pids_limit})
        if (*number) return true;
    return l.restart_policy || l.cpuset_cpus || l.cpuset_mems || !r.publish.empty() || !r.unpublish.empty() || !r.env.empty() ||
           !r.env_remove.empty() || !r.labels.empty() || !r.labels_remove.empty();
}

Result<container::UpdateRequest> make_update(const UpdateWords& words) {
    container::UpdateRequest update = words.update;
    if (!words.restart.empty()) update.limits.restart_policy = TRY(container::parse_restart_policy(words.restart));
    update.publish = TRY(parse_published(words.publish, words.publish_address));
    for (const std::string& text : words.unpublish) update.unpublish.push_back(TRY(network::PortMapping::parse(text), "--publish-rm"));
    update.env = TRY(read_environment(words.env_files, words.env));
    update.labels = TRY(read_labels({}, words.labels));
    return update;
}

}  // namespace

Action define_update(Parser& p) {
    const auto options = std::make_shared<UpdateWords>();
    p.usage("CONTAINER [CONTAINER...]", 1, -1, Values::container);
    p.text("--restart", options->restart, "POLICY", "no, always, unless-stopped or on-failure[:RETRIES]");
    p.last_choices("no|always|unless-stopped|on-failure");
    describe_limits(p, options->update.limits);
    p.list("--publish-add", options->publish, "[[IP:]HOST:]PORT[/PROTOCOL]", "Publish a further port or range of ports");
    p.list("--publish-rm", options->unpublish, "[[IP:]HOST:]PORT[/PROTOCOL]", "Publish a port no longer");
    p.text("--publish-address", options->publish_address, "ADDRESS", "Address of added ports that name none (default all)");
    p.list("-e,--env", options->env, "KEY[=VALUE]", "Set an environment variable, from the next start on");
    p.list("--env-file", options->env_files, "FILE", "Read environment variables from a file", Values::file);
    p.list("--env-rm", options->update.env_remove, "KEY", "Take an environment variable away, from the next start on");
    p.list("-l,--label", options->labels, "KEY[=VALUE]", "Set a label");
    p.list("--label-rm", options->update.labels_remove, "KEY", "Take a label away");
    p.about("Changes containers, also running ones: limits, ports and labels at once, the environment at the next start.");
    p.example("berth update -m 512m --cpus 2 web", "more room for a running server");
    p.example("berth update --publish-add 8443:443 --publish-rm 80 web", "other ports, without a restart");
    p.example("berth update -e DEBUG=1 web && berth restart web", "another environment");
    p.see_also("run, inspect");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        const container::UpdateRequest update = TRY(make_update(*options));
        if (!asks_for_something(update))
            return Error(Kind::invalid, "nothing to update: no option says what").with_hint("see 'berth update --help'");
        return session.for_each_container(arguments, [&](container::Engine& engine, container::Record& record) -> Result<void> {
            for (const std::string& warning : TRY(container::update(engine, record, update))) log::warn(warning);
            return {};
        });
    };
}

}  // namespace berth::cli
