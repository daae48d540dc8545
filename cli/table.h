#pragma once
// Table: docker's columns. Left aligned, at least ten wide with three spaces between, the last one as it is.

#include <string>
#include <vector>

namespace berth::cli {

class Table {
public:
    explicit Table(std::vector<std::string> header);
    /// A table without a header line.
    Table() = default;
    void add(std::vector<std::string> row);
    /// All lines, each ended.
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace berth::cli
