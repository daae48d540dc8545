#pragma once
// Health of one container as a pure state machine: docker's rules (moby daemon/health.go), no process, no clock and no
// file of its own. The monitor runs the probes, tells this object what happened and when, and asks what comes next.
// Decisions rest on ticks of CLOCK_BOOTTIME: docker takes the wall clock, so that a jump ends or extends the start period.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/health.h"
#include "base/json.h"

namespace berth::healthcheck {

enum class Status { none, starting, healthy, unhealthy };
std::string_view status_text(Status status);

/// One entry of inspect's State.Health.Log.
struct ProbeResult {
    Moment start;
    Moment end;
    int exit_code = 0;   ///< of the probe; -1 when it could not run or was killed for its timeout
    std::string output;  ///< at most 4096 bytes and "...", valid UTF-8
    bool operator==(const ProbeResult&) const = default;
};
template <class Io>
void fields(Io& io, ProbeResult& result) {
    io.required("Start", result.start);
    io.required("End", result.end);
    io.required("ExitCode", result.exit_code);
    io.required("Output", result.output);
}

/// inspect's State.Health.
struct Health {
    Status status = Status::none;
    std::int64_t failing_streak = 0;
    std::vector<ProbeResult> log;  ///< the last five, oldest first
    bool operator==(const Health&) const = default;
};

/// What a probe does: a program in the container, or a connection made inside its network namespace, which needs no
/// program in the image. {"CMD", "http://localhost:80/"} and {"CMD-SHELL", "tcp://127.0.0.1:5432"} name the latter; no
/// program and no shell command can sensibly begin so.
enum class ProbeKind { command, http, tcp, grpc };

/// A health configuration with every default filled in.
struct ProbePlan {
    ProbeKind kind = ProbeKind::command;
    std::vector<std::string> argv;  ///< for ProbeKind::command
    std::string target;             ///< for the others: the whole URL
    Duration interval;
    Duration timeout;
    Duration start_period;
    Duration start_interval;
    std::int64_t retries = 0;
    bool operator==(const ProbePlan&) const = default;
};

/// The image's configuration with the run flags' put over it, field by field; a test given replaces the test.
HealthConfig merge_config(const HealthConfig& image, const HealthConfig& flags);
/// Refuses what docker refuses: an empty or unknown test form, arguments after NONE, durations under 1 ms, negative retries.
Result<void> check_config(const HealthConfig& config);
/// Nothing when there is no test, it is NONE or its first word is unknown (docker: warns and does not check).
/// `shell` is the image's SHELL, empty for /bin/sh -c.
std::optional<ProbePlan> make_plan(const HealthConfig& config, const std::vector<std::string>& shell);

/// Cuts at 4096 bytes, adding "...", and replaces what is not UTF-8.
std::string clean_output(std::string_view output);
/// docker's text for a probe that was killed: "Health check exceeded timeout (5s): what it had said".
std::string timeout_output(Duration timeout, std::string_view output);

class Machine {
public:
    /// `before` is the health of an earlier run: its log is kept, the rest begins anew.
    Machine(ProbePlan plan, Health before);

    /// The container runs: status starting, the first probe after one interval (start interval while starting).
    void begin(Tick now);
    /// A probe is being started. Whether its failure counts is decided by this moment.
    void probe_began(Tick now);
    /// It ended (success: exit code 0). True when the status changed, which is the moment for an event.
    bool probe_ended(Tick now, ProbeResult result);
    /// No probes from here on. A probe under way is to be killed and its result dropped. docker: paused is unhealthy.
    void pause();
    void unpause(Tick now);
    /// The container ended: docker shows unhealthy from then on, without an event.
    void end();

    /// When the next probe is to start; nothing while one is under way, or paused, or ended.
    std::optional<Tick> next_probe() const { return next_; }
    /// When the probe under way has to be killed.
    std::optional<Tick> deadline() const;
    const ProbePlan& plan() const { return plan_; }
    const Health& health() const { return health_; }

private:
    bool in_start_period(Tick now) const;
    void schedule(Tick now);

    ProbePlan plan_;
    Health health_;
    Tick started_;
    std::optional<Tick> next_;
    std::optional<Tick> began_;
    bool active_ = false;
};

}  // namespace berth::healthcheck

namespace berth {
template <>
struct JsonText<healthcheck::Status> {
    static Result<healthcheck::Status> parse(std::string_view text);
    static std::string text(const healthcheck::Status& status) { return std::string(healthcheck::status_text(status)); }
};
namespace healthcheck {
template <class Io>
void fields(Io& io, Health& health) {
    io.required("Status", health.status);
    io.required("FailingStreak", health.failing_streak);
    io.required("Log", health.log);
}
}  // namespace healthcheck
}  // namespace berth
