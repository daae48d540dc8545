#include "cli/build_progress.h"

#include <algorithm>
#include <map>
#include <vector>

#include <unistd.h>

#include "base/visible.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

using builder::Step;
using builder::StepFailure;
using builder::Stream;

// What a step itself wrote, a line: a terminal gets no more of it than colours.
std::string shown(std::string_view line) { return is_terminal(STDERR_FILENO) ? visible_output(line, true) : std::string(line); }

// What both views for people say about a failure, after the steps.
std::string failure_text(const Step& step, const StepFailure& failure) {
    std::string out = cat("------\n > ", step.name, ":\n");
    for (const std::string& line : split_text(failure.last_output, '\n'))
        if (!line.empty()) out += cat(line, "\n");
    out += "------\n";
    if (!failure.excerpt.empty()) out += cat(failure.excerpt, failure.excerpt.ends_with('\n') ? "" : "\n");
    if (!failure.shell.empty()) out += cat("To look inside the failed step: ", failure.shell, "\n");
    return out;
}

/// "#5 [2/3] RUN make", "#5 0.123 output", "#5 DONE 0.4s".
class PlainProgress : public builder::Progress {
public:
    void started(const Step& step) override { tell(cat(number(step), step.name, "\n")); }
    void cached(const Step& step) override { tell(cat(number(step), step.name, "\n", number(step), "CACHED\n\n")); }
    void output(const Step& step, Stream, std::string_view bytes, Duration since_start) override {
        // Steps that run at the same time share the terminal, so lines are told whole.
        std::string& rest = unfinished_[step.number];
        rest += bytes;
        std::string text;
        for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
            text += cat(number(step), seconds_text(since_start, 3), " ", shown(std::string_view(rest).substr(0, end)), "\n");
        pass_on(STDERR_FILENO, text);
    }
    void done(const Step& step, Duration took) override {
        finish_line(step, took);
        tell(cat(number(step), "DONE ", seconds_text(took, 1), "s\n\n"));
    }
    void failed(const Step& step, const StepFailure& failure, Duration took) override {
        finish_line(step, took);
        tell(cat(number(step), "ERROR: ", failure.text, "\n", failure_text(step, failure)));
    }
    void canceled(const Step& step) override { tell(cat(number(step), "CANCELED\n\n")); }
    void part_done(const Step& step, std::string_view what) override { tell(cat(number(step), what, " done\n")); }
    void warning(std::string_view rule, std::string_view text, std::string_view file, int line) override {
        tell(cat("WARNING: ", rule, ": ", text, " (", file, ":", line, ")\n"));
    }

private:
    static std::string number(const Step& step) { return cat("#", step.number, " "); }
    void finish_line(const Step& step, Duration since_start) {
        std::string& rest = unfinished_[step.number];
        if (!rest.empty()) pass_on(STDERR_FILENO, cat(number(step), seconds_text(since_start, 3), " ", shown(rest), "\n"));
        rest.clear();
    }
    std::map<int, std::string> unfinished_;
};

/// A block of lines that is drawn again in place: steps, times, and the last lines of what runs.
class TerminalProgress : public builder::Progress {
public:
    TerminalProgress() : start_(tick_now()), colour_(wants_colour(STDERR_FILENO)) {}
    ~TerminalProgress() override { draw(Moment::last); }

    void started(const Step& step) override { entry(step).started = tick_now(), draw(Moment::now); }
    void cached(const Step& step) override { entry(step).state = State::cached, draw(Moment::soon); }
    void output(const Step& step, Stream, std::string_view bytes, Duration) override {
        Entry& entry = this->entry(step);
        for (const char c : bytes) {
            if (c == '\n' || c == '\r')
                entry.line_ended = true;
            else
                entry.add(c);
        }
        draw(Moment::soon);
    }
    void done(const Step& step, Duration took) override { end(step, State::done, took); }
    void failed(const Step& step, const StepFailure& failure, Duration took) override {
        end(step, State::failed, took);
        failure_ += failure_text(step, failure);
    }
    void canceled(const Step& step) override { end(step, State::canceled, {}); }
    void part_done(const Step&, std::string_view) override {}
    void warning(std::string_view rule, std::string_view text, std::string_view file, int line) override {
        failure_ += cat("WARNING: ", rule, ": ", text, " (", file, ":", line, ")\n");
    }
    std::optional<Duration> wants_ticks() const override { return Duration::of_milliseconds(100); }
    void tick() override { draw(Moment::soon); }

private:
    enum class State { running, cached, done, failed, canceled };
    enum class Moment { soon, now, last };
    struct Entry {
        std::string name;
        State state = State::running;
        Tick started;
        Duration took;
        std::vector<std::string> lines;  ///< the last of its output
        bool line_ended = true;
        void add(char c) {
            if (line_ended) {
                lines.emplace_back();
                if (lines.size() > 6) lines.erase(lines.begin());
                line_ended = false;
            }
            lines.back() += c == '\t' ? ' ' : c;
        }
    };

