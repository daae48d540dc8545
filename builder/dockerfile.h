#pragma once
// A Dockerfile as its syntax tree: what stands where, with nothing expanded, looked up or judged yet. The grammar is
// BuildKit's (its parser's golden files are the oracle; facts and traps are named in lexer.cpp and parser.cpp).
// instructions.h turns the tree into typed instructions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

/// `<<NAME` on the line of a RUN, COPY or ADD, and the text up to the line NAME.
struct Heredoc {
    std::string name;
    std::string content;      ///< raw; leading tabs are gone when `strips_tabs`
    bool expands = true;      ///< false when any part of NAME was quoted
    bool strips_tabs = false; ///< `<<-`
    int descriptor = 0;       ///< `5<<NAME`; 0 when none was written
    bool operator==(const Heredoc&) const = default;
};

/// One instruction. Lines count from 1 and include continuation lines and heredocs.
struct Node {
    std::string keyword;             ///< lower case: "from"
    std::string written;             ///< as it stands in the file, for the rule about consistent casing
    std::string text;                ///< the joined line, trimmed, without comments and continuation marks
    std::vector<std::string> flags;  ///< "--name=value", quotes and escapes resolved
    std::string rest;                ///< what follows keyword and flags
    std::vector<std::string> words;  ///< split as the instruction asks; ENV and LABEL: key, value, separator, …
    bool is_json = false;            ///< the words came from a JSON array
    std::vector<Heredoc> heredocs;
    std::vector<Node> nested;        ///< ONBUILD's instruction, at most one
    std::vector<std::string> comments_before;
    int first_line = 0;
    int last_line = 0;
};

/// Something a user should know that is no error. `rule` is BuildKit's name for it ("NoEmptyContinuation").
struct Warning {
    std::string rule;
    std::string text;
    int first_line = 0;
    int last_line = 0;
};

struct Directives {
    char escape = '\\';
    std::string syntax;
    std::string check;
};

struct Dockerfile {
    std::string name;    ///< as errors show it: "Dockerfile"
    std::string source;  ///< the whole text, for excerpts
    Directives directives;
    std::vector<Node> nodes;
    std::vector<Warning> warnings;
};

/// Parses `text`. Errors are of Kind::invalid and start with "NAME:LINE: ".
Result<Dockerfile> parse_dockerfile(std::string_view text, std::string name);

/// The lines around [first, last] with numbers and `>>>` at those meant, as BuildKit prints them under an error.
std::string make_excerpt(const Dockerfile& file, int first, int last);

/// The tree as one s-expression a line: what BuildKit's golden files hold. For tests.
std::string dump_tree(const Dockerfile& file);

}  // namespace berth::builder
