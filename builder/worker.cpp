#include "builder/worker.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "builder/messages.h"
#include "builder/step_cache.h"

namespace berth::builder {
namespace {

Json message(std::string_view type) {
    Json out;
    out.set("type", type);
    return out;
}

std::string text_member(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->string() != nullptr ? *member->string() : std::string();
}
int number_member(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->integer() != nullptr ? static_cast<int>(*member->integer()) : 0;
}

Json error_json(const Error& error) {
    Json out = message("error");
    out.set("kind", static_cast<int>(error.kind()));
    out.set("text", error.text());
    out.set("hint", error.hint());
    return out;
}
Error error_of(const Json& json) {
    return Error(static_cast<Kind>(number_member(json, "kind")), text_member(json, "text")).with_hint(text_member(json, "hint"));
}

Json failure_json(const StepFailure& failure) {
    Json out;
    out.set("text", failure.text);
    out.set("excerpt", failure.excerpt);
    out.set("exitCode", failure.exit_code);
    out.set("shell", failure.shell);
    return out;
}
StepFailure failure_of(const Json& json) {
    StepFailure failure;
    failure.text = text_member(json, "text");
    failure.excerpt = text_member(json, "excerpt");
    failure.exit_code = number_member(json, "exitCode");
    failure.shell = text_member(json, "shell");
    return failure;
}

/// The worker's end: every event becomes a message. A build that is gone ends the worker.
class RemoteReporter final : public Reporter {
public:
    explicit RemoteReporter(const Fd& socket) : socket_(socket) {}
    int started(const std::string& name, int first_line, int last_line) override {
        send(named_message("started", ++count_, name, first_line, last_line));
        return count_;
    }
    void cached(const std::string& name, int first_line, int last_line) override { send(named_message("cached", 0, name, first_line, last_line)); }
    void done(int step) override { send(step_message("done", step)); }
    void failed(int step, const StepFailure& failure) override {
        Json out = step_message("failed", step);
        out.set("failure", failure_json(failure));
        send(out);
    }
    void output(int, Stream, std::string_view) override {}  // Goes through the pipes.
    void send(const Json& json) {
        if (!send_message(socket_, json).ok()) ::_exit(1);
    }

private:
    static Json step_message(std::string_view type, int step) {
        Json out = message(type);
        out.set("step", step);
        return out;
    }
    static Json named_message(std::string_view type, int step, const std::string& name, int first_line, int last_line) {
        Json out = step_message(type, step);
        out.set("name", name);
        out.set("first", first_line);
        out.set("last", last_line);
        return out;
    }
    const Fd& socket_;
    int count_ = 0;
};

/// All of a worker's life. Never returns into the frames it shares with the build.
[[noreturn]] void run_worker(StageRunner& runner, const Fd& socket, const Fd& output, const Fd& error_output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    RemoteReporter reporter(socket);
    std::map<std::size_t, StageState> received;
    runner.set_siblings([&](std::size_t stage) -> Result<const StageState*> {
        if (const auto known = received.find(stage); known != received.end()) return &known->second;
        Json out = message("need");
        out.set("stage", static_cast<std::int64_t>(stage));
        reporter.send(out);
        const Json answer = TRY(receive_message(socket));
        StageState state = TRY(state_of_json(answer));
        return &received.emplace(stage, std::move(state)).first->second;
    });
    const auto worked = runner.work(reporter, output, error_output);
    Json last = worked.ok() ? message("finished") : error_json(worked.error());
    if (worked.ok()) last.set("state", state_json(runner.state()));
    reporter.send(last);
    ::_exit(0);
}

struct VariableText {
    std::string key;
    std::optional<std::string> value;
};
template <class Io>
void fields(Io& io, VariableText& v) {
    io.required("key", v.key);
    io.optional("value", v.value);
}

struct StateText {
    image::ImageConfig image;
    std::vector<Json> layers;
    std::vector<std::string> variables;
    std::vector<VariableText> arguments;
    bool has_cmd = false;
    std::vector<std::string> step_keys;
    std::int64_t time = 0;
};
template <class Io>
void fields(Io& io, StateText& s) {
    io.required("image", s.image);
    io.required("layers", s.layers);
    io.required("variables", s.variables);
    io.required("arguments", s.arguments);
    io.required("hasCmd", s.has_cmd);
    io.required("stepKeys", s.step_keys);
    io.required("time", s.time);
}

}  // namespace

Json state_json(const StageState& state) {
    StateText text;
    text.image = state.image;
    for (const image::LayerRef& layer : state.layers) text.layers.push_back(layer_json(layer));
    text.variables = state.variables.texts();
    for (const KeyValue& argument : state.arguments) text.arguments.push_back({argument.key, argument.value});
    text.has_cmd = state.has_cmd;
    text.step_keys = state.step_keys;
    text.time = state.time.nanoseconds;
    return to_json(text);
}

Result<StageState> state_of_json(const Json& json) {
    StateText text = TRY(from_json<StateText>(json), "state of a stage");
    StageState state;
    state.image = std::move(text.image);
    for (const Json& layer : text.layers) {
        image::LayerRef parsed = TRY(layer_of_json(layer), "state of a stage");
        state.layers.push_back(std::move(parsed));
    }
    state.variables = Variables(text.variables);
    for (VariableText& argument : text.arguments) state.arguments.push_back({std::move(argument.key), std::move(argument.value), false});
    state.has_cmd = text.has_cmd;
    state.step_keys = std::move(text.step_keys);
    state.time = {text.time};
    return state;
}

Result<Worker> Worker::start(StageRunner& runner, StepLog& log) {
    auto sockets = TRY(sys::socketpair(SOCK_STREAM));
    sys::Pipe output = TRY(sys::pipe());
    sys::Pipe error_output = TRY(sys::pipe());
    const pid_t pid = ::fork();
    if (pid < 0) return Error::of_errno(errno, "fork a worker");
    if (pid == 0) {
        sockets.first.reset();
        run_worker(runner, sockets.second, output.write, error_output.write);
    }
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd.valid()) return Error::of_errno(errno, "watch a worker");
    // A full pipe makes the step wait, never this process.
    for (const Fd* end : {&output.read, &error_output.read}) ::fcntl(end->raw(), F_SETFL, O_NONBLOCK);
    ::fcntl(pidfd.raw(), F_SETFD, FD_CLOEXEC);
    return Worker(runner.stage(), Child(pid, std::move(pidfd)), std::move(sockets.first), std::move(output.read), std::move(error_output.read), log);
}

