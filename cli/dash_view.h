#pragma once
// The screen of `dash` as text: pure, so that it can be tested without a terminal.

#include <string>
#include <vector>

namespace berth::cli {

struct DashRow {
    std::string id, name, image, status, cpu, memory, ports;
    bool is_running = false;
    bool is_unhealthy = false;
};

struct DashView {
    std::vector<DashRow> rows;
    std::size_t selected = 0;
    std::vector<std::string> log;  ///< the last lines of the selected container
    std::string message;           ///< what the last key did, or a question
    bool shows_all = false;
    bool shows_help = false;
    std::string filter;
    bool edits_filter = false;
};

/// Exactly `rows` lines of at most `columns` columns, each ended by the code that clears the rest of the line.
std::string dash_screen(const DashView& view, std::size_t rows, std::size_t columns, bool colour);

}  // namespace berth::cli