    Entry& entry(const Step& step) {
        Entry& entry = entries_[step.number];
        entry.name = visible_text(step.name);
        return entry;
    }
    void end(const Step& step, State state, Duration took) {
        Entry& ended = entry(step);
        ended.state = state;
        ended.took = took;
        draw(Moment::soon);
    }

    // One line: a mark, the name, the time at the right edge.
    std::string line_of(const Entry& entry, std::size_t columns) const {
        const bool runs = entry.state == State::running;
        const Duration took = runs ? tick_now() - entry.started : entry.took;
        const std::string time =
            entry.state == State::cached || entry.state == State::canceled ? "" : cat(seconds_text(took, 1), "s");
        std::string text = cat(" => ",
                               entry.state == State::cached     ? "CACHED "
                               : entry.state == State::failed   ? "ERROR "
                               : entry.state == State::canceled ? "CANCELED "
                                                                : "",
                               entry.name);
        const std::size_t room = columns > time.size() + 2 ? columns - time.size() - 2 : 1;
        if (display_width(text) > room) text = shortened(text, room);
        text.append(room + 1 - std::min(room + 1, display_width(text)), ' ');
        text += time;
        if (!colour_) return text;
        return cat(entry.state == State::failed ? "\x1b[31m" : runs ? "" : "\x1b[34m", text, "\x1b[0m");
    }

    void draw(Moment when) {
        const Tick now = tick_now();
        // Thirty frames a second are enough; the last one is always drawn.
        if (when == Moment::soon && now - drawn_ < Duration::of_milliseconds(33)) return;
        drawn_ = now;
        const std::size_t columns = terminal_columns();
        std::size_t finished = 0;
        std::vector<std::string> lines;
        for (const auto& [number, entry] : entries_) {
            finished += entry.state != State::running;
            lines.push_back(line_of(entry, columns));
            if (entry.state == State::running)
                for (const std::string& output : entry.lines)
                    lines.push_back(cat(" => => ", shortened(visible_output(output, false), columns > 8 ? columns - 8 : 1)));
        }
        const auto size = terminal_size(STDERR_FILENO);
        const std::size_t rows = size && size->first > 4 ? size->first - 2u : 20;
        if (when != Moment::last && lines.size() > rows) lines.erase(lines.begin(), lines.end() - static_cast<long>(rows));
        std::string out = drawn_lines_ > 0 ? cat("\x1b[", drawn_lines_, "A\x1b[J") : "";
        out += cat("[+] Building ", seconds_text(now - start_, 1), "s (", finished, "/", entries_.size(), ")\n");
        for (const std::string& line : lines) out += line + "\n";
        drawn_lines_ = lines.size() + 1;
        pass_on(STDERR_FILENO, when == Moment::last ? out + visible_text(failure_) : out);
    }

    std::map<int, Entry> entries_;
    std::string failure_;
    Tick start_;
    Tick drawn_;
    std::size_t drawn_lines_ = 0;
    bool colour_;
};

/// Only what went wrong.
class QuietProgress : public builder::Progress {
public:
    void started(const Step&) override {}
    void cached(const Step&) override {}
    void output(const Step&, Stream, std::string_view, Duration) override {}
    void done(const Step&, Duration) override {}
    void failed(const Step& step, const StepFailure& failure, Duration) override { tell(failure_text(step, failure)); }
    void canceled(const Step&) override {}
    void part_done(const Step&, std::string_view) override {}
    void warning(std::string_view, std::string_view, std::string_view, int) override {}
};

