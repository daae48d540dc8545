// One pass over the word with one character of look-ahead, as a shell does it. Two results grow side by side: the text,
// and the words that its unquoted blanks separate; a value that a `$` brought is split too, a quoted part never is.

#include "builder/expand.h"

#include "builder/pattern.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr char32_t end_of_text = 0xFFFFFFFF;

class Words {
public:
    void add_splitting(std::string_view text) {
        for (std::size_t i = 0; i < text.size();) {
            const Character next = character_at(text, i);
            if (is_blank(next.code)) end_word();
            else current_ += text.substr(i, next.length);
            i += next.length;
        }
    }
    void add_whole(std::string_view text) { current_ += text; }
    std::vector<std::string> take() && {
        end_word();
        return std::move(words_);
    }

private:
    void end_word() {
        if (!current_.empty()) words_.push_back(std::exchange(current_, {}));
    }
    std::vector<std::string> words_;
    std::string current_;
};

class Expander {
public:
    Expander(std::string_view word, const Lookup& lookup, const ExpandOptions& options)
        : word_(word), lookup_(lookup), options_(options) {}

    Result<Expanded> run() {
        Words words;
        std::string text = TRY(read_until(end_of_text, options_.keeps_escapes, &words));
        return Expanded{std::move(text), std::move(words).take(), std::move(used_), std::move(unset_)};
    }

private:
    char32_t peek() const { return at_ < word_.size() ? character_at(word_, at_).code : end_of_text; }
    std::string_view next() {
        const std::size_t length = at_ < word_.size() ? character_at(word_, at_).length : 0;
        const std::string_view character = word_.substr(at_, length);
        at_ += length;
        return character;
    }
    bool is_escape(std::string_view character) const { return character == std::string_view(&options_.escape, 1); }

    /// Reads up to `stop` and eats it.
    Result<std::string> read_until(char32_t stop, bool keeps_escapes, Words* words) {
        std::string text;
        const bool outer = std::exchange(keeps_escapes_, keeps_escapes);
        while (peek() != end_of_text && peek() != stop) TRY(read_one(text, words));
        keeps_escapes_ = outer;
        if (stop == end_of_text) return text;
        if (peek() == end_of_text)
            return Error(Kind::invalid, cat("unexpected end while looking for the closing '", static_cast<char>(stop), "'"));
        next();
        return text;
    }

    Result<void> read_one(std::string& text, Words* words) {
        const char32_t code = peek();
        const bool has_quotes = options_.quotes != Quotes::ignore;
        if (code == '$') {
            const std::string value = TRY(read_dollar());
            text += value;
            if (words != nullptr) words->add_splitting(value);
            return {};
        }
        std::string piece;
        if (code == '\'' && has_quotes) piece = TRY(read_single_quotes());
        else if (code == '"' && has_quotes) piece = TRY(read_double_quotes());
        else if (code == '<') piece = read_heredoc_mark();
        else return read_plain(text, words), Result<void>();
        text += piece;
        if (words != nullptr) words->add_whole(piece);
        return {};
    }

    void read_plain(std::string& text, Words* words) {
        std::string_view character = next();
        if (!is_escape(character)) {
            text += character;
            if (words != nullptr) words->add_splitting(character);
            return;
        }
        std::string piece;
        if (keeps_escapes_) piece += character;
        piece += next();  // An escape at the very end goes.
        text += piece;
        if (words != nullptr) words->add_whole(piece);
    }

    /// `<< WORD`: the blanks behind the mark belong to it, so that the word splitter does not part them.
    std::string read_heredoc_mark() {
        next();
        if (peek() != '<') return "<";
        next();
        std::string mark = "<<";
        while (peek() == ' ' || peek() == '\t' || peek() == '\r') mark += next();
        return mark;
    }

    Result<std::string> read_single_quotes() {
        const std::size_t end = word_.find('\'', at_ + 1);
        if (end == std::string_view::npos) return Error(Kind::invalid, "a single quote has no end");
        const bool keep = options_.quotes == Quotes::keep;
        const std::string_view all = word_.substr(at_, end + 1 - at_);
        at_ = end + 1;
        return std::string(keep ? all : all.substr(1, all.size() - 2));
    }

    Result<std::string> read_double_quotes() {
        std::string text;
        const auto mark = [&] {
            const std::string_view quote = next();
            if (options_.quotes == Quotes::keep) text += quote;
        };
        mark();
        for (;;) {
            const char32_t code = peek();
            if (code == end_of_text) return Error(Kind::invalid, "a double quote has no end");
            if (code == '"') return mark(), text;
            if (code == '$') {
                text += TRY(read_dollar());
                continue;
            }
            std::string_view character = next();
            if (is_escape(character)) {
                if (keeps_escapes_) text += character;
                const char32_t escaped = peek();
                if (escaped == end_of_text) continue;
                // Only these can be escaped between double quotes; before anything else an escape is a character.
                if (escaped == '"' || escaped == '$' || escaped == static_cast<unsigned char>(options_.escape))
                    character = next();
            }
            text += character;
        }
    }

