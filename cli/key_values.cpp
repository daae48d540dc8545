#include "cli/key_values.h"

#include <cstdlib>

#include "base/file.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// docker: a variable without '=' is copied from the caller when it is set there, else it means nothing.
void add_variable(std::string text, Words& into) {
    if (text.find('=') == std::string::npos) {
        const char* value = std::getenv(text.c_str());
        if (value == nullptr) return;
        text += cat("=", value);
    }
    into.push_back(std::move(text));
}

}  // namespace

Result<Words> parse_key_value_file(const std::string& path, std::string_view text) {
    Words out;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::size_t number = 0;
    for (std::string line : split_text(text, '\n')) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        line.erase(0, line.find_first_not_of(" \t"));
        if (line.empty() || line[0] == '#') continue;
        const std::string key = line.substr(0, line.find('='));
        if (key.empty()) return Error(Kind::invalid, cat(path, ":", number, ": no name in front of '='"));
        for (const char c : key)
            if (is_blank(c)) return Error(Kind::invalid, cat(path, ":", number, ": name '", key, "' contains a blank"));
        out.push_back(std::move(line));
    }
    return out;
}

Result<Words> read_environment(const Words& files, const Words& values) {
    Words out;
    for (const std::string& path : files) {
        const std::string text = TRY(read_file(path, 16u << 20), "--env-file");
        for (std::string& line : TRY(parse_key_value_file(path, text), "--env-file")) add_variable(std::move(line), out);
    }
    for (const std::string& value : values) {
        if (value.empty() || value[0] == '=') return Error(Kind::invalid, cat("--env '", value, "': no name in front of '='"));
        add_variable(value, out);
    }
    return out;
}

Result<std::map<std::string, std::string>> read_labels(const Words& files, const Words& values) {
    Words all;
    for (const std::string& path : files) {
        const std::string text = TRY(read_file(path, 16u << 20), "--label-file");
        for (std::string& line : TRY(parse_key_value_file(path, text), "--label-file")) all.push_back(std::move(line));
    }
    all.insert(all.end(), values.begin(), values.end());
    std::map<std::string, std::string> out;
    for (const std::string& label : all) {
        const std::size_t equals = label.find('=');
        const std::string key = label.substr(0, equals);
        if (key.empty()) return Error(Kind::invalid, cat("--label '", label, "': no name in front of '='"));
        out[key] = equals == std::string::npos ? "" : label.substr(equals + 1);
    }
    return out;
}

Result<std::map<std::string, std::string>> parse_map(std::string_view option, const Words& values) {
    std::map<std::string, std::string> out;
    for (const std::string& value : values) {
        const std::size_t equals = value.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error(Kind::invalid, cat(option, " '", value, "': expected KEY=VALUE"));
        out[value.substr(0, equals)] = value.substr(equals + 1);
    }
    return out;
}

Result<Words> parse_csv(std::string_view text) {
    Words out(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
                out.back() += '"';
                ++i;
            } else {
                quoted = !quoted;
            }
        } else if (c == ',' && !quoted) {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    if (quoted) return Error(Kind::invalid, cat("'", text, "': a '\"' is not closed"));
    return out;
}

}  // namespace berth::cli
