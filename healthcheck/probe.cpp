// The rules are those of moby's daemon/health.go (monitor, handleProbeResult, CloseMonitorChannel); the tests beside this
// file are the table of them. What differs is the clock (probe.h) and the built-in probes.

#include "healthcheck/probe.h"

#include "base/cat.h"

namespace berth::healthcheck {

namespace {

constexpr Duration default_interval = Duration::of_seconds(30);
constexpr Duration default_timeout = Duration::of_seconds(30);
constexpr Duration default_start_interval = Duration::of_seconds(5);
constexpr Duration least_duration = Duration::of_milliseconds(1);
constexpr std::int64_t default_retries = 3;
constexpr std::size_t log_entries_kept = 5;
constexpr std::size_t output_limit = 4096;

Duration or_default(Duration value, Duration fallback) { return value.nanoseconds != 0 ? value : fallback; }

Result<void> check_duration(Duration value, std::string_view what) {
    if (value.nanoseconds == 0 || value >= least_duration) return {};
    return Error(Kind::invalid, cat("health check: ", what, " must be 0 or at least 1ms, not ", duration_text(value)));
}

ProbeKind kind_of(std::string_view text) {
    if (text.find_first_of(" \t\n;|&") != std::string_view::npos) return ProbeKind::command;
    if (text.starts_with("http://")) return ProbeKind::http;
    if (text.starts_with("tcp://")) return ProbeKind::tcp;
    if (text.starts_with("grpc://")) return ProbeKind::grpc;
    return ProbeKind::command;
}

/// The length of the UTF-8 sequence that begins `text`, 0 when none does (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const unsigned char second = byte(1);
    if (first == 0xE0 && second < 0xA0) return 0;  // Overlong.
    if (first == 0xED && second > 0x9F) return 0;  // Surrogates.
    if (first == 0xF0 && second < 0x90) return 0;
    if (first == 0xF4 && second > 0x8F) return 0;
    return length;
}

}  // namespace

std::string_view status_text(Status status) {
    switch (status) {
        case Status::none: return "none";
        case Status::starting: return "starting";
        case Status::healthy: return "healthy";
        case Status::unhealthy: return "unhealthy";
    }
    bug("health status out of range");
}

HealthConfig merge_config(const HealthConfig& image, const HealthConfig& flags) {
    HealthConfig merged = flags;
    if (merged.test.empty()) merged.test = image.test;
    merged.interval = or_default(flags.interval, image.interval);
    merged.timeout = or_default(flags.timeout, image.timeout);
    merged.start_period = or_default(flags.start_period, image.start_period);
    merged.start_interval = or_default(flags.start_interval, image.start_interval);
    if (merged.retries == 0) merged.retries = image.retries;
    return merged;
}

Result<void> check_config(const HealthConfig& config) {
    if (!config.test.empty()) {
        const std::string& form = config.test.front();
        if (form != "NONE" && form != "CMD" && form != "CMD-SHELL")
            return Error(Kind::invalid, cat("health check: unknown form '", form, "'"))
                .with_hint("a test begins with CMD, CMD-SHELL or NONE");
        if (form == "NONE" && config.test.size() > 1)
            return Error(Kind::invalid, "health check: NONE takes no arguments");
        if (form != "NONE" && config.test.size() < 2)
            return Error(Kind::invalid, cat("health check: ", form, " needs a command"));
    }
    TRY(check_duration(config.interval, "interval"));
    TRY(check_duration(config.timeout, "timeout"));
    TRY(check_duration(config.start_period, "start period"));
    TRY(check_duration(config.start_interval, "start interval"));
    if (config.retries < 0)
        return Error(Kind::invalid, cat("health check: retries must not be negative, found ", config.retries));
    return {};
}

