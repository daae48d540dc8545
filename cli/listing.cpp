#include "cli/listing.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "base/file.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

// docker: a shell's quotes keep "\t" as two characters, and users write it so. Inside of {{ }} it is left to the strings there,
// where an end of line would be a mistake.
std::string unescape(std::string_view text) {
    std::string out;
    bool is_action = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        is_action = is_action ? !text.substr(0, i).ends_with("}}") : text.substr(i).starts_with("{{");
        const bool escaped = !is_action && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n');
        if (escaped)
            out += text[++i] == 't' ? '\t' : '\n';
        else
            out += text[i];
    }
    return out;
}

std::string_view without_spaces(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::string member_text(const Json& row, std::string_view name) {
    const Json* member = row.find(name);
    return member == nullptr ? "" : go_text(*member);
}

std::string default_table(const ListingOptions& options, const std::vector<Json>& rows) {
    std::vector<std::string> header;
    for (const Column& column : options.columns) header.emplace_back(column.header);
    Table table(std::move(header));
    for (const Json& row : rows) {
        std::vector<std::string> cells;
        for (const Column& column : options.columns) cells.push_back(member_text(row, column.field));
        table.add(std::move(cells));
    }
    return table.text();
}

// The header line is the template over the headers. A field without one is its name in capitals.
Json header_row(const ListingOptions& options, const std::vector<Json>& rows) {
    Json headers;
    if (!rows.empty())
        for (const auto& [name, value] : *rows.front().object()) {
            std::string header = name;
            std::ranges::transform(header, header.begin(),
                                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
            headers.set(name, header);
        }
    for (const auto* columns : {&options.columns, &options.more_headers})
        for (const Column& column : *columns) headers.set(column.field, column.header);
    return headers;
}

// {{.Label "key"}}
TemplateMethod label_method(std::function<std::string(const std::string& key)> answer) {
    return [answer = std::move(answer)](const Json&, std::string_view name,
                                        const std::vector<Json>& arguments) -> std::optional<Json> {
        if (name != "Label" || arguments.size() != 1 || arguments[0].string() == nullptr) return std::nullopt;
        return Json(answer(*arguments[0].string()));
    };
}

/// A line for each row.
Result<std::string> template_lines(const ListingOptions& options, const Template& each, const std::vector<Json>& rows) {
    std::string out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto label = label_method([&](const std::string& key) {
            const auto found = options.labels[i].find(key);
            return found == options.labels[i].end() ? "" : found->second;
        });
        out += TRY(each.execute(rows[i], i < options.labels.size() ? label : TemplateMethod())) + '\n';
    }
    return out;
}

Result<std::string> template_table(const ListingOptions& options, std::string_view text, const std::vector<Json>& rows) {
    const Template each = TRY(Template::parse(unescape(without_spaces(text))));
    // docker takes the last part of "a.b.c" as the header.
    const auto label_header = label_method([](const std::string& key) { return split_text(key, '.').back(); });
    // docker shows no header when a row cannot be shown.
    const std::string lines = TRY(template_lines(options, each, rows));
    Table table;
    table.add_lines(TRY(each.execute(header_row(options, rows), label_header, TemplateRun::header)) + '\n');
    table.add_lines(lines);
    return table.text();
}

}  // namespace

Result<std::string> listing_text(const ListingOptions& options, const std::vector<Json>& rows) {
    constexpr std::string_view table = "table";
    const std::string_view format = options.format;
    if (format.empty() || format == table) return default_table(options, rows);
    if (format.starts_with(table)) return template_table(options, format.substr(table.size()), rows);
    std::string out;
    if (format == "json") {
        for (const Json& row : rows) out += json_text(row) + '\n';
        return out;
    }
    const Template each = TRY(Template::parse(unescape(without_spaces(format))));
    return template_lines(options, each, rows);
}

Result<void> print_listing(const ListingOptions& options, const std::vector<Json>& rows) {
    print(TRY(listing_text(options, rows)));
    return {};
}

Result<std::string> formatted_object(std::string_view format, const Json& object) {
    if (format == "json") return json_text(object) + '\n';
    const Template whole = TRY(Template::parse(format));
    return TRY(whole.execute(object)) + '\n';
}

int refuse_template(std::string_view format) {
    if (format.empty() || format == "json") return 0;
    const auto parsed = Template::parse(format);
    if (parsed.ok()) return 0;
    Session::print_error(parsed.error());
    return 64;
}

Json make_row(Json::Object members) {
    std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
    return Json(std::move(members));
}

void describe_format(Parser& parser, std::string& into) {
    parser.text("--format", into, "TEMPLATE", "How to show: 'table', 'table TEMPLATE', 'json' or a Go template", Values::format);
}

void take_configured_format(std::string& format, std::string_view key) {
    if (!format.empty()) return;
    const char* folder = std::getenv("DOCKER_CONFIG");
    const char* home = std::getenv("HOME");
    if (folder == nullptr && home == nullptr) return;
    const auto text = read_file(folder != nullptr ? cat(folder, "/config.json") : cat(home, "/.docker/config.json"), 1u << 20);
    if (!text.ok()) return;
    const auto config = parse_json(text.value());
    // A list is not the place to tell that the file is broken: login does.
    const Json* wanted = config.ok() ? config.value().find(key) : nullptr;
    if (wanted != nullptr && wanted->string() != nullptr) format = *wanted->string();
}

void describe_filters(Parser& parser, std::string_view names, Words& into, std::string_view help) {
    Option option;
    option.names = names;
    option.value = "KEY=VALUE";
    option.help = help;
    option.is_list = true;
    option.set = [&into](const std::string& text) -> Result<void> {
        TRY(parse_filters({text}));
        into.push_back(text);
        return {};
    };
    parser.add(std::move(option));
}

Result<FilterTerms> parse_filters(const Words& texts) {
    FilterTerms out;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error(Kind::invalid, cat("invalid filter '", text, "': expected KEY=VALUE"));
        std::string key = lower_case(text.substr(0, equals));
        while (key.ends_with(' ')) key.pop_back();
        out.emplace_back(std::move(key), text.substr(equals + 1));
    }
    return out;
}

Result<void> require_keys(const FilterTerms& terms, std::string_view keys, std::string_view things) {
    const std::vector<std::string> known = split_text(keys, '|');
    for (const auto& [key, value] : terms)
        if (std::ranges::find(known, key) == known.end())
            return Error(Kind::invalid, cat("invalid filter '", key, "'"))
                .with_hint(cat("filters of ", things, " are ", join_text(known, ", ")));
    return {};
}

}  // namespace berth::cli
