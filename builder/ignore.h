#pragma once
// .dockerignore: reading the file, and matching paths by its patterns. Semantics are those of moby/patternmatcher: each
// pattern in order, the last match wins, a match on a parent covers what is below, `!` re-includes even under an excluded
// parent (git does not). Paths are relative to the context, without a leading slash.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

/// The patterns of an ignore file: without comments and blank lines, cleaned, `!` kept in front.
std::vector<std::string> parse_ignore_file(std::string_view text);

/// Go's filepath.Match for one whole path: `*` and `?` stop at '/', `[a-z]`, `[^a]`, `\` escapes.
/// Kind::invalid: a malformed pattern.
Result<bool> match_path(std::string_view pattern, std::string_view path);
/// True when `text` holds a character that match_path treats specially.
bool has_wildcard(std::string_view text);

class IgnoreMatcher {
public:
    /// Kind::invalid: a bare `!`, or a pattern that does not compile; the text names it.
    static Result<IgnoreMatcher> compile(const std::vector<std::string>& patterns);

    /// True when the path or one of its parents is excluded and nothing later brings it back.
    bool matches(std::string_view path) const;
    /// What a walk carries from a folder to what is in it, so that no parent is matched twice.
    struct Parent {
        std::vector<bool> matched;  ///< by pattern
    };
    bool matches(std::string_view path, const Parent& parent, Parent& own) const;
    /// False when some `!` pattern may bring back something below `folder`: a walk may skip an excluded folder otherwise.
    bool may_prune(std::string_view folder) const;
    bool empty() const { return patterns_.empty(); }

private:
    struct Piece {
        enum class Kind { text, any, one, star, double_star, set } kind;
        std::string text;      ///< for text and set
        bool negated = false;  ///< for set
    };
    struct Pattern {
        std::string cleaned;
        bool is_exception = false;
        bool is_literal = false;  ///< no special character: compared as it is
        std::vector<Piece> pieces;
    };
    static Result<Pattern> compile_one(std::string_view text);
    static bool matches_pattern(const Pattern& pattern, std::string_view path);
    static bool matches_pieces(const Pattern& pattern, std::size_t piece, std::string_view path);

    std::vector<Pattern> patterns_;
    bool has_exceptions_ = false;
};

}  // namespace berth::builder