std::optional<ProbePlan> make_plan(const HealthConfig& config, const std::vector<std::string>& shell) {
    if (config.test.size() < 2) return std::nullopt;
    const std::string& form = config.test.front();
    if (form != "CMD" && form != "CMD-SHELL") return std::nullopt;

    ProbePlan plan;
    if (config.test.size() == 2) plan.kind = kind_of(config.test[1]);
    if (plan.kind != ProbeKind::command) {
        plan.target = config.test[1];
    } else {
        if (form == "CMD-SHELL") plan.argv = shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : shell;
        plan.argv.insert(plan.argv.end(), config.test.begin() + 1, config.test.end());
    }
    plan.interval = or_default(config.interval, default_interval);
    plan.timeout = or_default(config.timeout, default_timeout);
    plan.start_period = config.start_period;
    plan.start_interval = or_default(config.start_interval, default_start_interval);
    plan.retries = config.retries > 0 ? config.retries : default_retries;
    return plan;
}

std::string clean_output(std::string_view output) {
    const bool cut = output.size() > output_limit;
    std::string_view rest = output.substr(0, output_limit);
    std::string clean;
    clean.reserve(rest.size() + 3);
    while (!rest.empty()) {
        const std::size_t length = sequence_length(rest);
        // A sequence that the limit cut through is dropped, not replaced: the program wrote it well.
        if (length == 0 && cut && rest.size() < 4 && (static_cast<unsigned char>(rest[0]) & 0xC0) == 0xC0) break;
        if (length == 0) clean += "\xEF\xBF\xBD";
        else clean += rest.substr(0, length);
        rest.remove_prefix(length == 0 ? 1 : length);
    }
    if (cut) clean += "...";
    return clean;
}

std::string timeout_output(Duration timeout, std::string_view output) {
    std::string text = cat("Health check exceeded timeout (", duration_text(timeout), ")");
    if (!output.empty()) text += cat(": ", clean_output(output));
    return text;
}

Machine::Machine(ProbePlan plan, Health before) : plan_(std::move(plan)), health_(std::move(before)) {
    health_.status = Status::starting;
    health_.failing_streak = 0;
}

void Machine::begin(Tick now) {
    health_.status = Status::starting;
    health_.failing_streak = 0;
    started_ = now;
    active_ = true;
    schedule(now);
}

void Machine::probe_began(Tick now) {
    began_ = now;
    next_.reset();
}

bool Machine::probe_ended(Tick now, ProbeResult result) {
    if (!began_) return false;  // Paused or ended meanwhile: its result no longer counts.
    const Status before = health_.status;
    const bool succeeded = result.exit_code == 0;
    const bool forgiven = health_.status == Status::starting && in_start_period(*began_);
    began_.reset();

    if (health_.log.size() >= log_entries_kept)
        health_.log.erase(health_.log.begin(),
                          health_.log.end() - static_cast<std::ptrdiff_t>(log_entries_kept - 1));
    health_.log.push_back(std::move(result));

    if (succeeded) {
        health_.failing_streak = 0;
        health_.status = Status::healthy;
    } else if (!forgiven && ++health_.failing_streak >= plan_.retries) {
        health_.status = Status::unhealthy;
    }
    schedule(now);  // docker: the interval counts from the end of the probe.
    return health_.status != before;
}

void Machine::pause() { end(); }

void Machine::unpause(Tick now) {
    active_ = true;
    schedule(now);
}

void Machine::end() {
    active_ = false;
    next_.reset();
    began_.reset();
    health_.status = Status::unhealthy;
}

std::optional<Tick> Machine::deadline() const {
    if (!began_) return std::nullopt;
    return *began_ + plan_.timeout;
}

bool Machine::in_start_period(Tick now) const { return now - started_ < plan_.start_period; }

void Machine::schedule(Tick now) {
    if (!active_) return;
    const bool starting = health_.status == Status::starting && in_start_period(now);
    next_ = now + (starting ? plan_.start_interval : plan_.interval);
}

}  // namespace berth::healthcheck

namespace berth {

Result<healthcheck::Status> JsonText<healthcheck::Status>::parse(std::string_view text) {
    using healthcheck::Status;
    for (const Status status : {Status::none, Status::starting, Status::healthy, Status::unhealthy})
        if (healthcheck::status_text(status) == text) return status;
    return Error(Kind::invalid, cat("unknown health status '", text, "'"));
}

}  // namespace berth
