// The reader of templates: text and actions, then words, then a tree (Go: text/template/parse).

#include <algorithm>
#include <cctype>
#include <utility>

#include "cli/template_lexer.h"
#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {
namespace {

constexpr int deepest = 100;

/// Names that $x may refer to; those of a block go with its {{end}}.
using Variables = std::vector<std::string>;

/// Reads the words of one action.
class Words {
public:
    Words(std::vector<Token> tokens, Variables& variables) : tokens_(std::move(tokens)), variables_(variables) {}

    bool at_end() const { return peek().kind == Token::Kind::end; }
    bool take_word(std::string_view word) {
        if (peek().kind != Token::Kind::word || peek().text != word) return false;
        ++at_;
        skip_space();
        return true;
    }

    /// Behind {{define}}, {{template}} and {{block}}.
    Result<std::string> template_name(std::string_view of) {
        if (peek().kind != Token::Kind::string) return wrong_template(cat("{{", of, "}} wants the name of a template in quotes"));
        std::string name = *peek().value.string();
        ++at_;
        skip_space();
        return name;
    }

    /// Up to the end of the action, or the ')' around it.
    Result<Pipeline> pipeline(std::string_view of, int depth = 0) {
        if (depth > deepest) return wrong_template("parentheses nest too deeply");
        Pipeline out;
        skip_space();
        TRY(take_declaration(out, of));
        while (skip_space(), !at_end() && !is_symbol(")")) {
            out.commands.push_back(TRY(command(depth)));
            const auto first = out.commands.back().words.front().from;
            const bool is_value = (first == Operand::From::dot && out.commands.back().words.front().fields.empty()) ||
                                  first == Operand::From::literal || first == Operand::From::nil;
            if (is_value && out.commands.size() > 1)
                return wrong_template(cat("behind '|' stands a function, not a value, in stage ", out.commands.size()));
        }
        if (out.commands.empty()) return wrong_template(cat("a value is missing for ", of));
        if (depth == 0 && !at_end()) return wrong_template(cat("unexpected '", peek().text, "' in ", of));
        return out;
    }

private:
    const Token& peek() const { return tokens_[std::min(at_, tokens_.size() - 1)]; }
    void skip_space() {
        while (peek().kind == Token::Kind::space) ++at_;
    }
    bool is_symbol(std::string_view symbol) const { return peek().kind == Token::Kind::symbol && peek().text == symbol; }
    bool take_symbol(std::string_view symbol) {
        if (!is_symbol(symbol)) return false;
        ++at_;
        return true;
    }

    // `$a :=`, `$a =`, of a range also `$a, $b :=`; anything else leaves the words as they were.
    Result<void> take_declaration(Pipeline& out, std::string_view of) {
        const std::size_t start = at_;
        std::vector<std::string> names;
        while (peek().kind == Token::Kind::variable) {
            names.push_back(peek().text);
            ++at_;
            skip_space();
            if (!take_symbol(",")) break;
            if (names.size() == (of == "range" ? 2 : 1)) return wrong_template(cat("too many variables in ", of));
            skip_space();
        }
        if (names.empty() || (!is_symbol(":=") && !is_symbol("="))) {
            at_ = start;
            return {};
        }
        out.declares = is_symbol(":=");
        out.variables = names;
        variables_.insert(variables_.end(), names.begin(), names.end());
        ++at_;
        return {};
    }

    Result<Command> command(int depth) {
        Command out;
        for (;;) {
            out.words.push_back(TRY(operand(depth)));
            // Words are parted by spaces: ".A .B" are two, ".A.B" is one.
            const bool is_parted = peek().kind == Token::Kind::space;
            skip_space();
            if (at_end() || is_symbol(")") || take_symbol("|")) return out;
            if (!is_parted) return wrong_template(cat("unexpected '", peek().text, "' behind a value"));
        }
    }

