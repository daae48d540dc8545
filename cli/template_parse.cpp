// The reader of templates: text and actions, then words, then a tree (Go: text/template/parse).

#include <algorithm>
#include <cctype>

#include "cli/template_lexer.h"
#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {
namespace {

/// Reads the words of one action as a pipeline.
class Words {
public:
    explicit Words(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    bool at_end() const { return peek().kind == Token::Kind::end; }
    bool take_word(std::string_view word) {
        if (peek().kind != Token::Kind::word || peek().text != word) return false;
        ++at_;
        skip_space();
        return true;
    }
    void skip_space() {
        while (peek().kind == Token::Kind::space) ++at_;
    }

    Result<Pipeline> pipeline() {
        Pipeline out;
        take_declaration(out);
        for (;;) {
            skip_space();
            out.commands.push_back(TRY(command()));
            skip_space();
            if (!take_symbol("|")) break;
        }
        return out;
    }

private:
    const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
    bool take_symbol(std::string_view symbol) {
        if (peek().kind != Token::Kind::symbol || peek().text != symbol) return false;
        ++at_;
        return true;
    }

    // `$a :=`, `$a, $b :=` or `$a =`; anything else leaves the words as they were.
    void take_declaration(Pipeline& out) {
        const std::size_t start = at_;
        std::vector<std::string> names;
        while (peek().kind == Token::Kind::variable) {
            names.push_back(peek().text);
            ++at_;
            skip_space();
            if (!take_symbol(",")) break;
            skip_space();
        }
        if (!names.empty() && (peek().text == ":=" || peek().text == "=") && peek().kind == Token::Kind::symbol) {
            out.declares = peek().text == ":=";
            out.variables = std::move(names);
            ++at_;
            return;
        }
        at_ = start;
    }

    Result<Command> command() {
        Command out;
        while (!at_end() && !(peek().kind == Token::Kind::symbol && (peek().text == "|" || peek().text == ")"))) {
            out.words.push_back(TRY(operand()));
            // Words are parted by spaces: ".A .B" are two, ".A.B" is one.
            if (peek().kind == Token::Kind::space)
                skip_space();
            else if (!at_end() && !(peek().kind == Token::Kind::symbol && (peek().text == "|" || peek().text == ")")))
                return wrong_template(cat("unexpected '", peek().text, "' behind a value"));
        }
        if (out.words.empty()) return wrong_template("a value is missing");
        return out;
    }

    Result<Operand> operand() {
        Operand out;
        const Token token = peek();
        ++at_;
        switch (token.kind) {
            case Token::Kind::field:
                out.fields.push_back(token.text);
                break;
            case Token::Kind::variable:
                out.from = Operand::From::variable;
                out.name = token.text;
                break;
            case Token::Kind::string:
            case Token::Kind::number:
                out.from = Operand::From::literal;
                out.literal = token.value;
                return out;
            case Token::Kind::word:
                return word(token.text);
            default:
                if (token.text == "(") {
                    out.from = Operand::From::pipeline;
                    skip_space();
                    out.pipeline.push_back(TRY(pipeline()));
                    skip_space();
                    if (!take_symbol(")")) return wrong_template("a ')' is missing");
                } else if (token.text != ".") {
                    return wrong_template(cat("unexpected '", token.text, "'"));
                }
        }
        while (peek().kind == Token::Kind::field) {
            out.fields.push_back(peek().text);
            ++at_;
        }
        return out;
    }

    static Result<Operand> word(const std::string& name) {
        Operand out;
        out.from = Operand::From::literal;
        if (name == "true" || name == "false") return out.literal = name == "true", out;
        if (name == "nil") return out;
        if (!is_function(name)) {
            Error error = wrong_template(cat("function '", name, "' not defined"));
            const std::string near = nearest_word(name, function_names());
            return near.empty()
                       ? std::move(error)
                       : std::move(error).with_hint(cat("did you mean '", near, "'? A field starts with a dot: '.", name, "'"));
        }
        out.from = Operand::From::function;
        out.name = name;
        return out;
    }

    std::vector<Token> tokens_;
    std::size_t at_ = 0;
};

/// A piece of the template: text, or what stands between {{ and }}.
struct Piece {
    bool is_action;
    std::string text;
};

std::string_view trim_right(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return text;
}
std::string_view trim_left(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    return text;
}

// The end of an action: "}}" outside quotes and comments.
std::size_t end_of_action(std::string_view text, std::size_t at) {
    for (char quote = 0; at < text.size(); ++at) {
        if (quote != 0) {
            if (text[at] == '\\' && quote != '`')
                ++at;
            else if (text[at] == quote)
                quote = 0;
        } else if (text.substr(at).starts_with("/*")) {
            at = text.find("*/", at + 2);
            if (at == std::string_view::npos) return at;
            ++at;
        } else if (text.substr(at).starts_with("}}")) {
            return at;
        } else if (text[at] == '"' || text[at] == '`' || text[at] == '\'') {
            quote = text[at];
        }
    }
    return std::string_view::npos;
}

Result<std::vector<Piece>> split_pieces(std::string_view text) {
    std::vector<Piece> out;
    bool trim_next = false;
    for (;;) {
        const std::size_t open = text.find("{{");
        std::string_view plain = text.substr(0, open);
        if (trim_next) plain = trim_left(plain);
        if (open == std::string_view::npos) {
            if (!plain.empty()) out.push_back({false, std::string(plain)});
            return out;
        }
        const std::size_t close = end_of_action(text, open + 2);
        if (close == std::string_view::npos) return wrong_template(cat("unclosed action in '", text.substr(open), "'"));
        std::string_view inside = text.substr(open + 2, close - open - 2);
        const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
        if (inside.size() >= 2 && inside[0] == '-' && is_space(inside[1])) {
            plain = trim_right(plain);
            inside.remove_prefix(2);
        }
        trim_next = inside.size() >= 2 && inside.back() == '-' && is_space(inside[inside.size() - 2]);
        if (trim_next) inside.remove_suffix(2);
        if (!plain.empty()) out.push_back({false, std::string(plain)});
        inside = trim_left(trim_right(inside));
        const bool is_comment = inside.starts_with("/*") && inside.ends_with("*/");
        if (!is_comment) out.push_back({true, std::string(inside)});
        text.remove_prefix(close + 2);
    }
}

/// Builds the tree out of the pieces.
class Builder {
public:
    explicit Builder(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

    Result<std::vector<Node>> all() {
        std::vector<Node> nodes = TRY(list(0));
        if (at_ < pieces_.size()) return wrong_template(cat("unexpected {{", pieces_[at_].text, "}}"));
        return nodes;
    }

private:
    static std::string first_word(std::string_view text) {
        std::size_t end = 0;
        while (end < text.size() && is_name(text[end])) ++end;
        return std::string(text.substr(0, end));
    }

    // Up to {{else}} or {{end}} of the block that it stands in, which stay.
    Result<std::vector<Node>> list(int depth) {
        if (depth > 100) return wrong_template("blocks nest too deeply");
        std::vector<Node> out;
        for (; at_ < pieces_.size(); ++at_) {
            const Piece& piece = pieces_[at_];
            if (!piece.is_action) {
                out.emplace_back().text = piece.text;
                continue;
            }
            const std::string word = first_word(piece.text);
            if (word == "end" || word == "else") return out;
            out.push_back(TRY(action(word, depth)));
        }
        return out;
    }

    Result<Node> action(const std::string& word, int depth) {
        if (word == "define" || word == "template" || word == "block")
            return Error(Kind::unsupported, cat("template: {{", word, "}} is not supported"));
        Words words(TRY(split_words(pieces_[at_].text)));
        if (word == "if" || word == "with" || word == "range") {
            words.take_word(word);
            return block(word, words, depth);
        }
        Node node;
        node.kind = word == "break" ? Node::Kind::leave : word == "continue" ? Node::Kind::skip : Node::Kind::action;
        if (node.kind != Node::Kind::action) return node;
        node.pipeline = TRY(words.pipeline());
        if (!words.at_end()) return wrong_template(cat("unexpected end of {{", pieces_[at_].text, "}}"));
        return node;
    }

    Result<Node> block(const std::string& word, Words& words, int depth) {
        Node node;
        node.kind = word == "if" ? Node::Kind::if_true : word == "with" ? Node::Kind::with : Node::Kind::range;
        node.pipeline = TRY(words.pipeline());
        if (!words.at_end()) return wrong_template(cat("unexpected end of '", word, "'"));
        ++at_;
        node.body = TRY(list(depth + 1));
        if (at_ < pieces_.size() && first_word(pieces_[at_].text) == "else") {
            Words rest(TRY(split_words(pieces_[at_].text)));
            rest.take_word("else");
            for (const std::string next : {"if", "with"})
                if (rest.take_word(next)) {
                    // {{else if}} is an if inside else that shares the {{end}}.
                    node.otherwise.push_back(TRY(block(next, rest, depth + 1)));
                    return node;
                }
            ++at_;
            node.otherwise = TRY(list(depth + 1));
        }
        if (at_ >= pieces_.size() || first_word(pieces_[at_].text) != "end") return wrong_template(cat("{{", word, "}} has no {{end}}"));
        return node;
    }

    std::vector<Piece> pieces_;
    std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Node>> parse_nodes(std::string_view text) { return Builder(TRY(split_pieces(text))).all(); }

}  // namespace berth::cli::template_detail
