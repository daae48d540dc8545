// dash: containers live on the terminal, with the keys that ctop's and lazydocker's users know. What a key does is a berth
// command or an engine verb; the terminal is restored on every way out.

#include <algorithm>
#include <csignal>

#include <poll.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cmds.h"
#include "cli/dash_view.h"
#include "cli/stats_text.h"
#include "cli/status_text.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "container/log_reader.h"
#include "container/stats.h"

namespace berth::cli {
namespace {

constexpr const char* enter_screen = "\x1b[?1049h\x1b[?25l";
constexpr const char* leave_screen = "\x1b[?25h\x1b[?1049l";

class Dash {
public:
    Dash(Session& session, container::Engine& engine, bool all)
        : session_(session), engine_(engine), colour_(wants_colour(STDOUT_FILENO)) {
        view_.shows_all = all;
    }

    Result<int> run() {
        raw_.emplace(TRY(RawMode::enter(STDIN_FILENO, leave_screen)));
        pass_on(STDOUT_FILENO, enter_screen);
        for (;;) {
            TRY(refresh());
            draw();
            pollfd polled{STDIN_FILENO, POLLIN, 0};
            if (::poll(&polled, 1, 1000) <= 0) continue;
            char typed[64];
            const ssize_t n = ::read(STDIN_FILENO, typed, sizeof typed);
            if (n <= 0) return 0;
            if (!take_keys(std::string_view(typed, static_cast<std::size_t>(n)))) return 0;
        }
    }

private:
    void draw() const {
        const auto size = terminal_size(STDOUT_FILENO);
        const std::size_t rows = size && size->first > 0 ? size->first : 24;
        pass_on(STDOUT_FILENO, dash_screen(view_, std::max<std::size_t>(rows, 8), terminal_columns(), colour_));
    }

    // The selection stays with its container while others come and go.
    Result<void> refresh() {
        look_after_command();
        const std::string kept = selected_id();
        records_ = TRY(container::list(engine_));
        std::erase_if(records_, [&](const container::Record& record) {
            const bool is_hidden = !view_.shows_all && !record.run.state.running();
            return is_hidden || record.name().find(view_.filter) == std::string::npos;
        });
        view_.rows.clear();
        const Moment now = berth::now();
        for (const container::Record& record : records_) view_.rows.push_back(TRY(make_dash_row(record, now)));
        const auto at = std::ranges::find(view_.rows, kept, &DashRow::id);
        if (at != view_.rows.end()) view_.selected = static_cast<std::size_t>(at - view_.rows.begin());
        if (view_.selected >= view_.rows.size()) view_.selected = view_.rows.empty() ? 0 : view_.rows.size() - 1;
        read_log();
        return {};
    }

    Result<DashRow> make_dash_row(const container::Record& record, Moment now) {
        const container::State& state = record.run.state;
        DashRow row;
        row.id = record.id();
        row.name = record.name();
        row.image = record.definition.config.image;
        row.status = status_text(state, now);
        row.is_running = state.running();
        row.is_unhealthy = state.health && state.health->status == healthcheck::Status::unhealthy;
        if (!row.is_running) return row;
        row.ports = network::ports_column(record.run.network.ports, {});
        // A container may end between the list and this reading: then there is nothing to show, and no error.
        auto reading = container::read_stats(engine_, record);
        if (!reading.ok() || !reading.value()) return row;
        const auto before = readings_.find(record.id());
        const StatsTexts texts = stats_texts(before == readings_.end() ? nullptr : &before->second, reading.value());
        row.cpu = texts.cpu;
        row.memory = texts.memory;
        readings_.insert_or_assign(record.id(), *reading.value());
        return row;
    }

    void read_log() {
        view_.log.clear();
        const container::Record* record = selected();
        if (record == nullptr) return;
        container::LogQuery query;
        query.tail = 8;
        const auto take = [&](const container::LogEntry& entry) -> Result<bool> {
            view_.log.push_back(entry.text);
            while (!view_.log.back().empty() && view_.log.back().back() == '\n') view_.log.back().pop_back();
            return true;
        };
        const auto read = container::read_logs(engine_, *record, query, take);
        if (!read.ok()) view_.log.push_back(read.error().text());
    }

    const container::Record* selected() const { return view_.selected < records_.size() ? &records_[view_.selected] : nullptr; }
    bool is_paused() const { return selected() != nullptr && selected()->run.state.status == container::Status::paused; }
    std::string selected_id() const { return view_.selected < view_.rows.size() ? view_.rows[view_.selected].id : ""; }

    // False to leave.
    bool take_keys(std::string_view typed) {
        if (typed == "\x1b[A") return move(-1);
        if (typed == "\x1b[B") return move(1);
        for (const char key : typed)
            if (!(view_.edits_filter ? take_filter_key(key) : take_key(key))) return false;
        return true;
    }
    bool move(int step) {
        if (step < 0 && view_.selected > 0) --view_.selected;
        if (step > 0 && view_.selected + 1 < view_.rows.size()) ++view_.selected;
        return true;
    }
    bool take_filter_key(char key) {
        if (key == '\r' || key == '\x1b') view_.edits_filter = false;
        if (key == '\x1b') view_.filter.clear();
        if ((key == '\x7f' || key == '\b') && !view_.filter.empty()) view_.filter.pop_back();
        if (static_cast<unsigned char>(key) > ' ' && key != '\x7f') view_.filter += key;
        return key != '\x03';
    }

