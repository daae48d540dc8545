// The layout of Go's tabwriter as docker sets it up: minimal cell 10, padding 3 (both counted in the cell).

#include "cli/table.h"

#include <algorithm>

#include "cli/texts.h"

namespace berth::cli {

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
        // The last cell of a row opens no column: nothing stands to its right.
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(10);
            widths[i] = std::max(widths[i], display_width(row[i]) + 3);
        }
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - display_width(row[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace berth::cli
