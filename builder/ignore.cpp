#include "builder/ignore.h"

#include <algorithm>

#include "base/root.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

bool matches_or_parent_matches(const Glob& glob, std::string_view path) {
    if (glob.matches(path)) return true;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
        if (glob.matches(path.substr(0, slash))) return true;
    return false;
}

}  // namespace

std::vector<std::string> parse_ignore_file(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    std::vector<std::string> patterns;
    for (const std::string& line : split(text, '\n')) {
        if (line.starts_with('#')) continue;
        std::string_view pattern = trim(line);
        if (pattern.empty()) continue;
        const bool is_exception = pattern.front() == '!';
        if (is_exception) pattern = trim(pattern.substr(1));
        std::string cleaned = pattern.empty() ? std::string() : clean_path(pattern);
        if (cleaned.size() > 1 && cleaned.front() == '/') cleaned.erase(0, 1);
        patterns.push_back(cat(is_exception ? "!" : "", cleaned));
    }
    return patterns;
}

Result<IgnoreMatcher> IgnoreMatcher::compile(const std::vector<std::string>& patterns) {
    IgnoreMatcher matcher;
    for (const std::string& written : patterns) {
        const std::string_view trimmed = trim(written);
        if (trimmed.empty()) continue;
        const std::string cleaned = clean_path(trimmed);
        const bool is_exception = cleaned.front() == '!';
        if (cleaned == "!")
            return Error(Kind::invalid, "the pattern '!' excepts nothing").with_hint("write the pattern right behind the '!'");
        Glob glob = TRY(Glob::compile(std::string_view(cleaned).substr(is_exception ? 1 : 0), Glob::Dialect::any_depth));
        matcher.patterns_.push_back({std::move(glob), is_exception});
    }
    return matcher;
}

bool IgnoreMatcher::matches(std::string_view path) const {
    bool is_excluded = false;
    for (const Pattern& pattern : patterns_)
        if (pattern.is_exception == is_excluded && matches_or_parent_matches(pattern.glob, path))
            is_excluded = !pattern.is_exception;
    return is_excluded;
}

bool IgnoreMatcher::matches(std::string_view path, const Parent& parent, Parent& own) const {
    own.matched.assign(patterns_.size(), false);
    bool is_excluded = false;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        const Pattern& pattern = patterns_[i];
        bool matched = !parent.matched.empty() && parent.matched[i];
        if (!matched) {
            if (pattern.is_exception != is_excluded) continue;
            matched = parent.matched.empty() ? matches_or_parent_matches(pattern.glob, path) : pattern.glob.matches(path);
        }
        own.matched[i] = matched;
        if (matched) is_excluded = !pattern.is_exception;
    }
    return is_excluded;
}

bool IgnoreMatcher::has_exceptions() const {
    return std::any_of(patterns_.begin(), patterns_.end(), [](const Pattern& pattern) { return pattern.is_exception; });
}

bool IgnoreMatcher::may_prune(std::string_view folder) const {
    const std::string below = cat(folder, '/');
    for (const Pattern& pattern : patterns_) {
        if (!pattern.is_exception) continue;
        const std::string_view start = pattern.glob.literal_start();
        if (start.starts_with(below)) return false;
        if (!pattern.glob.is_literal() && std::string_view(below).starts_with(start)) return false;
    }
    return true;
}

}  // namespace berth::builder