    bool take_key(char key) {
        const bool confirms = pending_removal_ && key == 'y';
        const bool was_pending = pending_removal_;
        pending_removal_ = false;
        view_.message.clear();
        if (was_pending) {
            if (confirms) act({"rm", "-f"}, "removed");
            return true;
        }
        switch (key) {
            case 'q':
            case '\x03':
                return false;
            case 'j':
                return move(1);
            case 'k':
                return move(-1);
            case 'a':
                view_.shows_all = !view_.shows_all;
                break;
            case '?':
                view_.shows_help = !view_.shows_help;
                break;
            case '/':
                view_.edits_filter = true;
                break;
            case '\r':
            case 'l':
                leave_for({"logs", "-f", "--tail", "100"}, {});
                break;
            case 'e':
                leave_for({"exec", "-it"}, {"sh"});
                break;
            case 'i':
                leave_for({"inspect"}, {});
                break;
            case 's':
                act({"start"}, "started");
                break;
            case 't':
                act({"stop"}, "stopped");
                break;
            case 'r':
                act({"restart"}, "restarted");
                break;
            case 'x':
                act({"kill"}, "killed");
                break;
            case 'p':
                act({is_paused() ? "unpause" : "pause"}, is_paused() ? "goes on" : "paused");
                break;
            case 'd':
                if (const auto* record = selected()) {
                    pending_removal_ = true;
                    view_.message = cat("remove ", record->name(), record->run.state.running() ? ", which runs" : "", "? y/n");
                }
                break;
            default:
                break;
        }
        return true;
    }

    // The verb runs as a command of its own, so that the screen lives on while a container takes its time to stop.
    void act(Words verb, std::string_view done) {
        const container::Record* chosen = selected();
        if (chosen == nullptr) return;
        if (running_) {
            view_.message = cat(running_->name, ": still working");
            return;
        }
        auto pipe = sys::pipe();
        if (!pipe.ok()) return;
        Words argv = own_command();
        argv.insert(argv.end(), verb.begin(), verb.end());
        argv.push_back(chosen->name());
        auto child = spawn("/proc/self/exe", {.argv = argv,
                                              .env = std::nullopt,
                                              .descriptors = {-1, -1, pipe.value().write.raw()},
                                              .session = SpawnOptions::Session::own});
        if (!child.ok()) {
            view_.message = child.error().text();
            return;
        }
        running_.emplace(Running{std::move(child).value(), std::move(pipe.value().read), chosen->name(), std::string(done)});
        view_.message = cat(chosen->name(), ": working …");
    }

    void look_after_command() {
        if (!running_) return;
        const auto ended = running_->child.try_wait();
        if (!ended.ok() || !ended.value()) return;
        std::string complaint;
        if (const auto text = read_all(running_->errors, 64u << 10); text.ok())
            complaint = split_text(text.value(), '\n').front();
        view_.message = ended.value()->shell_code() == 0 ? cat(running_->name, ": ", running_->done) : complaint;
        running_.reset();
    }

    Words own_command() const { return {"berth", "--root", session_.paths().root, "--run-root", session_.paths().run_root}; }

    // A berth command with the terminal to itself; afterwards the dash comes back.
    void leave_for(Words before, const Words& after) {
        const container::Record* chosen = selected();
        if (chosen == nullptr) return;
        raw_.reset();
        Words argv = own_command();
        argv.insert(argv.end(), before.begin(), before.end());
        argv.push_back(chosen->name());
        argv.insert(argv.end(), after.begin(), after.end());
        const bool pauses = before[0] == "inspect";
        // Ctrl-C ends the command, not the dash.
        ::signal(SIGINT, SIG_IGN);
        auto child = spawn("/proc/self/exe",
                           {.argv = argv, .env = std::nullopt, .descriptors = {0, 1, 2}, .session = SpawnOptions::Session::same});
        if (!child.ok())
            view_.message = child.error().text();
        else if (const auto ended = child.value().wait(); !ended.ok())
            view_.message = ended.error().text();
        if (pauses) {
            tell("-- press enter --");
            for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) continue;
        }
        auto raw = RawMode::enter(STDIN_FILENO, leave_screen);
        if (raw.ok()) raw_.emplace(std::move(raw).value());
        pass_on(STDOUT_FILENO, enter_screen);
    }

    struct Running {
        Child child;
        Fd errors;
        std::string name, done;
    };

    Session& session_;
    container::Engine& engine_;
    DashView view_;
    std::optional<Running> running_;
    std::vector<container::Record> records_;
    std::map<std::string, container::StatsReading> readings_;
    std::optional<RawMode> raw_;
    bool pending_removal_ = false;
    bool colour_;
};

}  // namespace

Action define_dash(Parser& p) {
    const auto all = std::make_shared<bool>(false);
    p.usage("", 0, 0);
    p.flag("-a,--all", *all, "Begin with all containers, not only those that run");
    p.about(
        "Shows containers live: state, health, processor time, memory, ports, and the last lines of the chosen one's log. Press "
        "? for the keys.");
    p.see_also("ps, stats, logs, exec");
    return [all](Session& session, const Words&) -> Result<int> {
        if (!is_terminal(STDIN_FILENO) || !is_terminal(STDOUT_FILENO))
            return Error(Kind::invalid, "dash needs a terminal")
                .with_hint("'berth ps' and 'berth stats --no-stream' tell the same to a pipe");
        container::Engine* engine = TRY(session.engine());
        return Dash(session, *engine, *all).run();
    };
}

}  // namespace berth::cli
