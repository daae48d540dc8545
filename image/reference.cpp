#include "image/reference.h"

#include <algorithm>

namespace berth::image {
namespace {

constexpr std::string_view default_domain = "docker.io";
constexpr std::string_view legacy_domain = "index.docker.io";
constexpr std::string_view official_prefix = "library/";
constexpr std::size_t longest_path = 255;
constexpr std::size_t longest_tag = 128;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_hex(char c) { return is_lower_hex(c) || (c >= 'A' && c <= 'F'); }

bool all_of(std::string_view text, bool (*test)(char)) { return std::all_of(text.begin(), text.end(), test); }

Error bad(std::string_view text, std::string_view why) {
    return Error(Kind::invalid, cat("reference '", text, "': ", why));
}

/// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view component) {
    std::size_t i = 0;
    const auto word = [&] {
        const std::size_t begin = i;
        while (i < component.size() && (is_lower(component[i]) || is_digit(component[i]))) ++i;
        return i > begin;
    };
    if (!word()) return false;
    while (i < component.size()) {
        const std::size_t begin = i;
        const char separator = component[i];
        while (i < component.size() && component[i] == separator) ++i;
        const std::size_t count = i - begin;
        const std::size_t most = separator == '-' ? component.size() : separator == '_' ? 2 : separator == '.' ? 1 : 0;
        if (count > most || !word()) return false;
    }
    return true;
}

/// [A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?
bool is_host_label(std::string_view label) {
    return !label.empty() && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
           all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host(std::string_view host) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        const std::string_view address = host.substr(1, host.size() - 2);
        return address.find(':') != address.npos && all_of(address, [](char c) { return is_hex(c) || c == ':'; });
    }
    while (true) {
        const std::size_t dot = host.find('.');
        if (!is_host_label(host.substr(0, dot))) return false;
        if (dot == host.npos) return true;
        host.remove_prefix(dot + 1);
    }
}

bool is_domain(std::string_view domain) {
    const std::size_t colon = domain.rfind(':');
    const std::size_t bracket = domain.rfind(']');
    const bool has_port = colon != domain.npos && (bracket == domain.npos || colon > bracket);
    if (!has_port) return is_host(domain);
    const std::string_view port = domain.substr(colon + 1);
    return !port.empty() && all_of(port, is_digit) && is_host(domain.substr(0, colon));
}

