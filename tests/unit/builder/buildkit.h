#pragma once
// Case data of other projects, read from a checkout and never kept here. BERTH_BUILDKIT and BERTH_PATTERNMATCHER name the
// folders of moby/buildkit and moby/patternmatcher; a test whose folder is not given is skipped and says so.

#include <string>
#include <vector>

namespace support {

/// The path of `file` in the checkout named by `variable`; skips the running test when there is none.
std::string checkout_path(const char* variable, const std::string& file);
/// Both texts in the message. Criterion's own comparison of strings keeps pointers into temporaries.
void same(const std::string& found, const std::string& wanted);
std::vector<std::string> lines_of(const std::string& text);

/// The rows `{"a", "b", true},` of a table in Go source between the line that holds `start` and the next line "}" or "\t}".
struct GoRow {
    std::vector<std::string> strings;
    std::vector<std::string> words;  ///< what stands in the row and is no string
};
std::vector<GoRow> go_rows(const std::string& source, const std::string& start);

}  // namespace support
