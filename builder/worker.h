#pragma once
// A stage at work in a process of its own. The build's process stays the only one that talks to the user; a worker sends it
// what happens over a socket, one message a line of JSON with its length in front:
//
//   worker → build   {"type":"started","step":1,"name":…,"first":…,"last":…}   {"type":"done","step":1}
//                    {"type":"cached","name":…,"first":…,"last":…}
//                    {"type":"failed","step":1,"failure":{…}}                     {"type":"need","stage":2}
//                    {"type":"finished","state":{…}} or {"type":"error",…}, then end of file
//   build → worker   the state of the stage it needs
//
// What a RUN writes goes through two pipes that the build's process reads itself.

#include <optional>
#include <string>

#include "base/process.h"
#include "builder/reporter.h"
#include "builder/stage_runner.h"
#include "builder/step_log.h"

namespace berth::builder {

Json state_json(const StageState& state);
Result<StageState> state_of_json(const Json& json);

class Worker {
public:
    /// Forks. `runner` goes on in the child from where it stands; in this process it is only a record of the stage.
    static Result<Worker> start(StageRunner& runner, StepLog& log);

    std::size_t stage() const { return stage_; }
    const Fd& socket() const { return socket_; }
    const Fd& output() const { return output_; }
    const Fd& error_output() const { return error_output_; }

    /// Takes what the socket has. True when the worker has ended; then result() says how.
    Result<bool> receive();
    /// Passes on what the step wrote; false at the end of the stream.
    void pass_output(Stream stream);
    /// The stage it waits for.
    const std::optional<std::size_t>& needs() const { return needs_; }
    Result<void> give(const StageState& state);
    /// The finished state, or why there is none.
    Result<StageState> result();
    /// Ends it at once, with all it started.
    void kill();

private:
    Worker(std::size_t stage, Child child, Fd socket, Fd output, Fd error_output, StepLog& log)
        : stage_(stage), child_(std::move(child)), socket_(std::move(socket)), output_(std::move(output)), error_output_(std::move(error_output)), log_(&log) {}
    Result<void> take(const Json& message);

    std::size_t stage_;
    Child child_;
    Fd socket_, output_, error_output_;
    StepLog* log_;
    std::string buffer_;
    std::map<int, int> numbers_;  ///< the worker's number of a step → the build's
    int current_ = 0;
    std::optional<std::size_t> needs_;
    std::optional<StageState> state_;
    std::optional<Error> error_;
};

}  // namespace berth::builder
