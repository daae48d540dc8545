#include "cli/dash_view.h"

#include <algorithm>

#include "base/cat.h"
#include "base/visible.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

constexpr std::string_view clear_rest = "\x1b[K";

// Control characters would move the cursor out of its pane.
std::string harmless(std::string_view text) {
    std::string line;
    for (const char c : text) line += c == '\t' ? "    " : c == '\n' ? " " : std::string_view(&c, 1);
    return visible_text(line);
}

std::string cell(std::string_view any, std::size_t width) {
    const std::string text = harmless(any);
    std::string out = display_width(text) > width ? shortened(text, width) : text;
    const std::size_t used = display_width(out);
    out.append(width > used ? width - used : 0, ' ');
    return out;
}

struct Widths {
    std::size_t name = 4, image = 5, status = 6, cpu = 6, memory = 6;
};

// As wide as what is there; names, images and states give way on a narrow terminal, ports get what is left.
Widths fit(const DashView& view, std::size_t columns) {
    const auto widen = [](std::size_t& width, const std::string& text, std::size_t most) {
        width = std::max(width, std::min(display_width(text), most));
    };
    Widths out;
    for (const DashRow& row : view.rows) {
        widen(out.name, row.name, std::max<std::size_t>(columns / 5, 8));
        widen(out.image, row.image, std::max<std::size_t>(columns / 5, 8));
        widen(out.status, row.status, std::max<std::size_t>(columns / 4, 12));
        widen(out.cpu, row.cpu, 8);
        widen(out.memory, row.memory, 22);
    }
    return out;
}

std::string row_text(const Widths& w, const DashRow& row) {
    return cat(cell(row.name, w.name), "  ", cell(row.image, w.image), "  ", cell(row.status, w.status), "  ",
               cell(row.cpu, w.cpu), "  ", cell(row.memory, w.memory), "  ", row.ports);
}

std::string styled(std::string text, std::string_view style, bool colour) {
    return colour && !style.empty() ? cat("\x1b[", style, "m", text, "\x1b[0m") : text;
}

const std::vector<std::string>& help_lines() {
    static const std::vector<std::string> lines{
        "up, down, j, k   choose a container          a   all containers, or those that run",
        "enter, l         follow its log              /   filter by name, escape ends it",
        "e                a shell in it               i   inspect it",
        "s  start   t  stop   r  restart   p  pause or go on   x  kill   d  remove",
        "q                leave                       ?   this help"};
    return lines;
}

}  // namespace

std::string dash_screen(const DashView& view, std::size_t rows, std::size_t columns, bool colour) {
    std::vector<std::string> lines;
    const auto running = std::ranges::count_if(view.rows, &DashRow::is_running);
    const std::string title =
        cat(" berth dash   ", running, " running", view.shows_all ? cat(", ", view.rows.size(), " in all") : "",
            view.filter.empty() && !view.edits_filter ? "" : cat("   filter: ", view.filter, view.edits_filter ? "_" : ""));
    lines.push_back(styled(cell(title, columns), "7", colour));
    const Widths widths = fit(view, columns);
    lines.push_back(
        styled(cell("  " + row_text(widths, {"", "NAME", "IMAGE", "STATUS", "CPU", "MEMORY", "PORTS", false, false}), columns),
               "1", colour));
    const std::size_t below = view.shows_help ? help_lines().size() : std::min<std::size_t>(view.log.size(), rows > 16 ? 8 : 3);
    const std::size_t room = rows > below + 5 ? rows - below - 4 : 1;
    const std::size_t first = view.selected >= room ? view.selected - room + 1 : 0;
    for (std::size_t i = first; i < std::min(view.rows.size(), first + room); ++i) {
        const DashRow& row = view.rows[i];
        const bool is_selected = i == view.selected;
        // The mark says it too, for terminals without colour.
        const std::string text = cell(cat(is_selected ? "> " : "  ", row_text(widths, row)), columns);
        lines.push_back(styled(text, is_selected ? "7" : row.is_unhealthy ? "31" : row.is_running ? "32" : "2", colour));
    }
    if (view.rows.empty())
        lines.push_back(
            cell(view.filter.empty() ? "  nothing runs; press a for all containers" : "  no name holds that text", columns));
    while (lines.size() < rows - below - 2 && lines.size() < rows) lines.emplace_back();
    const std::string selected = view.selected < view.rows.size() ? view.rows[view.selected].name : "";
    lines.push_back(styled(cell(view.shows_help ? " keys" : cat(" log of ", selected), columns), "2", colour));
    for (std::size_t i = 0; i < below; ++i)
        lines.push_back(shortened(view.shows_help ? help_lines()[i] : harmless(view.log[view.log.size() - below + i]), columns));
    lines.push_back(shortened(
        view.message.empty() ? " ? help  enter log  e shell  t stop  r restart  q leave" : cat(" ", harmless(view.message)), columns));
    lines.resize(std::min(lines.size(), rows));
    std::string out = "\x1b[H";
    for (const std::string& line : lines) out += cat(&line == lines.data() ? "" : "\r\n", line, clear_rest);
    return out + "\x1b[J";
}

}  // namespace berth::cli
