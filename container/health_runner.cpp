#include "container/health_runner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <arpa/inet.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"

namespace berth::container {

namespace {

// docker keeps 4096 bytes of a probe's output; a little more tells clean_output that there was more.
constexpr std::size_t kept_output = 4096 + 64;
// An answer longer than this says nothing more about health.
constexpr std::size_t longest_answer = 64 * 1024;

/// A socket of the container's network: made in there, used out here. The monitor has one thread, so stepping into the
/// namespace and back disturbs nobody.
Result<Fd> open_socket_in(const Fd& netns, int family) {
    const Fd here = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    if (::setns(netns.raw(), CLONE_NEWNET) != 0) return Error::of_errno(errno, "enter the container's network");
    const int raw = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int code = errno;
    if (::setns(here.raw(), CLONE_NEWNET) != 0) bug("cannot leave the container's network");
    if (raw < 0) return Error::of_errno(code, "socket");
    return Fd(raw);
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

Result<Address> make_address(const healthcheck::Endpoint& endpoint) {
    Address address;
    if (endpoint.address.find(':') != std::string::npos) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        if (::inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) != 1) return Error(Kind::invalid, endpoint.address);
        std::memcpy(&address.storage, &v6, sizeof v6);
        address.size = sizeof v6;
        return address;
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    if (::inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) != 1) return Error(Kind::invalid, endpoint.address);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
    return address;
}

/// Its group is empty by now, so it has nothing left to reap; only what had left the group could keep it.
void end_reaper(Child& reaper) {
    constexpr int patience_milliseconds = 1000;
    if (!wait_for_end(reaper.pidfd(), patience_milliseconds).value_or(false))
        ignore(reaper.kill(Signal::of(SIGKILL)), "it may be dead already");
    ignore(reaper.wait(), "how a reaper ends says nothing");
}

}  // namespace

struct HealthRunner::Probe {
    Moment start;
    std::string output;
    // A command: its reaper, which tells its end through `report`.
    std::optional<Child> reaper;
    Fd report;
    bool has_ended = false;
    std::optional<runtime::Cgroup> cgroup;
    Fd pipe;
    Loop::Id pipe_watch = 0;
    Loop::Id end_watch = 0;
    // A connection.
    healthcheck::Endpoint endpoint;
    Fd socket;
    Loop::Id socket_watch = 0;
    bool request_sent = false;
};

HealthRunner::HealthRunner(Loop& loop, healthcheck::ProbePlan plan, healthcheck::Health before, Host host)
    : loop_(loop), machine_(std::move(plan), std::move(before)), host_(std::move(host)) {}

HealthRunner::~HealthRunner() {
    kill_probe();
    loop_.cancel_alarm(alarm_);
}

void HealthRunner::begin() {
    machine_.begin(tick_now());
    arm();
}

void HealthRunner::pause() {
    kill_probe();
    machine_.pause();
    arm();
}

void HealthRunner::unpause() {
    machine_.unpause(tick_now());
    arm();
}

void HealthRunner::end() {
    kill_probe();
    loop_.cancel_alarm(alarm_);
    machine_.end();
}

void HealthRunner::run_now() {
    if (!probe_) start_probe();
}

void HealthRunner::arm() {
    loop_.cancel_alarm(alarm_);
    if (const auto next = machine_.next_probe()) alarm_ = loop_.set_alarm(*next, [this] { alarm_ = 0, start_probe(); });
    else if (const auto deadline = machine_.deadline(); deadline && probe_)
        alarm_ = loop_.set_alarm(*deadline, [this] { alarm_ = 0, on_time_out(); });
}

void HealthRunner::start_probe() {
    machine_.probe_began(tick_now());
    probe_ = std::make_unique<Probe>();
    probe_->start = now();
    const bool is_command = machine_.plan().kind == healthcheck::ProbeKind::command;
    auto started = is_command ? start_command(*probe_) : start_connection(*probe_);
    if (!started.ok()) return conclude(-1, started.error().text());
    arm();
}

Result<void> HealthRunner::start_command(Probe& probe) {
    const Target target = host_.target();
    // Made at the first probe and kept: it goes with the container's own group.
    probe.cgroup.emplace(TRY(runtime::Cgroup::create({.path = target.cgroup.record().path + "/health", .resources = nullptr, .systemd = false, .owner = {}, .annotations = {}, .id = target.definition.id})));
    sys::Pipe pipe = TRY(sys::pipe());
    sys::Pipe report = TRY(sys::pipe());
    JoinRequest request;
    request.wishes.argv = machine_.plan().argv;
    request.stdio = {nullptr, &pipe.write, &pipe.write};
    request.cgroup = &*probe.cgroup;
    request.report = &report.write;
    runtime::ExecProcess process = TRY(join(target, request));
    probe.reaper.emplace(std::move(process.child));
    probe.report = std::move(report.read);
    probe.pipe = std::move(pipe.read);
    ::fcntl(probe.pipe.raw(), F_SETFL, O_NONBLOCK);
    probe.pipe_watch = loop_.watch(probe.pipe.raw(), EPOLLIN, [this](std::uint32_t) { on_output(); });
    probe.end_watch = loop_.watch(probe.report.raw(), EPOLLIN, [this](std::uint32_t) { on_end(); });
    return {};
}

