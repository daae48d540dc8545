// The layout of Go's tabwriter as docker sets it up: minimal cell 10, padding 3 (both counted in the cell).

#include "cli/table.h"

#include <algorithm>

#include "cli/texts.h"

namespace berth::cli {
namespace {

// The last cell of a row opens no column: nothing stands to its right.
bool has_column(const std::vector<std::string>& row, std::size_t column) { return column + 1 < row.size(); }

}  // namespace

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

void Table::add_lines(std::string_view lines) {
    for (std::size_t end; (end = lines.find('\n')) != std::string_view::npos; lines.remove_prefix(end + 1))
        add(split_text(lines.substr(0, end), '\t'));
}

std::size_t Table::width_at(std::size_t row, std::size_t column) const {
    std::size_t first = row;
    while (first > 0 && has_column(rows_[first - 1], column)) --first;
    std::size_t width = 10;
    for (; first < rows_.size() && has_column(rows_[first], column); ++first)
        width = std::max(width, display_width(rows_[first][column]) + 3);
    return width;
}

std::string Table::text() const {
    std::string out;
    std::vector<std::size_t> widths;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        const std::vector<std::string>& cells = rows_[row];
        // A row with fewer cells ends the columns that it has not; those below it are measured anew.
        widths.resize(std::min(widths.size(), std::max<std::size_t>(cells.size(), 1) - 1));
        for (std::size_t i = 0; i < cells.size(); ++i) {
            out += cells[i];
            if (!has_column(cells, i)) continue;
            if (widths.size() == i) widths.push_back(width_at(row, i));
            out.append(widths[i] - display_width(cells[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace berth::cli
