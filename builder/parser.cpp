// Joins physical lines to logical ones, splits each as its instruction asks, and collects heredocs. What BuildKit's
// parser takes, this takes; what only later stages can judge (unknown words, wrong flags) is left to instructions.cpp.

#include "builder/dockerfile.h"
#include "builder/expand.h"
#include "builder/heredoc.h"
#include "builder/lexer.h"
#include "builder/text.h"
#include "builder/words.h"

namespace berth::builder {
namespace {

enum class Shape { words, pairs, assignments, text, json_or_text, json_or_words, health, nested, unknown };

Shape shape_of(std::string_view keyword) {
    struct Entry {
        std::string_view keyword;
        Shape shape;
    };
    static constexpr Entry shapes[] = {
        {"add", Shape::json_or_words},    {"arg", Shape::assignments},  {"cmd", Shape::json_or_text},
        {"copy", Shape::json_or_words},   {"entrypoint", Shape::json_or_text}, {"env", Shape::pairs},
        {"expose", Shape::words},         {"from", Shape::words},       {"healthcheck", Shape::health},
        {"label", Shape::pairs},          {"maintainer", Shape::text},  {"onbuild", Shape::nested},
        {"run", Shape::json_or_text},     {"shell", Shape::json_or_text}, {"stopsignal", Shape::text},
        {"user", Shape::text},            {"volume", Shape::json_or_words}, {"workdir", Shape::text}};
    for (const Entry& entry : shapes)
        if (entry.keyword == keyword) return entry.shape;
    return Shape::unknown;
}

Result<Node> parse_line(std::string_view line, char escape);

Result<void> take_json(std::string_view text, Node& node) {
    auto words = TRY(parse_json_words(text));
    node.is_json = words.has_value();
    if (words) node.words.insert(node.words.end(), words->begin(), words->end());
    return {};
}

void take_text(std::string_view text, Node& node) {
    if (!text.empty()) node.words.emplace_back(text);
}

Result<void> split_rest(Node& node, char escape) {
    switch (shape_of(node.keyword)) {
        case Shape::words: node.words = split_at_blanks(node.rest); return {};
        case Shape::pairs: node.words = TRY(parse_pairs(node.rest, to_upper(node.keyword), escape)); return {};
        case Shape::assignments: node.words = split_words(node.rest, escape); return {};
        case Shape::text: take_text(node.rest, node); return {};
        case Shape::json_or_text:
            TRY(take_json(node.rest, node));
            if (!node.is_json) take_text(node.rest, node);
            return {};
        case Shape::json_or_words:
            TRY(take_json(node.rest, node));
            if (!node.is_json) node.words = split_at_blanks(node.rest);
            return {};
        case Shape::health: {
            if (node.rest.empty()) return {};
            const FirstWord type = split_first(node.rest);
            node.words.push_back(type.word);
            TRY(take_json(type.rest.value_or(""), node));
            if (!node.is_json) take_text(type.rest.value_or(""), node);
            return {};
        }
        case Shape::nested:
            if (node.rest.empty()) return {};
            node.nested.resize(1);
            node.nested.front() = TRY(parse_line(node.rest, escape));
            return {};
        case Shape::unknown: return {};
    }
    return {};
}

Result<Node> parse_line(std::string_view line, char escape) {
    Node node;
    node.text = trim(line);
    FirstWord first = split_first(node.text);
    node.written = first.word;
    node.keyword = to_lower(first.word);
    const std::string arguments = std::move(first.rest).value_or("");
    Flags flags = split_flags(arguments, escape);
    node.flags = std::move(flags.flags);
    node.rest = trim(flags.rest);
    TRY(split_rest(node, escape));
    return node;
}

bool may_hold_heredocs(const Node& node) {
    if (node.keyword == "onbuild" && !node.nested.empty()) return may_hold_heredocs(node.nested.front());
    return (node.keyword == "run" || node.keyword == "copy" || node.keyword == "add") && !node.is_json;
}

class Parser {
public:
    Parser(std::string_view text, std::string name) : reader_(text) {
        file_.source = text;
        file_.name = std::move(name);
    }

    Result<Dockerfile> run() {
        while (!reader_.at_end()) {
            auto read = read_instruction();
            if (!read.ok()) return std::move(read).error().context(file_.name, ':', error_line_);
        }
        if (file_.nodes.empty())
            return Error(Kind::invalid, cat(file_.name, ": the file has no instructions")).with_hint("a Dockerfile starts with FROM IMAGE");
        return std::move(file_);
    }

private:
    Result<void> read_instruction() {
        error_line_ = reader_.line() + 1;
        const std::string_view physical = TRY(reader_.next());
        const int first_line = reader_.line();
        std::string_view line = trim_left(trim_line_end(physical));
        const bool is_directive = TRY(directives_.read(line, file_.directives));
        if (is_comment(line)) {
            if (!is_directive) remember_comment(line);
            return {};
        }
        bool goes_on = remove_continuation(line, file_.directives.escape);
        if (!goes_on && line.empty()) return {};

        std::string joined(line);
        bool has_empty_line = false;
        while (goes_on && !reader_.at_end()) goes_on = TRY(append_line(joined, has_empty_line));
        const int line_end = reader_.line();

        Node node = TRY(parse_line(joined, file_.directives.escape));
        node.first_line = first_line;
        if (has_empty_line)
            file_.warnings.push_back({"NoEmptyContinuation", cat("Empty continuation line found in: ", joined), line_end, line_end});
        if (may_hold_heredocs(node) && joined.find("<<") != std::string::npos) TRY(read_heredocs(joined, node));
        node.last_line = reader_.line();
        node.comments_before = std::move(comments_);
        comments_.clear();
        for (Node& inner : node.nested) {
            inner.first_line = node.first_line;
            inner.last_line = node.last_line;
            inner.heredocs = node.heredocs;
        }
        file_.nodes.push_back(std::move(node));
        return {};
    }

    void remember_comment(std::string_view line) {
        const std::string_view text = trim(line.substr(1));
        if (text.empty()) comments_.clear();
        else comments_.emplace_back(text);
    }

    /// One more physical line behind a continuation mark; true when yet another one follows.
    Result<bool> append_line(std::string& joined, bool& has_empty_line) {
        const std::string_view physical = TRY(reader_.next());
        std::string_view line = trim_line_end(physical);
        if (is_comment(line)) return true;
        if (trim_left(line).empty()) {
            has_empty_line = true;
            return true;
        }
        const bool goes_on = remove_continuation(line, file_.directives.escape);
        joined += line;
        return goes_on;
    }

    Result<void> read_heredocs(const std::string& joined, Node& node) {
        node.heredocs = TRY(find_heredocs(joined));
        for (Heredoc& document : node.heredocs) TRY(read_body(document));
        return {};
    }

    Result<void> read_body(Heredoc& document) {
        while (!reader_.at_end()) {
            const std::string_view line = TRY(reader_.next());
            std::string_view end = trim_line_end(line);
            while (document.strips_tabs && end.starts_with('\t')) end.remove_prefix(1);
            if (end == document.name) return {};
            document.content += line;
        }
        return Error(Kind::invalid, cat("the heredoc '<<", document.name, "' has no end: expected a line '", document.name, "'"));
    }

    LineReader reader_;
    DirectiveReader directives_;
    Dockerfile file_;
    std::vector<std::string> comments_;
    int error_line_ = 0;
};

}  // namespace

Result<Dockerfile> parse_dockerfile(std::string_view text, std::string name) {
    return Parser(text, std::move(name)).run();
}

}  // namespace berth::builder
