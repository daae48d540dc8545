#include "cli/template_lexer.h"

#include <cctype>
#include <charconv>

#include "cli/texts.h"

namespace berth::cli::template_detail {

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

Error wrong_template(std::string_view what) { return Error(Kind::invalid, cat("template: ", what)); }

namespace {

Result<std::string> unquote(std::string_view body) {
    std::string out;
    for (std::size_t i = 0; i < body.size(); ++i) {
        if (body[i] != '\\') {
            out += body[i];
            continue;
        }
        if (++i == body.size()) return wrong_template("a string ends in a backslash");
        switch (body[i]) {
            case 'n':
                out += '\n';
                break;
            case 't':
                out += '\t';
                break;
            case 'r':
                out += '\r';
                break;
            case '0':
                out += '\0';
                break;
            case 'a':
                out += '\a';
                break;
            case '\\':
            case '"':
            case '\'':
                out += body[i];
                break;
            case 'x': {
                unsigned code = 0;
                const std::string_view digits = body.substr(i + 1, 2);
                if (std::from_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr != digits.data() + 2 ||
                    digits.size() != 2)
                    return wrong_template("\\x wants two hexadecimal digits");
                out += static_cast<char>(code);
                i += 2;
                break;
            }
            default:
                return wrong_template(cat("unknown escape '\\", body[i], "'"));
        }
    }
    return out;
}

/// The words of one action, white space kept where it parts arguments.
class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<std::vector<Token>> tokens() {
        std::vector<Token> out;
        while (at_ < text_.size()) out.push_back(TRY(next()));
        while (!out.empty() && out.back().kind == Token::Kind::space) out.pop_back();
        out.push_back({});
        return out;
    }

private:
    std::string take_name() {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_name(text_[at_])) ++at_;
        return std::string(text_.substr(start, at_ - start));
    }

    Result<Token> next() {
        const char c = text_[at_];
        if (std::isspace(static_cast<unsigned char>(c))) {
            while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
            return Token{Token::Kind::space, " ", {}};
        }
        if (c == '"' || c == '`' || c == '\'') return take_string(c);
        if (c == '.' && at_ + 1 < text_.size() && is_name(text_[at_ + 1]) && !is_digit(text_[at_ + 1])) {
            ++at_;
            return Token{Token::Kind::field, take_name(), {}};
        }
        if (is_digit(c) || ((c == '-' || c == '+' || c == '.') && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])))
            return take_number();
        if (c == '$') {
            ++at_;
            return Token{Token::Kind::variable, cat("$", take_name()), {}};
        }
        if (is_name(c)) return Token{Token::Kind::word, take_name(), {}};
        const std::size_t length = text_.substr(at_).starts_with(":=") ? 2 : 1;
        const std::string symbol(text_.substr(at_, length));
        if (length == 1 && std::string_view(".|(),=").find(c) == std::string_view::npos)
            return wrong_template(cat("unexpected '", c, "' in '", text_, "'"));
        at_ += length;
        return Token{Token::Kind::symbol, symbol, {}};
    }

    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    Result<Token> take_string(char quote) {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' && quote != '`' ? 2 : 1;
        if (end >= text_.size()) return wrong_template(cat("unterminated string in '", text_, "'"));
        const std::string_view body = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        if (quote == '`') return Token{Token::Kind::string, "", std::string(body)};
        std::string value = TRY(unquote(body));
        if (quote == '"') return Token{Token::Kind::string, "", std::move(value)};
        if (value.size() != 1) return wrong_template(cat("'", body, "' is not one character; strings stand in double quotes"));
        return Token{Token::Kind::number, "", static_cast<std::int64_t>(static_cast<unsigned char>(value[0]))};
    }

    Result<Token> take_number() {
        const std::size_t start = at_++;
        while (at_ < text_.size() && (is_name(text_[at_]) || text_[at_] == '.')) ++at_;
        const std::string_view digits = text_.substr(start, at_ - start);
        if (const auto whole = parse_integer(digits); whole.ok()) return Token{Token::Kind::number, "", whole.value()};
        if (digits.starts_with("0x")) {
            std::int64_t value = 0;
            if (std::from_chars(digits.data() + 2, digits.data() + digits.size(), value, 16).ptr == digits.data() + digits.size())
                return Token{Token::Kind::number, "", value};
        }
        double value = 0;
        const char* first = digits.data() + (digits.front() == '+' ? 1 : 0);
        const auto [end, failure] = std::from_chars(first, digits.data() + digits.size(), value);
        if (failure != std::errc() || end != digits.data() + digits.size())
            return wrong_template(cat("bad number '", digits, "'"));
        return Token{Token::Kind::number, "", value};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> split_words(std::string_view action) { return Lexer(action).tokens(); }

}  // namespace berth::cli::template_detail
