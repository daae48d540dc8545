#pragma once
// .dockerignore: reading the file, and matching paths by its patterns. Semantics are those of moby/patternmatcher: each
// pattern in order, the last match wins, a match on a parent covers what is below, `!` re-includes even under an excluded
// parent (git does not). Paths are relative to the context, without a leading slash.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "builder/glob.h"

namespace berth::builder {

/// The patterns of an ignore file: without comments and blank lines, cleaned, `!` kept in front.
std::vector<std::string> parse_ignore_file(std::string_view text);

class IgnoreMatcher {
public:
    /// Kind::invalid: a bare `!`, or a malformed pattern; the text names it.
    static Result<IgnoreMatcher> compile(const std::vector<std::string>& patterns);

    /// True when the path or one of its parents is excluded and nothing later brings it back.
    bool matches(std::string_view path) const;
    /// What a walk carries from a folder to what is in it, so that no parent is matched twice.
    struct Parent {
        std::vector<bool> matched;  ///< by pattern; empty at the top
    };
    bool matches(std::string_view path, const Parent& parent, Parent& own) const;
    /// Whether a walk may skip the excluded `folder`: no `!` pattern can bring back anything below it.
    bool may_prune(std::string_view folder) const;
    bool empty() const { return patterns_.empty(); }
    bool has_exceptions() const;

private:
    struct Pattern {
        Glob glob;
        bool is_exception = false;
    };
    std::vector<Pattern> patterns_;
};

}  // namespace berth::builder