Result<void> Worker::take(const Json& json) {
    const std::string type = text_member(json, "type");
    const int theirs = number_member(json, "step");
    if (type == "started") {
        current_ = numbers_[theirs] = log_->started(text_member(json, "name"), number_member(json, "first"), number_member(json, "last"));
    } else if (type == "cached") {
        log_->cached(text_member(json, "name"), number_member(json, "first"), number_member(json, "last"));
    } else if (type == "done" || type == "failed") {
        // What the step wrote last may still be in the pipes.
        pass_output(Stream::output);
        pass_output(Stream::error);
        const Json* failure = json.find("failure");
        if (failure != nullptr) log_->failed(numbers_[theirs], failure_of(*failure));
        else log_->done(numbers_[theirs]);
    } else if (type == "need") {
        needs_ = static_cast<std::size_t>(number_member(json, "stage"));
    } else if (type == "finished") {
        const Json* state = json.find("state");
        if (state == nullptr) return Error(Kind::corrupt, "a worker finished without a state");
        state_ = TRY(state_of_json(*state));
    } else {
        error_ = error_of(json);
    }
    return {};
}

Result<bool> Worker::receive() {
    std::string piece(1 << 16, '\0');
    const std::size_t got = TRY(sys::read(socket_, piece));
    buffer_.append(piece, 0, got);
    for (;;) {
        auto next = TRY(take_message(buffer_));
        if (!next) break;
        TRY(take(*next));
    }
    return got == 0;
}

void Worker::pass_output(Stream stream) {
    Fd& from = stream == Stream::output ? output_ : error_output_;
    std::string piece(1 << 16, '\0');
    while (from.valid()) {
        const auto got = sys::read(from, piece);
        if (!got.ok()) return;  // EAGAIN: the pipe is empty, its writer lives.
        if (got.value() == 0) return from.reset();
        log_->output(current_, stream, std::string_view(piece).substr(0, got.value()));
    }
}

Result<void> Worker::give(const StageState& state) {
    needs_.reset();
    return send_message(socket_, state_json(state));
}

Result<StageState> Worker::result() {
    const ExitStatus status = TRY(child_.wait());
    if (error_) return std::move(*error_);
    if (state_) return std::move(*state_);
    return Error(Kind::internal, cat("a worker ended with ", status.shell_code(), " and said nothing"));
}

void Worker::kill() {
    ignore(child_.kill(Signal::of(SIGKILL)), "it may have ended by itself");
    ignore(child_.wait(), "nobody asks how it ended");
}

}  // namespace berth::builder
