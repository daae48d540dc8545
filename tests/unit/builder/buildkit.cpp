#include "tests/unit/builder/buildkit.h"

#include <cctype>
#include <cstdlib>
#include <sstream>

#include <criterion/criterion.h>

#include "tests/unit/support.h"

namespace support {
namespace {

/// One Go string literal at `at`, which is left behind it.
std::string read_literal(const std::string& line, std::size_t& at) {
    const char mark = line[at++];
    std::string out;
    for (; at < line.size() && line[at] != mark; ++at) {
        if (mark != '"' || line[at] != '\\') {
            out += line[at];
            continue;
        }
        const char escaped = line[++at];
        out += escaped == 't' ? '\t' : escaped == 'n' ? '\n' : escaped;
    }
    ++at;
    return out;
}

GoRow read_row(const std::string& line) {
    GoRow row;
    for (std::size_t at = line.find('{'); at < line.size() && line.compare(at, 2, "//") != 0;) {
        if (line[at] == '"' || line[at] == '`') {
            row.strings.push_back(read_literal(line, at));
        } else if (std::isalpha(static_cast<unsigned char>(line[at])) != 0) {
            std::string word;
            while (at < line.size() && std::isalnum(static_cast<unsigned char>(line[at])) != 0) word += line[at++];
            row.words.push_back(word);
        } else {
            ++at;
        }
    }
    return row;
}

}  // namespace

std::string checkout_path(const char* variable, const std::string& file) {
    const char* folder = std::getenv(variable);
    if (folder == nullptr) cr_skip_test("needs %s, the folder of a checkout", variable);
    return std::string(folder) + "/" + file;
}

void same(const std::string& found, const std::string& wanted) {
    cr_expect(found == wanted, "expected '%s', found '%s'", wanted.c_str(), found.c_str());
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::vector<GoRow> go_rows(const std::string& source, const std::string& start) {
    std::vector<GoRow> rows;
    bool inside = false;
    for (const std::string& line : lines_of(source)) {
        if (inside && (line == "}" || line == "\t}")) break;
        if (inside && line.find('{') != std::string::npos) rows.push_back(read_row(line));
        if (line.find(start) != std::string::npos) inside = true;
    }
    return rows;
}

}  // namespace support
