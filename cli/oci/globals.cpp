#include "cli/oci/globals.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/sys.h"
#include "cli/oci/output.h"

namespace berth::cli {

namespace {

std::string quoted(const std::string& text) { return json_text(Json(text)); }

std::string text_line(const char* level, const std::string& text) {
    return cat("time=\"", moment_text(Moment{now().nanoseconds / 1'000'000'000 * 1'000'000'000}), "\" level=", level, " msg=", quoted(text), "\n");
}

std::string json_line(const char* level, const std::string& text) {
    Json line;
    line.set("level", level);
    line.set("msg", text);
    line.set("time", moment_text(Moment{now().nanoseconds / 1'000'000'000 * 1'000'000'000}));
    return json_text(line) + "\n";
}

/// Callers look for "no such file or directory" and "permission denied" as Go writes them: in lower case.
std::string in_callers_words(const Error& error) {
    std::string text = error.text();
    const char* words = error.code() == 0 ? nullptr : strerrordesc_np(error.code());
    if (words == nullptr || !text.ends_with(words)) return text;
    char& first = text[text.size() - std::strlen(words)];
    first = static_cast<char>(std::tolower(static_cast<unsigned char>(first)));
    return text;
}

std::string usage_text(const Parser& parser, const OciCall& call, const std::string& name) {
    std::string out = cat("NAME:\n   ", call.globals.program, " ", name, " - ", parser.description(), "\n\nUSAGE:\n   ",
                          call.globals.program, " ", name, " [options]", parser.synopsis().empty() ? "" : " ", parser.synopsis(), "\n");
    return cat(out, "\nOPTIONS:\n", oci_options_text(parser));
}

}  // namespace

std::string oci_options_text(const Parser& parser) {
    std::vector<std::pair<std::string, std::string_view>> lines;
    std::size_t width = 0;
    for (const Option& option : parser.options()) {
        if (option.is_hidden) continue;
        std::string names(option.names);
        if (const std::size_t comma = names.find(','); comma != std::string::npos) names.replace(comma, 1, ", ");
        if (!option.is_flag()) names += cat(" ", option.value);
        width = std::max(width, names.size());
        lines.emplace_back(std::move(names), option.help);
    }
    lines.emplace_back("-h, --help", "Print this");
    std::string out;
    for (auto& [names, help] : lines) {
        names.resize(std::max(width, names.size()), ' ');
        out += cat("   ", names, "  ", help, "\n");
    }
    return out;
}

void OciLog::line(const char* level, const std::string& text) const {
    const std::string out = globals_.log_format == "json" ? json_line(level, text) : text_line(level, text);
    if (globals_.log_path.empty()) return write_errors(out);
    auto file = sys::open(globals_.log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file.ok()) ignore(sys::write_all(file.value(), out), "there is no other place to say so");
}

void OciLog::failure(const Error& error) const {
    const std::string text = in_callers_words(error);
    line("error", text);
    if (!globals_.log_path.empty()) write_errors(text + "\n");
    if (globals_.debug && !error.hint().empty()) line("debug", cat("hint: ", error.hint()));
}

void OciLog::program_failure(const Error& error) const {
    if (!globals_.log_path.empty()) return failure(error);
    write_errors(in_callers_words(error) + "\n");
}

Result<std::optional<Words>> read_words(const Parser& parser, const OciCall& call, const std::string& name) {
    auto parsed = TRY(parser.parse(call.words));
    if (parsed.wants_help) {
        write_output(usage_text(parser, call, name));
        return std::optional<Words>();
    }
    if (const auto complaint = parser.count_complaint(parsed.arguments.size()))
        return Error(Kind::invalid, cat(call.globals.program, ": \"", name, "\" ", *complaint))
            .with_hint(cat(call.globals.program, " ", name, " --help tells how it is used"));
    return std::optional(std::move(parsed.arguments));
}

}  // namespace berth::cli