/// The words of docker's builder before BuildKit, on stdout as there, for scripts that read them: "Step 2/3 : RUN make",
/// " ---> Using cache", what the step says. Steps are those that make a layer, counted by stage.
class ClassicProgress : public builder::Progress {
public:
    void started(const Step& step) override { begin(step); }
    void cached(const Step& step) override {
        if (begin(step) && !text_of(step).starts_with("FROM ")) print(" ---> Using cache\n");
    }
    void output(const Step&, Stream, std::string_view bytes, Duration) override {
        pass_on(STDOUT_FILENO, is_terminal(STDOUT_FILENO) ? visible_output(bytes, true) : std::string(bytes));
    }
    void done(const Step&, Duration) override {}
    void failed(const Step&, const StepFailure& failure, Duration) override {
        if (!failure.excerpt.empty()) tell(cat(failure.excerpt, failure.excerpt.ends_with('\n') ? "" : "\n"));
    }
    void canceled(const Step&) override {}
    void part_done(const Step&, std::string_view) override {}
    void warning(std::string_view, std::string_view, std::string_view, int) override {}

private:
    // Names are "[2/3] RUN make", "[build 2/3] RUN make"; those without figures are berth's own steps.
    static std::string_view text_of(const Step& step) {
        const std::size_t end = step.name.find("] ");
        return end == std::string::npos ? std::string_view() : std::string_view(step.name).substr(end + 2);
    }
    static bool begin(const Step& step) {
        const std::string_view head = std::string_view(step.name).substr(0, step.name.find("] "));
        if (!head.starts_with('[') || head.find('/') == std::string_view::npos) return false;
        print(cat("Step ", head.substr(head.find_last_of("[ ") + 1), " : ", text_of(step), "\n"));
        return true;
    }
};

/// One object a line, for programs.
class JsonProgress : public builder::Progress {
public:
    void started(const Step& step) override { send("started", step, {}); }
    void cached(const Step& step) override { send("cached", step, {}); }
    void output(const Step& step, Stream stream, std::string_view bytes, Duration) override {
        send("output", step, {{"stream", stream == Stream::output ? 1 : 2}, {"data", bytes}});
    }
    void done(const Step& step, Duration took) override { send("done", step, {{"duration", took.nanoseconds}}); }
    void failed(const Step& step, const StepFailure& failure, Duration took) override {
        send("failed", step,
             {{"duration", took.nanoseconds},
              {"error", failure.text},
              {"exitCode", failure.exit_code},
              {"excerpt", failure.excerpt},
              {"shell", failure.shell}});
    }
    void canceled(const Step& step) override { send("canceled", step, {}); }
    void part_done(const Step& step, std::string_view what) override { send("part", step, {{"what", what}}); }
    void warning(std::string_view rule, std::string_view text, std::string_view file, int line) override {
        send("warning", {}, {{"rule", rule}, {"message", text}, {"file", file}, {"line", line}});
    }

private:
    static void send(std::string_view event, const Step& step, Json::Object more) {
        Json::Object line{{"event", event}, {"time", moment_text(berth::now())}};
        if (step.number != 0) line.insert(line.end(), {{"step", step.number}, {"name", step.name}});
        line.insert(line.end(), more.begin(), more.end());
        tell(cat(json_text(Json(std::move(line))), "\n"));
    }
};

}  // namespace

std::string seconds_text(Duration duration, int decimals) {
    std::int64_t unit = 1'000'000'000;
    for (int i = 0; i < decimals; ++i) unit /= 10;
    const std::int64_t rounded = (std::max<std::int64_t>(duration.nanoseconds, 0) + unit / 2) / unit;
    const std::int64_t scale = 1'000'000'000 / unit;
    return cat(rounded / scale, ".", cat(scale + rounded % scale).substr(1));
}

Result<std::unique_ptr<builder::Progress>> make_build_progress(std::string_view mode) {
    const bool live = mode == "tty" || (mode == "auto" && is_terminal(STDERR_FILENO) && wants_colour(STDERR_FILENO));
    if (live) return std::unique_ptr<builder::Progress>(std::make_unique<TerminalProgress>());
    if (mode == "plain" || mode == "auto") return std::unique_ptr<builder::Progress>(std::make_unique<PlainProgress>());
    if (mode == "classic") return std::unique_ptr<builder::Progress>(std::make_unique<ClassicProgress>());
    if (mode == "quiet") return std::unique_ptr<builder::Progress>(std::make_unique<QuietProgress>());
    if (mode == "rawjson") return std::unique_ptr<builder::Progress>(std::make_unique<JsonProgress>());
    return Error(Kind::invalid, cat("--progress '", mode, "': must be one of auto, plain, tty, quiet, rawjson"));
}

}  // namespace berth::cli
