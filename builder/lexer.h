#pragma once
// The physical side of a Dockerfile: lines, parser directives, comments, continuation. Pure; errors carry no position,
// line() tells where the reader stands.

#include <string>
#include <string_view>

#include "builder/dockerfile.h"

namespace berth::builder {

class LineReader {
public:
    explicit LineReader(std::string_view text);
    /// The next physical line with its line end. Kind::invalid when it is longer than 65535 bytes.
    Result<std::string_view> next();
    bool at_end() const { return rest_.empty(); }
    /// Lines read so far.
    int line() const { return line_; }

private:
    std::string_view rest_;
    int line_ = 0;
};

/// `# key=value` lines at the very top. The first line that is none ends the search for good.
class DirectiveReader {
public:
    /// True when the line was a directive. Kind::invalid: one given twice, an escape that is neither \ nor `.
    Result<bool> read(std::string_view line, Directives& into);

private:
    bool done_ = false;
    std::string seen_;
};

std::string_view trim_line_end(std::string_view line);
bool is_comment(std::string_view line);

/// Takes the continuation mark off the end of the line; false when there is none.
bool remove_continuation(std::string_view& line, char escape);

}  // namespace berth::builder
