// Go's fmt for the values of templates: Sprint, Sprintln, Sprintf with its flags, widths and verbs (go: fmt/print.go,
// fmt/format.go). What does not fit is told in the text, as Go does: "%!d(string=a)".
// Not there: %p, the verb %b and hexadecimal digits for numbers with a fraction.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/utf8.h"
#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli::template_detail {
namespace {

/// %[flags][width][.precision]verb
struct Verb {
    bool plus = false, minus = false, sharp = false, space = false, zero = false;
    bool with_names = false;  ///< %+v: members of structs are named
    bool is_source = false;   ///< %#v: as Go's source has it
    int width = -1;
    int precision = -1;
    std::string letter;  ///< one character, of any alphabet
};

std::string first_characters(std::string_view text, int count) {
    if (count < 0) return std::string(text);
    std::size_t end = 0;
    for (; count > 0 && end < text.size(); --count) end += character_length(text.substr(end));
    return std::string(text.substr(0, end));
}

std::string padded(const Verb& verb, std::string_view text) {
    const std::size_t has = count_characters(text);
    const std::size_t width = verb.width < 0 ? 0 : static_cast<std::size_t>(verb.width);
    if (has >= width) return std::string(text);
    const std::string fill(width - has, verb.zero && !verb.minus ? '0' : ' ');
    return verb.minus ? cat(text, fill) : cat(fill, text);
}

std::string digits_of(std::uint64_t value, int base, bool upper) {
    char digits[72];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    std::string out(digits, end);
    if (upper)
        std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

std::string escaped_byte(char c) {
    std::string digits = digits_of(static_cast<unsigned char>(c), 16, false);
    if (digits.size() < 2) digits.insert(0, "0");
    return cat("\\x", digits);
}

std::string escaped_character(std::uint32_t code) {
    std::string digits = digits_of(code, 16, false);
    const std::size_t width = code < 0x10000 ? 4 : 8;
    digits.insert(0, width - digits.size(), '0');
    return cat(width == 4 ? "\\u" : "\\U", digits);
}

// Go: strconv.Quote, of %+q strconv.QuoteToASCII.
std::string quoted(std::string_view text, char quote, bool only_ascii = false) {
    static constexpr std::string_view plain = "\a\b\f\n\r\t\v\\";
    static constexpr std::string_view letters = "abfnrtv\\";
    std::string out(1, quote);
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const char c = text.front();
        const bool is_no_character = length == 1 && static_cast<unsigned char>(c) >= 0x7f;
        if (const std::size_t known = plain.find(c); known != std::string_view::npos)
            out += {'\\', letters[known]};
        else if (c == quote)
            out += {'\\', c};
        else if (is_no_character || static_cast<unsigned char>(c) < 32)
            out += escaped_byte(c);
        else if (only_ascii && length > 1)
            out += escaped_character(code_of(text.substr(0, length)));
        else
            out += text.substr(0, length);
        text.remove_prefix(length);
    }
    return out + quote;
}

std::string sign_of(const Verb& verb, bool is_negative) { return is_negative ? "-" : verb.plus ? "+" : verb.space ? " " : ""; }

// Go: fmt.fmtInteger. Zeros stand between the sign and the digits, as many as the precision or else the width asks for.
std::string integer_text(const Verb& verb, std::uint64_t magnitude, bool is_negative) {
    const char letter = verb.letter[0];
    const int base = letter == 'b' ? 2 : letter == 'o' || letter == 'O' ? 8 : letter == 'x' || letter == 'X' ? 16 : 10;
    Verb spaces = verb;
    spaces.zero = false;
    if (verb.precision == 0 && magnitude == 0) return padded(spaces, "");
    std::string out = digits_of(magnitude, base, letter == 'X');
    const std::string sign = sign_of(verb, is_negative);
    int wanted = verb.precision;
    if (wanted < 0 && verb.zero && !verb.minus) wanted = verb.width - static_cast<int>(sign.size());
    if (const auto least = static_cast<std::size_t>(std::max(wanted, 0)); out.size() < least)
        out.insert(0, least - out.size(), '0');
    if (verb.sharp && base == 8 && out[0] != '0') out.insert(0, "0");
    if (verb.sharp && base == 2) out.insert(0, "0b");
    if (verb.sharp && base == 16) out.insert(0, letter == 'X' ? "0X" : "0x");
    if (letter == 'O') out.insert(0, "0o");
    return padded(spaces, sign + out);
}

// As few digits as tell it from its neighbours, "1.5e+06" from seven places on (go: strconv.FormatFloat, 'g', -1).
std::string shortest_number(double magnitude) {
    const bool is_near = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6);
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof digits, magnitude,
                                   is_near ? std::chars_format::fixed : std::chars_format::scientific)
                         .ptr;
    return std::string(digits, end);
}

