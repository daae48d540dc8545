#include "cli/status_text.h"

#include "cli/texts.h"

namespace berth::cli {
namespace {

std::string up_text(const container::State& state, Moment now) {
    std::string text = cat("Up ", duration_words({now.nanoseconds - state.started_at.nanoseconds}));
    if (state.status == container::Status::paused) return text + " (Paused)";
    if (!state.health || state.health->status == healthcheck::Status::none) return text;
    const bool is_starting = state.health->status == healthcheck::Status::starting;
    return cat(text, " (", is_starting ? "health: " : "", healthcheck::status_text(state.health->status), ")");
}

}  // namespace

std::string status_text(const container::State& state, Moment now) {
    const std::string ended =
        cat("(", state.exit_code, ") ", duration_words({now.nanoseconds - state.finished_at.nanoseconds}), " ago");
    switch (state.status) {
        case container::Status::created:
            return "Created";
        case container::Status::running:
        case container::Status::paused:
            return up_text(state, now);
        case container::Status::restarting:
            return cat("Restarting ", ended);
        case container::Status::removing:
            return "Removal In Progress";
        case container::Status::dead:
            return "Dead";
        // docker: a container that could not be started is "Created" still, unless it ran before.
        case container::Status::exited:
            return state.finished_at.nanoseconds == 0 ? "Created" : cat("Exited ", ended);
    }
    return "";
}

std::string command_column(const container::Definition& definition, bool whole) {
    std::string text = definition.path;
    for (const std::string& argument : definition.args)
        text += argument.find(' ') == std::string::npos ? cat(" ", argument) : cat(" '", argument, "'");
    std::string quoted;
    for (const char c : whole ? text : shortened(text, 20)) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '\n')
            quoted += "\\n";
        else if (c == '\t')
            quoted += "\\t";
        else
            quoted += c;
    }
    return cat("\"", quoted, "\"");
}

}  // namespace berth::cli
