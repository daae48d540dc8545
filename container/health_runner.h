#pragma once
// Runs a container's health probes as healthcheck::Machine wants them: a program in the container, in a control group of
// its own so that a time-out kills all that it started, or a connection made inside the container's network namespace.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "container/join.h"
#include "container/loop.h"
#include "healthcheck/endpoint.h"
#include "healthcheck/probe.h"

namespace berth::container {

class HealthRunner {
public:
    struct Host {
        std::function<Target()> target;
        std::function<const Fd&()> netns;
        /// After each result; `changed`: the status is another than before.
        std::function<void(bool changed)> on_result;
    };
    HealthRunner(Loop& loop, healthcheck::ProbePlan plan, healthcheck::Health before, Host host);
    ~HealthRunner();

    void begin();
    void pause();
    void unpause();
    /// The container ended.
    void end();
    /// A probe at once; nothing when one is under way.
    void run_now();
    const healthcheck::Health& health() const { return machine_.health(); }

private:
    struct Probe;
    void arm();
    void start_probe();
    Result<void> start_command(Probe& probe);
    Result<void> start_connection(Probe& probe);
    void on_output();
    void on_connection(std::uint32_t events);
    void on_end();
    void on_time_out();
    void conclude(int exit_code, std::string output);
    void kill_probe();

    Loop& loop_;
    healthcheck::Machine machine_;
    Host host_;
    std::unique_ptr<Probe> probe_;
    Loop::Id alarm_ = 0;
};

}  // namespace berth::container
