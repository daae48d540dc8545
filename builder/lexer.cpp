#include "builder/lexer.h"

#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr std::size_t longest_line = 65535;

std::string_view trim_right_blanks(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_directive_name(std::string_view name) {
    if (name.empty() || !is_letter(character_at(name, 0).code)) return false;
    for (const char c : name)
        if (static_cast<unsigned char>(c) >= 0x80 || (!is_letter(static_cast<unsigned char>(c)) && !is_digit(static_cast<unsigned char>(c)))) return false;
    return true;
}

}  // namespace

LineReader::LineReader(std::string_view text) : rest_(text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
}

Result<std::string_view> LineReader::next() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    ++line_;
    if (line.size() > longest_line)
        return Error(Kind::invalid, cat("the line has ", line.size(), " bytes, at most ", longest_line, " are allowed"));
    rest_.remove_prefix(line.size());
    return line;
}

Result<bool> DirectiveReader::read(std::string_view line, Directives& into) {
    if (done_) return false;
    const bool starts = line.starts_with('#');
    const Cut parts = cut(starts ? line.substr(1) : line, '=');
    const std::string name = to_lower(trim(parts.before));
    const std::string value(trim(parts.after.value_or("")));
    const bool is_known = name == "syntax" || name == "escape" || name == "check";
    if (!starts || value.empty() || !is_directive_name(name) || !is_known) {
        done_ = true;
        return false;
    }
    const std::string mark = cat(' ', name, ' ');
    if (seen_.find(mark) != std::string::npos)
        return Error(Kind::invalid, cat("only one '", name, "' directive can be used"));
    seen_ += mark;
    if (name == "syntax") into.syntax = value;
    if (name == "check") into.check = value;
    if (name != "escape") return true;
    if (value != "\\" && value != "`")
        return Error(Kind::invalid, cat("invalid escape character '", value, "': expected \\ or `"));
    into.escape = value.front();
    return true;
}

std::string_view trim_line_end(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return line;
}

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

// Blanks may follow the mark. Behind another escape character it is an escaped one: `\\` and `\\\` both end the line
// (BuildKit's expression looks one character back, no further).
bool remove_continuation(std::string_view& line, char escape) {
    std::string_view kept = trim_right_blanks(line);
    if (!kept.ends_with(escape)) return false;
    kept.remove_suffix(1);
    if (kept.ends_with(escape)) return false;
    line = kept;
    return true;
}

}  // namespace berth::builder
