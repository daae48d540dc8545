#include "builder/heredoc.h"

#include <algorithm>

#include "builder/expand.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

std::optional<std::string> unset(std::string_view) { return std::nullopt; }

auto count_quotes(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; });
}

}  // namespace

Result<std::optional<Heredoc>> parse_heredoc(std::string_view word) {
    Heredoc document;
    while (!word.empty() && is_digit(static_cast<unsigned char>(word.front()))) {
        document.descriptor = std::min(document.descriptor * 10 + (word.front() - '0'), 1 << 20);
        word.remove_prefix(1);
    }
    if (!word.starts_with("<<")) return std::optional<Heredoc>();
    word.remove_prefix(2);
    if (word.starts_with('-')) {
        document.strips_tabs = true;
        word.remove_prefix(1);
    }
    word = trim_left(word);
    if (word.empty() || word.find('<') != std::string_view::npos) return std::optional<Heredoc>();

    const Expanded plain = TRY(expand(word, unset, {.keeps_unset = true}), "heredoc '", word, "'");
    if (plain.words.size() != 1) return std::optional<Heredoc>();
    const Expanded raw = TRY(expand(word, unset, {.quotes = Quotes::keep, .keeps_unset = true}), "heredoc '", word, "'");
    document.name = plain.words.front();
    // A quote that is gone from the name was syntax: somebody quoted it, so its body is not expanded.
    document.expands = raw.words.size() == 1 && count_quotes(document.name) == count_quotes(raw.words.front());
    return std::optional<Heredoc>(std::move(document));
}

Result<std::vector<Heredoc>> find_heredocs(std::string_view line) {
    std::vector<Heredoc> documents;
    const ExpandOptions options{.quotes = Quotes::keep, .keeps_escapes = true, .keeps_unset = true};
    const auto split = expand(line, unset, options);
    // Not words for us, so for the shell: `echo it's <<x` is its business.
    if (!split.ok()) return documents;
    for (const std::string& word : split.value().words) {
        auto document = TRY(parse_heredoc(word));
        if (document) documents.push_back(std::move(*document));
    }
    return documents;
}

std::string strip_leading_tabs(std::string_view content) {
    std::string out;
    bool at_start = true;
    for (const char c : content) {
        if (at_start && c == '\t') continue;
        out += c;
        at_start = c == '\n';
    }
    return out;
}

}  // namespace berth::builder