    Result<Operand> operand(int depth) {
        const std::string written = peek().text;
        Operand out = TRY(term(depth));
        const bool may_have_fields = !out.fields.empty() || out.from == Operand::From::variable ||
                                     out.from == Operand::From::function || out.from == Operand::From::pipeline;
        for (; peek().kind == Token::Kind::field; ++at_) {
            if (!may_have_fields) return wrong_template(cat("unexpected '.", peek().text, "' behind '", written, "'"));
            out.fields.push_back(peek().text);
        }
        return out;
    }

    // An operand without the fields behind it.
    Result<Operand> term(int depth) {
        Operand out;
        const Token token = peek();
        ++at_;
        switch (token.kind) {
            case Token::Kind::field:
                out.fields.push_back(token.text);
                return out;
            case Token::Kind::variable:
                if (std::ranges::find(variables_, token.text) == variables_.end())
                    return wrong_template(cat("undefined variable '", token.text, "'"));
                out.from = Operand::From::variable;
                out.name = token.text;
                return out;
            case Token::Kind::string:
            case Token::Kind::number:
                out.from = Operand::From::literal;
                out.name = token.text;
                out.literal = token.value;
                return out;
            case Token::Kind::word:
                return word(token.text);
            default:
                break;
        }
        if (token.text == ".") return out;
        if (token.text != "(") return wrong_template(cat("unexpected '", token.text, "'"));
        out.from = Operand::From::pipeline;
        out.pipeline.push_back(TRY(pipeline("the parentheses", depth + 1)));
        if (!take_symbol(")")) return wrong_template("a ')' is missing");
        return out;
    }

    static Result<Operand> word(const std::string& name) {
        Operand out;
        out.name = name;
        out.from = Operand::From::literal;
        if (name == "true" || name == "false") return out.literal = name == "true", out;
        out.from = Operand::From::nil;
        if (name == "nil") return out;
        if (!is_function(name)) {
            Error error = wrong_template(cat("function '", name, "' not defined"));
            const std::string near = nearest_word(name, function_names());
            return near.empty()
                       ? std::move(error)
                       : std::move(error).with_hint(cat("did you mean '", near, "'? A field starts with a dot: '.", name, "'"));
        }
        out.from = Operand::From::function;
        return out;
    }

    std::vector<Token> tokens_;
    Variables& variables_;
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
        const bool is_comment = inside.starts_with("/*") && inside.find("*/") == inside.size() - 2 && inside.size() >= 4;
        if (!is_comment) out.push_back({true, std::string(inside)});
        text.remove_prefix(close + 2);
    }
}

// Of two definitions Go takes the one that has more than white space; two such are a mistake.
bool is_blank(const std::vector<Node>& nodes) {
    return std::ranges::all_of(nodes,
                               [](const Node& node) { return node.kind == Node::Kind::text && trim_left(node.text).empty(); });
}