void HealthRunner::on_output() {
    char buffer[4096];
    const ssize_t got = ::read(probe_->pipe.raw(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return loop_.unwatch(probe_->pipe_watch);
    const std::size_t room = kept_output - std::min(kept_output, probe_->output.size());
    probe_->output.append(buffer, std::min(room, static_cast<std::size_t>(got)));
}

void HealthRunner::on_end() {
    // What it wrote last is still in the pipe; what it left running may write on, and does not count.
    while (probe_->pipe_watch != 0) {
        const std::size_t before = probe_->output.size();
        on_output();
        if (probe_->output.size() == before) break;
    }
    int status = 0;
    // End of file instead: somebody killed the reaper.
    const bool is_told = ::read(probe_->report.raw(), &status, sizeof status) == sizeof status;
    std::string output = std::move(probe_->output);
    probe_->has_ended = is_told;
    conclude(is_told ? exit_status_of_wait(status).shell_code() : -1, std::move(output));
}

Result<void> HealthRunner::start_connection(Probe& probe) {
    probe.endpoint = TRY(healthcheck::parse_endpoint(machine_.plan().target));
    const Address address = TRY(make_address(probe.endpoint));
    probe.socket = TRY(open_socket_in(host_.netns(), address.storage.ss_family));
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address.storage));
    if (::connect(probe.socket.raw(), generic, address.size) != 0 && errno != EINPROGRESS)
        return Error::of_errno(errno, cat("connect to ", probe.endpoint.authority));
    probe.socket_watch = loop_.watch(probe.socket.raw(), EPOLLOUT, [this](std::uint32_t events) { on_connection(events); });
    return {};
}

void HealthRunner::on_connection(std::uint32_t events) {
    Probe& probe = *probe_;
    if (!probe.request_sent) {
        int code = 0;
        socklen_t size = sizeof code;
        ::getsockopt(probe.socket.raw(), SOL_SOCKET, SO_ERROR, &code, &size);
        if (code != 0) return conclude(1, Error::of_errno(code, cat("connect to ", probe.endpoint.authority)).text());
        const std::string request = healthcheck::request_bytes(probe.endpoint);
        if (request.empty()) return conclude(0, "");
        // A few hundred bytes into an empty socket go at once.
        if (::send(probe.socket.raw(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
            return conclude(1, Error::of_errno(errno, "send").text());
        probe.request_sent = true;
        return loop_.change(probe.socket_watch, EPOLLIN);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    char buffer[4096];
    const ssize_t got = ::recv(probe.socket.raw(), buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return conclude(1, Error::of_errno(errno, "receive").text());
    probe.output.append(buffer, static_cast<std::size_t>(got));
    const bool ended = got == 0 || probe.output.size() >= longest_answer;
    healthcheck::Verdict verdict = healthcheck::judge_answer(probe.endpoint, probe.output, ended);
    if (verdict.state == healthcheck::Verdict::State::more) return;
    conclude(verdict.state == healthcheck::Verdict::State::healthy ? 0 : 1, std::move(verdict.output));
}

void HealthRunner::on_time_out() {
    if (!probe_) return arm();
    while (probe_->pipe_watch != 0) {
        const std::size_t before = probe_->output.size();
        on_output();
        if (probe_->output.size() == before) break;
    }
    const bool is_command = probe_->reaper.has_value();
    conclude(-1, healthcheck::timeout_output(machine_.plan().timeout, is_command ? probe_->output : std::string()));
}

void HealthRunner::conclude(int exit_code, std::string output) {
    healthcheck::ProbeResult result;
    result.start = probe_->start;
    result.end = now();
    result.exit_code = exit_code;
    result.output = healthcheck::clean_output(output);
    kill_probe();
    const bool changed = machine_.probe_ended(tick_now(), std::move(result));
    arm();
    host_.on_result(changed);
}

/// Ends what the probe started, all of it; its orphans included, which is why it has a control group of its own.
void HealthRunner::kill_probe() {
    if (!probe_) return;
    loop_.unwatch(probe_->pipe_watch);
    loop_.unwatch(probe_->end_watch);
    loop_.unwatch(probe_->socket_watch);
    if (probe_->cgroup) {
        const bool is_alive = probe_->reaper.has_value() && !probe_->has_ended;
        auto left = probe_->cgroup->pids();
        if (is_alive || (left.ok() && !left.value().empty())) {
            auto killed = probe_->cgroup->kill_all();
            if (!killed.ok()) log::debug("health probe: ", killed.error().text());
        }
        if (probe_->reaper) end_reaper(*probe_->reaper);
    }
    probe_.reset();
}

}  // namespace berth::container
