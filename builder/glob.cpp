#include "builder/glob.h"

#include <algorithm>

#include "builder/text.h"

namespace berth::builder {

bool has_wildcard(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') ++i;
        else if (text[i] == '*' || text[i] == '?' || text[i] == '[') return true;
    }
    return false;
}

Result<Glob> Glob::compile(std::string_view pattern, Dialect dialect) {
    Glob glob(pattern);
    TRY(glob.parse(dialect), "malformed pattern '", pattern, "'");
    return glob;
}

Result<char32_t> Glob::parse_set_character(std::size_t& at) const {
    if (at >= text_.size()) return Error(Kind::invalid, "'[' has no ']'");
    if (text_[at] == '-' || text_[at] == ']') return Error(Kind::invalid, cat("'", text_[at], "' stands wrong in '[…]'"));
    if (text_[at] == '\\' && ++at >= text_.size()) return Error(Kind::invalid, "nothing follows '\\'");
    const Character found = character_at(text_, at);
    at += found.length;
    return found.code;
}

Result<Glob::Piece> Glob::parse_set(std::size_t& at) const {
    Piece set{Piece::Kind::set, 0, false, {}};
    ++at;
    if (at < text_.size() && text_[at] == '^') {
        set.is_negated = true;
        ++at;
    }
    while (at < text_.size() && (text_[at] != ']' || set.ranges.empty())) {
        const char32_t low = TRY(parse_set_character(at));
        char32_t high = low;
        if (at < text_.size() && text_[at] == '-') {
            ++at;
            high = TRY(parse_set_character(at));
        }
        set.ranges.emplace_back(low, high);
    }
    if (at >= text_.size()) return Error(Kind::invalid, "'[' has no ']'");
    ++at;
    return set;
}

Result<void> Glob::parse(Dialect dialect) {
    bool is_special = false;
    const auto note_special = [&](std::size_t at) {
        if (!is_special) literal_ = at;
        is_special = true;
    };
    int doubles = 0;
    for (std::size_t at = 0; at < text_.size();) {
        const char c = text_[at];
        if (c == '*' || c == '?' || c == '[' || c == '\\') note_special(at);
        if (c == '[') {
            pieces_.push_back(TRY(parse_set(at)));
        } else if (c == '?') {
            pieces_.push_back({Piece::Kind::one, 0, false, {}});
            ++at;
        } else if (c == '*' && dialect == Dialect::any_depth && text_.compare(at, 2, "**") == 0) {
            ++doubles;
            at += 2;
            if (at < text_.size() && text_[at] == '/') ++at;
            pieces_.push_back({at == text_.size() ? Piece::Kind::rest : Piece::Kind::folders, 0, false, {}});
        } else if (c == '*') {
            pieces_.push_back({Piece::Kind::star, 0, false, {}});
            ++at;
        } else {
            if (c == '\\' && ++at >= text_.size()) return Error(Kind::invalid, "nothing follows '\\'");
            const Character found = character_at(text_, at);
            pieces_.push_back({Piece::Kind::character, found.code, false, {}});
            at += found.length;
        }
    }
    if (!is_special) {
        literal_ = text_.size();
        return {};
    }
    form_ = Form::pieces;
    const bool has_only_double = doubles == 1 && text_.find_first_of("?[\\") == std::string::npos &&
                                 std::count(text_.begin(), text_.end(), '*') == 2;
    if (!has_only_double) return {};
    // "**x" without a slash also means any name that ends in x; patternmatcher compares ends there.
    if (text_.starts_with("**")) form_ = Form::suffix;
    else if (text_.ends_with("**")) form_ = Form::prefix;
    return {};
}

bool Glob::matches(std::string_view path) const {
    switch (form_) {
        case Form::exact: return path == text_;
        case Form::prefix: return path.starts_with(std::string_view(text_).substr(0, text_.size() - 2));
        case Form::suffix: {
            const std::string_view end = std::string_view(text_).substr(2);
            return path.ends_with(end) || (end.starts_with('/') && path == end.substr(1));
        }
        case Form::pieces: return matches_from(0, path);
    }
    return false;
}

bool Glob::matches_from(std::size_t piece, std::string_view path) const {
    for (; piece < pieces_.size(); ++piece) {
        const Piece& wanted = pieces_[piece];
        switch (wanted.kind) {
            case Piece::Kind::rest: return true;
            case Piece::Kind::folders:
                // Nothing, or any number of whole folders.
                for (std::size_t from = 0;;) {
                    if (matches_from(piece + 1, path.substr(from))) return true;
                    const std::size_t slash = path.find('/', from);
                    if (slash == std::string_view::npos) return false;
                    from = slash + 1;
                }
            case Piece::Kind::star:
                for (std::size_t length = 0;; ++length) {
                    if (matches_from(piece + 1, path.substr(length))) return true;
                    if (length == path.size() || path[length] == '/') return false;
                }
            default: break;
        }
        if (path.empty()) return false;
        const Character found = character_at(path, 0);
        if (wanted.kind == Piece::Kind::character && found.code != wanted.code) return false;
        if (wanted.kind == Piece::Kind::one && found.code == '/') return false;
        if (wanted.kind == Piece::Kind::set) {
            const bool is_in = std::any_of(wanted.ranges.begin(), wanted.ranges.end(), [&](const auto& range) {
                return found.code >= range.first && found.code <= range.second;
            });
            if (is_in == wanted.is_negated) return false;
        }
        path.remove_prefix(found.length);
    }
    return path.empty();
}

}  // namespace berth::builder
