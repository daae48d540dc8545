#include "builder/scheduler.h"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

#include "builder/worker.h"

namespace berth::builder {
namespace {

class Scheduler {
public:
    Scheduler(Session& session, const std::vector<std::size_t>& order, StepLog& log) : session_(session), order_(order), log_(log) {
        const int wanted = session.options.jobs;
        jobs_ = static_cast<std::size_t>(wanted > 0 ? wanted : std::max(4L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    }

    Result<StageState> run() {
        TRY(walk_cache());
        while (finished_.count(order_.back()) == 0) {
            TRY(start_workers());
            TRY(wait_for_workers());
        }
        for (const auto& [stage, state] : finished_)
            if (stage != order_.back()) session_.other_keys.insert(session_.other_keys.end(), state.step_keys.begin(), state.step_keys.end());
        return std::move(finished_.find(order_.back())->second);
    }

    void kill_all() {
        for (Worker& worker : workers_) worker.kill();
        workers_.clear();
    }

private:
    Result<const StageState*> find_finished(std::size_t stage) const {
        const auto found = finished_.find(stage);
        return found == finished_.end() ? nullptr : &found->second;
    }

    Result<void> walk_cache() {
        for (const std::size_t stage : order_) {
            StageRunner& runner = runners_.emplace(stage, StageRunner(session_, stage, [this](std::size_t other) { return find_finished(other); })).first->second;
            const StageRunner::Outcome outcome = TRY(runner.walk_cache(log_));
            if (outcome == StageRunner::Outcome::done) finished_.emplace(stage, runner.state());
        }
        return {};
    }

    bool is_running(std::size_t stage) const {
        return std::any_of(workers_.begin(), workers_.end(), [&](const Worker& worker) { return worker.stage() == stage; });
    }

    /// A worker that waits for a stage takes no place, or the one it waits for might never get one.
    Result<void> start_workers() {
        auto busy = static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), [](const Worker& worker) { return !worker.needs(); }));
        for (const std::size_t stage : order_) {
            const auto& parent = session_.plan.stages[stage].parent;
            if (busy >= jobs_) return {};
            if (finished_.count(stage) != 0 || is_running(stage) || (parent && finished_.count(*parent) == 0)) continue;
            Worker worker = TRY(Worker::start(runners_.find(stage)->second, log_));
            workers_.push_back(std::move(worker));
            session_.has_worked = true;
            ++busy;
        }
        return {};
    }

    Result<void> wait_for_workers() {
        std::vector<struct pollfd> polled;
        for (const Worker& worker : workers_)
            for (const Fd* fd : {&worker.output(), &worker.error_output(), &worker.socket()}) polled.push_back({fd->raw(), POLLIN, 0});
        const std::optional<Duration> ticks = log_.progress().wants_ticks();
        const int ready = ::poll(polled.data(), polled.size(), ticks ? static_cast<int>(ticks->nanoseconds / 1'000'000) : -1);
        if (ready == 0) return log_.progress().tick(), Result<void>();
        if (ready < 0) return errno == EINTR ? Result<void>() : Error::of_errno(errno, "wait for workers");
        std::vector<std::size_t> ended;
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (polled[3 * i].revents != 0) workers_[i].pass_output(Stream::output);
            if (polled[3 * i + 1].revents != 0) workers_[i].pass_output(Stream::error);
            if (polled[3 * i + 2].revents == 0) continue;
            const bool has_ended = TRY(workers_[i].receive());
            if (has_ended) ended.push_back(i);
        }
        TRY(collect(ended));
        return answer_needs();
    }

    Result<void> collect(const std::vector<std::size_t>& ended) {
        for (std::size_t i = ended.size(); i-- > 0;) {
            Worker worker = std::move(workers_[ended[i]]);
            workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(ended[i]));
            StageState state = TRY(worker.result());
            finished_.emplace(worker.stage(), std::move(state));
        }
        return {};
    }

    Result<void> answer_needs() {
        for (Worker& worker : workers_) {
            if (!worker.needs()) continue;
            const auto state = finished_.find(*worker.needs());
            if (state != finished_.end()) TRY(worker.give(state->second));
        }
        return {};
    }

    Session& session_;
    const std::vector<std::size_t>& order_;
    StepLog& log_;
    std::size_t jobs_;
    std::map<std::size_t, StageRunner> runners_;
    std::map<std::size_t, StageState> finished_;
    std::vector<Worker> workers_;
};

}  // namespace

Result<StageState> build_stages(Session& session, const std::vector<std::size_t>& order, StepLog& log) {
    Scheduler scheduler(session, order, log);
    auto built = scheduler.run();
    if (!built.ok()) {
        scheduler.kill_all();
        log.cancel_open();
    }
    return built;
}

}  // namespace berth::builder
