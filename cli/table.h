#pragma once
// Table: docker's columns. Left aligned, at least ten wide with three spaces between, the last one as it is. A column goes as
// far as rows next to each other have it.

#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

class Table {
public:
    explicit Table(std::vector<std::string> header);
    /// A table without a header line.
    Table() = default;
    void add(std::vector<std::string> row);
    /// Ended lines with cells parted by tabs.
    void add_lines(std::string_view lines);
    /// All lines, each ended.
    std::string text() const;

private:
    /// Of the column that `row` is part of: rows above and below it that have it too.
    std::size_t width_at(std::size_t row, std::size_t column) const;

    std::vector<std::vector<std::string>> rows_;
};

}  // namespace berth::cli