bool is_tag(std::string_view tag) {
    return !tag.empty() && tag.size() <= longest_tag && tag.front() != '.' && tag.front() != '-' &&
           all_of(tag, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

/// The registered algorithms with the length their hexadecimal must have (image-spec descriptor.md "Registered algorithms").
bool is_digest(std::string_view digest) {
    constexpr std::pair<std::string_view, std::size_t> algorithms[] = {{"sha256:", 64}, {"sha384:", 96}, {"sha512:", 128}};
    for (const auto& [prefix, length] : algorithms)
        if (digest.starts_with(prefix))
            return digest.size() == prefix.size() + length && all_of(digest.substr(prefix.size()), is_lower_hex);
    return false;
}

struct Split {
    std::string domain;
    std::string rest;
};
Split split_domain(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view first = text.substr(0, slash);
    const bool is_registry = slash != text.npos && (first.find_first_of(".:") != first.npos || first == "localhost" ||
                                                    std::any_of(first.begin(), first.end(), is_upper));
    Split split = is_registry ? Split{std::string(first), std::string(text.substr(slash + 1))}
                              : Split{std::string(default_domain), std::string(text)};
    if (split.domain == legacy_domain) split.domain = default_domain;
    if (split.domain == default_domain && split.rest.find('/') == split.rest.npos)
        split.rest.insert(0, official_prefix);
    return split;
}

Result<void> check_path(std::string_view text, std::string_view path) {
    // What the user wrote, not the "library/" put in front of it.
    if (path == official_prefix || path.empty()) return bad(text, "repository name is empty");
    if (const auto upper = std::find_if(path.begin(), path.end(), is_upper); upper != path.end())
        return bad(text, cat("repository name must be lower case, found '", *upper, "'"));
    if (path.size() > longest_path) return bad(text, cat("repository name is longer than ", longest_path, " characters"));
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string_view component = path.substr(0, slash);
        if (component.empty()) return bad(text, "repository name has an empty component");
        if (!is_path_component(component))
            return bad(text, cat("'", component, "' is not a repository name (lower-case letters and digits, ",
                                 "separated by '.', '_', '__' or '-')"));
        if (slash == path.npos) return {};
        path.remove_prefix(slash + 1);
    }
}

/// Go's path.Match for one bracket expression; `pattern` stands behind '['. Returns how much of it belongs to the class.
std::optional<std::size_t> match_class(std::string_view pattern, char c, bool& matched) {
    std::size_t i = 0;
    const bool negated = i < pattern.size() && pattern[i] == '^';
    if (negated) ++i;
    matched = false;
    for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
        if (pattern[i] == '\\' && ++i == pattern.size()) return {};
        const char low = pattern[i++];
        char high = low;
        if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
            high = pattern[i + 1];
            i += 2;
        }
        if (low <= c && c <= high) matched = true;
    }
    if (i == pattern.size()) return {};
    matched = matched != negated;
    return i + 1;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    while (!pattern.empty()) {
        const char p = pattern.front();
        if (p == '*') {
            pattern.remove_prefix(1);
            for (std::size_t i = 0;; ++i) {
                if (glob_matches(pattern, text.substr(i))) return true;
                if (i == text.size() || text[i] == '/') return false;
            }
        }
        if (text.empty()) return false;
        std::size_t used = 1;
        if (p == '[') {
            bool matched = false;
            const auto length = match_class(pattern.substr(1), text.front(), matched);
            if (!length || !matched) return false;
            used = 1 + *length;
        } else if (p == '?') {
            if (text.front() == '/') return false;
        } else {
            if (p == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
            if (pattern.front() != text.front()) return false;
        }
        pattern.remove_prefix(used);
        text.remove_prefix(1);
    }
    return text.empty();
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
    if (text.empty()) return Error(Kind::invalid, "reference is empty");
    if (text.size() == 64 && all_of(text, is_lower_hex))
        return bad(text, "64 hexadecimal digits are an image id, not a name");
    Split split = split_domain(text);
    std::string_view rest = split.rest;

    Reference reference;
    if (const std::size_t at = rest.find('@'); at != rest.npos) {
        reference.digest_ = rest.substr(at + 1);
        if (!is_digest(reference.digest_)) return bad(text, cat("'", reference.digest_, "' is not a digest"));
        rest = rest.substr(0, at);
    }
    if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
        reference.tag_ = rest.substr(colon + 1);
        if (!is_tag(reference.tag_))
            return bad(text, cat("'", reference.tag_, "' is not a tag (letters, digits, '_', '.', '-', at most ", longest_tag, ")"));
        rest = rest.substr(0, colon);
    }
    TRY(check_path(text, rest));
    if (!is_domain(split.domain)) return bad(text, cat("'", split.domain, "' is not the host of a registry"));
    reference.path_ = rest;
    reference.domain_ = std::move(split.domain);
    return reference;
}

Result<Reference> Reference::parse_tagged(std::string_view text) { return TRY(parse(text)).with_default_tag(); }

std::string Reference::name() const { return cat(domain_, "/", path_); }

std::string Reference::familiar_name() const {
    if (domain_ != default_domain) return name();
    const std::string_view rest = std::string_view(path_).substr(path_.starts_with(official_prefix) ? official_prefix.size() : 0);
    return rest.find('/') == rest.npos ? std::string(rest) : path_;
}

std::string Reference::str() const {
    return cat(familiar_name(), tag_.empty() ? "" : ":", tag_, digest_.empty() ? "" : "@", digest_);
}

std::string Reference::full() const { return cat(name(), tag_.empty() ? "" : ":", tag_, digest_.empty() ? "" : "@", digest_); }

Reference Reference::with_default_tag() const {
    return tag_.empty() && digest_.empty() ? with_tag("latest") : *this;
}

Reference Reference::with_tag(std::string tag) const {
    Reference other = *this;
    other.tag_ = std::move(tag);
    other.digest_.clear();
    return other;
}

Reference Reference::with_digest(const Digest& digest) const {
    Reference other = *this;
    other.tag_.clear();
    other.digest_ = digest.str();
    return other;
}

bool reference_matches(const Reference& reference, std::string_view pattern) {
    return glob_matches(pattern, reference.str()) || glob_matches(pattern, reference.familiar_name());
}

}  // namespace berth::image