std::string number_text(const Verb& verb, double number) {
    const char letter = verb.letter[0];
    std::string out;
    if (std::isinf(number) || std::isnan(number)) {
        out = std::isnan(number) ? "NaN" : "Inf";
    } else if (verb.precision < 0 && (letter == 'v' || letter == 'g' || letter == 'G')) {
        out = shortest_number(std::fabs(number));
    } else {
        const auto format = letter == 'f' || letter == 'F'   ? std::chars_format::fixed
                            : letter == 'e' || letter == 'E' ? std::chars_format::scientific
                                                             : std::chars_format::general;
        char digits[512];
        out.assign(digits, std::to_chars(digits, digits + sizeof digits, std::fabs(number), format,
                                         verb.precision < 0 ? 6 : std::min(verb.precision, 100))
                               .ptr);
    }
    if (letter == 'E' || letter == 'G') std::ranges::replace(out, 'e', 'E');
    const std::string sign = std::isinf(number) && number > 0 && verb.plus ? "+" : sign_of(verb, std::signbit(number));
    const bool fill = verb.zero && !verb.minus && !std::isinf(number) && !std::isnan(number);
    const auto wanted = static_cast<std::size_t>(std::max(verb.width, 0));
    if (fill && sign.size() + out.size() < wanted) out.insert(0, wanted - sign.size() - out.size(), '0');
    return padded(verb, sign + out);
}

std::string hexadecimal_text(const Verb& verb, std::string_view text) {
    const bool upper = verb.letter == "X";
    const std::string_view prefix = !verb.sharp ? "" : upper ? "0X" : "0x";
    std::string out;
    if (verb.precision >= 0) text = text.substr(0, static_cast<std::size_t>(verb.precision));
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i > 0 && verb.space) out += ' ';
        if (i == 0 || verb.space) out += prefix;
        std::string digits = digits_of(static_cast<unsigned char>(text[i]), 16, upper);
        out += digits.size() < 2 ? "0" + digits : digits;
    }
    return padded(verb, out);
}

std::string verb_text(const Verb& verb, const Value& value, bool is_inner);

// A verb that does not suit the value: "%!d(string=a)".
std::string bad_verb(const Verb& verb, const Value& value) {
    if (value.json->is_null()) return cat("%!", verb.letter, "(<nil>)");
    Verb plain = verb;
    plain.letter = "v";
    return cat("%!", verb.letter, "(", type_of(value), "=", verb_text(plain, value, true), ")");
}

std::string string_text(const Verb& verb, const std::string& text, const Value& value) {
    switch (verb.letter[0]) {
        case 'v':
            if (verb.is_source) return padded(verb, quoted(text, '"'));
            [[fallthrough]];
        case 's':
            return padded(verb, first_characters(text, verb.precision));
        case 'x':
        case 'X':
            return hexadecimal_text(verb, text);
        case 'q': {
            const bool is_raw = verb.sharp && text.find('`') == std::string::npos && std::ranges::all_of(text, [](char c) {
                                    return static_cast<unsigned char>(c) >= 32 || c == '\t';
                                });
            return padded(verb, is_raw ? cat("`", text, "`") : quoted(first_characters(text, verb.precision), '"', verb.plus));
        }
        default:
            return bad_verb(verb, value);
    }
}

std::string character_text(const Verb& verb, std::uint64_t code) {
    const std::string character = utf8_text(code > 0x10ffff ? 0xfffd : static_cast<std::uint32_t>(code));
    if (verb.letter == "c") return padded(verb, character);
    if (verb.letter == "q") return padded(verb, quoted(character, '\'', verb.plus));
    std::string digits = digits_of(code, 16, true);
    if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
    return padded(verb, verb.sharp ? cat("U+", digits, " '", character, "'") : cat("U+", digits));
}

