#include "cli/template_lexer.h"

#include <cctype>
#include <charconv>

#include "base/utf8.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

Error wrong_template(std::string_view what) { return Error(Kind::invalid, cat("template: ", what)); }

namespace {

/// Reads the escapes of a string in `quote`s, as Go has them.
class Unquote {
public:
    Unquote(std::string_view body, char quote) : body_(body), quote_(quote) {}

    Result<std::string> text() {
        std::string out;
        while (!body_.empty()) {
            const char c = take();
            if (c == '\n') return wrong_template("a string ends with its line");
            if (c != '\\') {
                out += c;
                continue;
            }
            const std::string meant = TRY(escape());
            out += meant;
        }
        return out;
    }

private:
    char take() {
        const char c = body_.front();
        body_.remove_prefix(1);
        return c;
    }

    Result<std::string> escape() {
        static constexpr std::string_view letters = "abfnrtv\\";
        static constexpr std::string_view meant = "\a\b\f\n\r\t\v\\";
        if (body_.empty()) return wrong_template("a string ends in a backslash");
        const char c = take();
        if (c == quote_) return std::string(1, c);
        if (const std::size_t at = letters.find(c); at != std::string_view::npos) return std::string(1, meant[at]);
        const bool is_octal = c >= '0' && c <= '7';
        if (c != 'x' && c != 'u' && c != 'U' && !is_octal) return wrong_template(cat("unknown escape '\\", c, "'"));
        if (is_octal) body_ = {body_.data() - 1, body_.size() + 1};
        const std::uint32_t value = TRY(code(is_octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : 8, is_octal ? 8 : 16));
        return is_octal || c == 'x' ? std::string(1, static_cast<char>(value)) : utf8_text(value);
    }

    Result<std::uint32_t> code(std::size_t digits, int base) {
        std::uint32_t value = 0;
        const std::string_view text = body_.substr(0, digits);
        if (text.size() != digits || std::from_chars(text.data(), text.data() + digits, value, base).ptr != text.data() + digits)
            return wrong_template(cat("an escape wants ", digits, base == 8 ? " octal" : " hexadecimal", " digits"));
        body_.remove_prefix(digits);
        return value;
    }

    std::string_view body_;
    char quote_;
};

/// A number as Go writes it: decimal, 0x, 0o, 0b, 017, with underscores between digits, or with a fraction or an exponent.
Result<Json> parse_number(std::string_view written) {
    const bool is_negative = written.starts_with('-');
    std::string digits;
    for (const char c : written.substr(written[0] == '-' || written[0] == '+' ? 1 : 0))
        if (c != '_') digits += c;
    const std::string prefix = lower_case(digits.substr(0, 2));
    const auto bad = [&] { return wrong_template(cat("bad number '", written, "'")); };
    if (prefix != "0x" && digits.find_first_of(".eE") != std::string::npos) {
        double value = 0;
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (failure != std::errc() || end != digits.data() + digits.size()) return bad();
        return Json(is_negative ? -value : value);
    }
    const int base = prefix == "0x"                                              ? 16
                     : prefix == "0b"                                            ? 2
                     : prefix == "0o" || (digits.size() > 1 && digits[0] == '0') ? 8
                                                                                 : 10;
    const std::size_t start = prefix == "0x" || prefix == "0b" || prefix == "0o" ? 2 : 0;
    if (start == digits.size()) return bad();
    std::uint64_t magnitude = 0;
    const auto [end, failure] = std::from_chars(digits.data() + start, digits.data() + digits.size(), magnitude, base);
    if (end != digits.data() + digits.size()) return bad();
    const std::uint64_t limit = (std::uint64_t{1} << 63) - (is_negative ? 0 : 1);
    if (failure != std::errc() || magnitude > limit) return wrong_template(cat(written, " is too large a number"));
    return Json(static_cast<std::int64_t>(is_negative ? ~magnitude + 1 : magnitude));
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
        const std::string written(text_.substr(at_ - body.size() - 2, body.size() + 2));
        if (quote == '`') return Token{Token::Kind::string, written, std::string(body)};
        std::string value = TRY(Unquote(body, quote).text());
        if (quote == '"') return Token{Token::Kind::string, written, std::move(value)};
        if (value.empty() || character_length(value) != value.size())
            return wrong_template(cat("'", body, "' is not one character; strings stand in double quotes"));
        return Token{Token::Kind::number, written, static_cast<std::int64_t>(code_of(value))};
    }

    Result<Token> take_number() {
        const std::size_t start = at_++;
        const bool is_hex = lower_case(text_.substr(start, 3)).find('x') != std::string::npos;
        const auto is_exponent_sign = [&] {
            return !is_hex && (text_[at_] == '-' || text_[at_] == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
        };
        while (at_ < text_.size() && (is_name(text_[at_]) || text_[at_] == '.' || is_exponent_sign())) ++at_;
        const std::string_view written = text_.substr(start, at_ - start);
        Json value = TRY(parse_number(written));
        return Token{Token::Kind::number, std::string(written), std::move(value)};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> split_words(std::string_view action) { return Lexer(action).tokens(); }

}  // namespace berth::cli::template_detail