    Result<std::string> read_dollar() {
        next();
        if (peek() == '{') return read_braces();
        const std::string name = read_name();
        if (name.empty()) return std::string("$");
        const auto value = TRY(look_up(name));
        if (!value && options_.keeps_unset) return cat('$', name);
        return value.value_or("");
    }

    std::string read_name() {
        constexpr std::u32string_view special = U"@*#?-$!0";
        std::string name;
        if (is_digit(peek())) {
            while (is_digit(peek())) name += next();
            return name;
        }
        if (peek() != end_of_text && special.find(peek()) != std::u32string_view::npos) return std::string(next());
        while (peek() != end_of_text && (is_letter(peek()) || is_digit(peek()) || peek() == '_')) name += next();
        return name;
    }

    Result<std::optional<std::string>> look_up(const std::string& name) {
        auto value = lookup_(name);
        (value ? used_ : unset_).insert(name);
        brought_ += value ? value->size() : 0;
        if (brought_ > most_brought) return brings_too_much();
        return value;
    }

    Result<std::string> read_braces() {
        next();
        const char32_t first = peek();
        if (first == end_of_text) return missing_brace();
        if (first == '{' || first == '}' || first == ':') return Error(Kind::invalid, "bad substitution: a name is missing in ${}");
        const std::string name = read_name();
        if (peek() == '}') {
            next();
            const auto value = TRY(look_up(name));
            if (!value && options_.keeps_unset) return cat("${", name, '}');
            return value.value_or("");
        }
        std::string operation(next());
        if (operation == "/") return read_replacement(name);
        if (operation == ":") operation += next();
        const char kind = operation.empty() ? '\0' : operation.back();
        const bool takes_pattern = kind == '#' || kind == '%';
        if (operation.empty()) return missing_brace();
        if (operation.size() > 2 || std::string_view("-+?#%").find(kind) == std::string_view::npos ||
            (operation.size() == 2 && takes_pattern))
            return Error(Kind::invalid, cat("unsupported modifier '", operation, "' in ${", name, "…}"))
                .with_hint("the modifiers are :- - :+ + :? ? # ## % %% / //");
        auto word = read_until('}', takes_pattern, nullptr);
        if (!word.ok()) return peek() == end_of_text ? missing_brace() : std::move(word).error();
        return apply(name, operation, std::move(word).value());
    }

    Result<std::string> apply(const std::string& name, const std::string& operation, std::string word) {
        const auto value = TRY(look_up(name));
        if (!value && options_.keeps_unset) return cat("${", name, operation, word, '}');
        const bool has_value = value && (operation.size() == 1 || !value->empty());
        switch (operation.back()) {
            case '-': return has_value ? *value : word;
            case '+': return has_value ? word : std::string();
            case '?':
                if (has_value) return *value;
                if (word.empty()) word = value ? "is not allowed to be empty" : "is not allowed to be unset";
                return Error(Kind::invalid, cat(name, ": ", word));
            default: break;
        }
        const bool is_doubled = !word.empty() && word.front() == operation.back();
        const std::string_view pattern = std::string_view(word).substr(is_doubled ? 1 : 0);
        const Greed greed = is_doubled ? Greed::longest : Greed::shortest;
        return operation == "#" ? remove_prefix(value.value_or(""), pattern, greed)
                                : remove_suffix(value.value_or(""), pattern, greed);
    }

    Result<std::string> read_replacement(const std::string& name) {
        const Replace which = peek() == '/' ? Replace::all : Replace::first;
        if (which == Replace::all) next();
        auto pattern = read_until('/', true, nullptr);
        if (!pattern.ok()) {
            if (peek() != end_of_text) return std::move(pattern).error();
            return Error(Kind::invalid, cat("missing '/' in ${", name, "/…}"));
        }
        auto replacement = read_until('}', true, nullptr);
        if (!replacement.ok()) return peek() == end_of_text ? missing_brace() : std::move(replacement).error();
        const auto value = TRY(look_up(name));
        if (!value && options_.keeps_unset)
            return cat("${", name, '/', pattern.value(), '/', replacement.value(), '}');
        return replace_pattern(value.value_or(""), pattern.value(), replacement.value(), which);
    }

    static Error missing_brace() { return Error(Kind::invalid, "missing '}' after ${"); }

    std::string_view word_;
    const Lookup& lookup_;
    const ExpandOptions& options_;
    std::size_t at_ = 0;
    bool keeps_escapes_ = false;
    std::size_t brought_ = 0;
    std::set<std::string> used_;
    std::set<std::string> unset_;
};

}  // namespace

Error brings_too_much() { return Error(Kind::invalid, cat("variables bring more than ", most_brought >> 20, " MiB")); }

Result<Expanded> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options) {
    // Nearly every word: nothing in it means anything.
    if (word.find_first_of("$'\"<") == std::string_view::npos && word.find(options.escape) == std::string_view::npos) {
        Words words;
        words.add_splitting(word);
        return Expanded{std::string(word), std::move(words).take(), {}, {}};
    }
    return Expander(word, lookup, options).run();
}

}  // namespace berth::builder