std::string whole_number_text(const Verb& verb, const Value& value) {
    const std::int64_t* small = value.json->integer();
    const bool is_negative = small != nullptr && *small < 0;
    const std::uint64_t bits = small != nullptr ? static_cast<std::uint64_t>(*small) : *value.json->large();
    const std::uint64_t magnitude = is_negative ? ~bits + 1 : bits;
    const bool has_text =
        is_duration(value) && !verb.is_source && std::string_view("vsqxX").find(verb.letter[0]) != std::string_view::npos;
    if (has_text) return string_text(verb, duration_text({*small}), value);
    if (std::string_view("vdboOxX").find(verb.letter[0]) != std::string_view::npos)
        return integer_text(verb, magnitude, is_negative);
    if (std::string_view("cqU").find(verb.letter[0]) != std::string_view::npos) return character_text(verb, bits);
    return bad_verb(verb, value);
}

std::string list_text(const Verb& verb, const Value& value) {
    std::vector<std::string> texts;
    if (const Json::Array* array = value.json->array())
        for (const Json& element : *array) texts.push_back(verb_text(verb, element_of(value, element), true));
    else if (verb.is_source)
        return cat(type_of(value), "(nil)");
    if (verb.is_source) return cat(type_of(value), "{", join_text(texts, ", "), "}");
    return cat("[", join_text(texts, " "), "]");
}

std::string object_text(const Verb& verb, const Value& value, bool is_inner) {
    const bool is_map = is_map_field(value.field) || verb.is_source;
    std::vector<std::string> texts;
    if (value.json->object() != nullptr)
        for (const auto& [name, member] : members_of(value)) {
            const Json key(name);
            const std::string named = is_map ? verb_text(verb, {&key}, true) : verb.with_names ? std::string(name) : "";
            texts.push_back(cat(named, named.empty() ? "" : ":", verb_text(verb, member, true)));
        }
    if (verb.is_source) return cat(type_of(value), "{", join_text(texts, ", "), "}");
    if (is_map) return cat("map[", join_text(texts, " "), "]");
    // docker's types point to these; Go writes the & only of the outermost.
    static constexpr std::string_view pointers[] = {"State", "HostConfig", "Config", "NetworkSettings", "Health", "Healthcheck"};
    const bool is_pointer = !is_inner && std::ranges::find(pointers, value.field) != std::ranges::end(pointers);
    return cat(is_pointer ? "&{" : "{", join_text(texts, " "), "}");
}

std::string verb_text(const Verb& verb, const Value& value, bool is_inner) {
    const Json& json = *value.json;
    if (verb.letter == "T") return padded(verb, type_of(value));
    if (json.object() != nullptr || (json.is_null() && is_map_field(value.field))) return object_text(verb, value, is_inner);
    if (json.array() != nullptr || (json.is_null() && !value.field.empty() && !is_pointer_field(value.field)))
        return list_text(verb, value);
    if (json.is_null()) return verb.letter == "v" ? padded(verb, "<nil>") : bad_verb(verb, value);
    if (is_moment(value)) return string_text(verb, moment_of(value), value);
    if (const std::string* text = json.string()) return string_text(verb, *text, value);
    if (const bool* boolean = json.boolean()) {
        const bool is_fit = verb.letter == "v" || verb.letter == "t";
        return is_fit ? padded(verb, *boolean ? "true" : "false") : bad_verb(verb, value);
    }
    if (const double* number = json.number())
        return std::string_view("veEfFgG").find(verb.letter[0]) != std::string_view::npos ? number_text(verb, *number)
                                                                                          : bad_verb(verb, value);
    return whole_number_text(verb, value);
}

/// Walks a format (go: fmt.doPrintf).
class Format {
public:
    Format(std::string_view text, const Arguments& arguments) : text_(text), arguments_(arguments) {}