/// Builds the trees out of the pieces.
class Builder {
public:
    explicit Builder(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

    Result<Templates> all() {
        std::vector<Node> whole = TRY(list(0));
        if (at_ < pieces_.size()) return wrong_template(cat("unexpected {{", pieces_[at_].text, "}}"));
        TRY(add("", std::move(whole)));
        return std::move(templates_);
    }

private:
    static std::string first_word(std::string_view text) {
        std::size_t end = 0;
        while (end < text.size() && is_name(text[end])) ++end;
        return std::string(text.substr(0, end));
    }
    Result<Words> words() { return Words(TRY(split_words(pieces_[at_].text)), variables_); }
    bool is_at(std::string_view word) const { return at_ < pieces_.size() && pieces_[at_].text == word; }

    // Up to {{else}} or {{end}} of the block that it stands in, which stay.
    Result<std::vector<Node>> list(int depth) {
        if (depth > deepest) return wrong_template("blocks nest too deeply");
        std::vector<Node> out;
        for (; at_ < pieces_.size(); ++at_) {
            const Piece& piece = pieces_[at_];
            if (!piece.is_action) {
                out.emplace_back().text = piece.text;
                continue;
            }
            const std::string word = first_word(piece.text);
            if (word == "end" || word == "else") return out;
            if (word == "define")
                TRY(define(depth));
            else
                out.push_back(TRY(action(word, depth)));
        }
        return out;
    }

    // The list of a block and its {{end}}, at which it stays.
    Result<std::vector<Node>> body(std::string_view of, int depth) {
        ++at_;
        std::vector<Node> out = TRY(list(depth + 1));
        if (at_ >= pieces_.size()) return wrong_template(cat("{{", of, "}} has no {{end}}"));
        return out;
    }

    // A template sees no variables but its own, and {{break}} no range outside.
    Result<void> body_of_template(std::string_view of, std::string name, int depth) {
        Variables outer = std::exchange(variables_, {"$"});
        const int outer_ranges = std::exchange(ranges_, 0);
        std::vector<Node> nodes = TRY(body(of, depth));
        if (!is_at("end")) return wrong_template(cat("unexpected {{", pieces_[at_].text, "}} in {{", of, "}}"));
        variables_ = std::move(outer);
        ranges_ = outer_ranges;
        return add(std::move(name), std::move(nodes));
    }

    Result<void> define(int depth) {
        if (depth > 0) return wrong_template("{{define}} stands outside all blocks");
        Words words = TRY(this->words());
        words.take_word("define");
        std::string name = TRY(words.template_name("define"));
        if (!words.at_end()) return wrong_template(cat("unexpected words in {{", pieces_[at_].text, "}}"));
        return body_of_template("define", std::move(name), depth);
    }

    Result<void> add(std::string name, std::vector<Node> nodes) {
        const auto known = templates_.find(name);
        if (known == templates_.end() || is_blank(known->second))
            templates_[name] = std::move(nodes);
        else if (!is_blank(nodes))
            return wrong_template(cat("multiple definition of template '", name, "'"));
        return {};
    }

    Result<Node> action(const std::string& word, int depth) {
        Words words = TRY(this->words());
        Node node;
        if (word == "if" || word == "with" || word == "range") {
            words.take_word(word);
            return block(word, words, depth);
        }
        if (word == "template" || word == "block") {
            words.take_word(word);
            node.kind = Node::Kind::call;
            node.text = TRY(words.template_name(word));
            if (word == "block" || !words.at_end()) node.pipeline = TRY(words.pipeline(word));
            if (word == "block") TRY(body_of_template(word, node.text, depth));
            return node;
        }
        if (word == "break" || word == "continue") {
            node.kind = word == "break" ? Node::Kind::leave : Node::Kind::skip;
            if (!is_at(word)) return wrong_template(cat("unexpected words in {{", pieces_[at_].text, "}}"));
            if (ranges_ == 0) return wrong_template(cat("{{", word, "}} stands outside any {{range}}"));
            return node;
        }
        node.kind = Node::Kind::action;
        node.pipeline = TRY(words.pipeline("command"));
        return node;
    }

    Result<Node> block(const std::string& word, Words& words, int depth) {
        Node node;
        const std::size_t scope = variables_.size();
        node.kind = word == "if" ? Node::Kind::if_true : word == "with" ? Node::Kind::with : Node::Kind::range;
        node.pipeline = TRY(words.pipeline(word));
        ranges_ += word == "range";
        node.body = TRY(body(word, depth));
        ranges_ -= word == "range";
        if (first_word(pieces_[at_].text) == "else") {
            Words rest = TRY(this->words());
            rest.take_word("else");
            if (word != "range" && rest.take_word(word)) {
                // {{else if}} is an if inside else that shares the {{end}}.
                node.otherwise.push_back(TRY(block(word, rest, depth + 1)));
            } else {
                if (!rest.at_end()) return wrong_template(cat("unexpected words in {{", pieces_[at_].text, "}}"));
                node.otherwise = TRY(body(word, depth));
            }
        }
        variables_.resize(scope);
        if (!is_at("end")) return wrong_template(cat("unexpected {{", pieces_[at_].text, "}}, expected {{end}}"));
        return node;
    }

    std::vector<Piece> pieces_;
    std::size_t at_ = 0;
    Variables variables_ = {"$"};
    int ranges_ = 0;
    Templates templates_;
};

}  // namespace

Result<Templates> parse_templates(std::string_view text) { return Builder(TRY(split_pieces(text))).all(); }

}  // namespace berth::cli::template_detail
