#include "builder/pattern.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "builder/expand.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

struct Token {
    enum class Kind { star, one, character } kind;
    char32_t code = 0;
};

std::vector<char32_t> characters_of(std::string_view text) {
    std::vector<char32_t> out;
    for (std::size_t i = 0; i < text.size();) {
        const Character next = character_at(text, i);
        out.push_back(next.code);
        i += next.length;
    }
    return out;
}

Result<std::vector<Token>> parse_pattern(std::string_view pattern) {
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < pattern.size();) {
        Character next = character_at(pattern, i);
        i += next.length;
        if (next.code == '*') tokens.push_back({Token::Kind::star});
        else if (next.code == '?') tokens.push_back({Token::Kind::one});
        else if (next.code != '\\') tokens.push_back({Token::Kind::character, next.code});
        else {
            // `}` and `/` are escaped for the sake of ${…}, the others for the pattern's.
            const std::size_t length = i < pattern.size() ? character_at(pattern, i).length : 0;
            const std::string_view escaped = pattern.substr(i, length);
            if (escaped.empty() || std::string_view("}/*?\\").find(escaped) == std::string_view::npos)
                return Error(Kind::invalid, cat("invalid pattern '", pattern, "': invalid escape '\\", escaped, "'"));
            tokens.push_back({Token::Kind::character, character_at(escaped, 0).code});
            i += length;
        }
    }
    return tokens;
}

/// Backtracking with a memory of dead ends, so that `a*b*c*…` stays quadratic. `*` and `?` do not match a line end.
class Matcher {
public:
    Matcher(const std::vector<Token>& tokens, const std::vector<char32_t>& text, Greed greed)
        : tokens_(tokens), text_(text), greed_(greed), dead_((tokens.size() + 1) * (text.size() + 1)) {}

    /// The end of the match that begins at `start`.
    std::optional<std::size_t> end_of(std::size_t start) { return match(0, start); }

private:
    std::optional<std::size_t> match(std::size_t token, std::size_t at) {
        if (token == tokens_.size()) return at;
        const std::size_t state = token * (text_.size() + 1) + at;
        if (dead_[state]) return std::nullopt;
        auto found = tokens_[token].kind == Token::Kind::star ? match_star(token, at) : match_one(token, at);
        if (!found) dead_[state] = true;
        return found;
    }
    std::optional<std::size_t> match_one(std::size_t token, std::size_t at) {
        if (at == text_.size()) return std::nullopt;
        const bool fits = tokens_[token].kind == Token::Kind::one ? text_[at] != '\n' : text_[at] == tokens_[token].code;
        return fits ? match(token + 1, at + 1) : std::nullopt;
    }
    std::optional<std::size_t> match_star(std::size_t token, std::size_t at) {
        std::size_t limit = at;
        while (limit < text_.size() && text_[limit] != '\n') ++limit;
        for (std::size_t step = 0; step <= limit - at; ++step) {
            const std::size_t next = greed_ == Greed::longest ? limit - step : at + step;
            if (auto found = match(token + 1, next)) return found;
        }
        return std::nullopt;
    }

    const std::vector<Token>& tokens_;
    const std::vector<char32_t>& text_;
    Greed greed_;
    std::vector<bool> dead_;
};

/// The byte offset of each character, and the size at the end.
std::vector<std::size_t> offsets_of(std::string_view text) {
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < text.size(); i += character_at(text, i).length) offsets.push_back(i);
    offsets.push_back(text.size());
    return offsets;
}

}  // namespace

Result<std::string> remove_prefix(std::string_view value, std::string_view pattern, Greed greed) {
    const std::vector<Token> tokens = TRY(parse_pattern(pattern));
    const std::vector<char32_t> text = characters_of(value);
    const auto end = Matcher(tokens, text, greed).end_of(0);
    return std::string(value.substr(end ? offsets_of(value)[*end] : 0));
}

// Backtracking finds the leftmost match, which for an end is not the shortest; so both sides are turned round.
Result<std::string> remove_suffix(std::string_view value, std::string_view pattern, Greed greed) {
    std::vector<Token> tokens = TRY(parse_pattern(pattern));
    std::vector<char32_t> text = characters_of(value);
    std::reverse(tokens.begin(), tokens.end());
    std::reverse(text.begin(), text.end());
    const auto end = Matcher(tokens, text, greed).end_of(0);
    return std::string(value.substr(0, offsets_of(value)[text.size() - end.value_or(0)]));
}

Result<std::string> replace_pattern(std::string_view value, std::string_view pattern, std::string_view replacement,
                                    Replace which) {
    const std::vector<Token> tokens = TRY(parse_pattern(pattern));
    const std::vector<char32_t> text = characters_of(value);
    const std::vector<std::size_t> offsets = offsets_of(value);
    Matcher matcher(tokens, text, Greed::longest);
    std::string out;
    std::size_t copied = 0;   // Everything before this character is in `out`.
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = matcher.end_of(at);
        // An empty match right behind another one is none (Go: regexp.ReplaceAll).
        if (!end || (*end == at && at == copied && at != 0)) {
            ++at;
            continue;
        }
        out += value.substr(offsets[copied], offsets[at] - offsets[copied]);
        out += replacement;
        if (out.size() > most_brought) return brings_too_much();
        copied = *end;
        at = std::max(*end, at + 1);
        if (which == Replace::first) break;
    }
    return out += value.substr(offsets[copied]);
}

}  // namespace berth::builder