    std::string run() {
        while (!text_.empty()) {
            const std::size_t percent = text_.find('%');
            out_ += text_.substr(0, percent);
            if (percent == std::string_view::npos) break;
            text_.remove_prefix(percent + 1);
            one();
        }
        if (!is_reordered_ && next_ < arguments_.size()) surplus();
        return std::move(out_);
    }

private:
    bool take(char c) {
        if (!text_.starts_with(c)) return false;
        text_.remove_prefix(1);
        return true;
    }
    int number() {
        int out = -1;
        for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; text_.remove_prefix(1))
            out = std::min(std::max(out, 0) * 10 + (text_[0] - '0'), 100'000);
        return out;
    }
    // "[2]": the argument to go on with.
    void position() {
        if (!text_.starts_with('[')) return;
        is_reordered_ = true;
        const std::size_t close = text_.find(']');
        const auto index = close == std::string_view::npos ? -1 : parse_integer(text_.substr(1, close - 1)).value_or(-1);
        text_.remove_prefix(close == std::string_view::npos ? 1 : close + 1);
        is_good_ = index >= 1 && index <= static_cast<std::int64_t>(arguments_.size());
        if (is_good_) next_ = static_cast<std::size_t>(index - 1);
    }
    // "*": the argument is the number.
    int number_or_argument(std::string_view complaint) {
        position();
        if (!take('*')) return number();
        const std::int64_t* given = next_ < arguments_.size() ? arguments_[next_].json->integer() : nullptr;
        ++next_;
        if (given == nullptr || *given > 1'000'000 || *given < -1'000'000) out_ += complaint;
        return given == nullptr ? -1 : static_cast<int>(std::clamp<std::int64_t>(*given, -1'000'000, 1'000'000));
    }

    void one() {
        Verb verb;
        is_good_ = true;
        for (bool more = true; more;) {
            const bool plus = take('+'), minus = take('-'), sharp = take('#'), space = take(' '), zero = take('0');
            verb.plus |= plus, verb.minus |= minus, verb.sharp |= sharp, verb.space |= space, verb.zero |= zero;
            more = plus || minus || sharp || space || zero;
        }
        verb.width = number_or_argument("%!(BADWIDTH)");
        if (verb.width < -1) verb.minus = true, verb.width = -verb.width;
        if (take('.')) verb.precision = std::max(number_or_argument("%!(BADPREC)"), 0);
        position();
        if (text_.empty()) {
            out_ += "%!(NOVERB)";
            return;
        }
        const std::size_t length = character_length(text_);
        verb.letter = text_.substr(0, length);
        if (verb.letter == "v") {
            verb.with_names = std::exchange(verb.plus, false);
            verb.is_source = std::exchange(verb.sharp, false);
        }
        text_.remove_prefix(length);
        out_ += verb.letter == "%" ? "%" : with_argument(verb);
    }

    std::string with_argument(Verb verb) {
        if (!is_good_) return cat("%!", verb.letter, "(BADINDEX)");
        if (next_ >= arguments_.size()) return cat("%!", verb.letter, "(MISSING)");
        return verb_text(verb, arguments_[next_++], false);
    }

    void surplus() {
        std::vector<std::string> texts;
        for (; next_ < arguments_.size(); ++next_) {
            const Value& value = arguments_[next_];
            const std::string type = type_of(value);
            texts.push_back(type == "<nil>" ? type : cat(type, "=", plain_text(value)));
        }
        out_ += cat("%!(EXTRA ", join_text(texts, ", "), ")");
    }

    std::string_view text_;
    const Arguments& arguments_;
    std::size_t next_ = 0;
    bool is_reordered_ = false;
    bool is_good_ = true;
    std::string out_;
};

}  // namespace

std::string printed(const Arguments& arguments) {
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0 && arguments[i].json->string() == nullptr && arguments[i - 1].json->string() == nullptr) out += ' ';
        out += verb_text({.letter = "v"}, arguments[i], false);
    }
    return out;
}

std::string printed_line(const Arguments& arguments) {
    std::vector<std::string> texts;
    for (const Value& value : arguments) texts.push_back(verb_text({.letter = "v"}, value, false));
    return join_text(texts, " ") + "\n";
}

std::string printed_format(std::string_view format, const Arguments& arguments) { return Format(format, arguments).run(); }

std::string plain_text(const Value& value) { return verb_text({.letter = "v"}, value, true); }

}  // namespace berth::cli::template_detail
