#pragma once
// Wildcards over paths. Two dialects: Go's filepath.Match (COPY sources) and moby/patternmatcher (.dockerignore,
// --exclude, --parents), which adds `**`. Compiled once, matched many times.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

class Glob {
public:
    enum class Dialect { path, any_depth };
    /// Kind::invalid: "malformed pattern 'a[': …".
    static Result<Glob> compile(std::string_view pattern, Dialect dialect);

    bool matches(std::string_view path) const;
    const std::string& text() const { return text_; }
    /// What every match starts with: the pattern up to its first special character.
    std::string_view literal_start() const { return std::string_view(text_).substr(0, literal_); }
    bool is_literal() const { return form_ == Form::exact; }

private:
    struct Piece {
        enum class Kind { character, one, star, folders, rest, set } kind;
        char32_t code = 0;
        bool is_negated = false;
        std::vector<std::pair<char32_t, char32_t>> ranges;
    };
    /// Most patterns need no pieces: "a/b", "**/b" and "a/**" are comparisons.
    enum class Form { exact, suffix, prefix, pieces };

    explicit Glob(std::string_view text) : text_(text) {}
    Result<void> parse(Dialect dialect);
    Result<Piece> parse_set(std::size_t& at) const;
    Result<char32_t> parse_set_character(std::size_t& at) const;
    bool matches_from(std::size_t piece, std::string_view path) const;

    std::string text_;
    std::vector<Piece> pieces_;
    Form form_ = Form::exact;
    std::size_t literal_ = 0;
};

/// True when `text` holds a character that a Glob treats specially.
bool has_wildcard(std::string_view text);

}  // namespace berth::builder
