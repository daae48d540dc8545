#include "cli/listing.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

// docker: a shell's quotes keep "\t" as two characters, and users write it so.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escaped = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n');
        if (escaped)
            out += text[++i] == 't' ? '\t' : '\n';
        else
            out += text[i];
    }
    return out;
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

Result<std::string> template_table(const ListingOptions& options, std::string_view text, const std::vector<Json>& rows) {
    const Template each = TRY(Template::parse(unescape(text)));
    const auto label_header = [](const Json&, std::string_view, const std::vector<Json>& arguments) -> std::optional<Json> {
        // {{.Label "a.b.c"}}: docker takes the last part as the header.
        if (arguments.empty() || arguments[0].string() == nullptr) return std::nullopt;
        return Json(split_text(*arguments[0].string(), '.').back());
    };
    Table table(split_text(TRY(each.execute(header_row(options, rows), label_header)), '\t'));
    for (const Json& row : rows) table.add(split_text(TRY(each.execute(row, options.method)), '\t'));
    return table.text();
}

}  // namespace

Result<std::string> listing_text(const ListingOptions& options, const std::vector<Json>& rows) {
    const std::string_view format = options.format;
    if (format.empty() || format == "table") return default_table(options, rows);
    if (format.starts_with("table ")) return template_table(options, format.substr(6), rows);
    std::string out;
    if (format == "json") {
        for (const Json& row : rows) out += json_text(row) + '\n';
        return out;
    }
    const Template each = TRY(Template::parse(unescape(format)));
    for (const Json& row : rows) out += TRY(each.execute(row, options.method)) + '\n';
    return out;
}

Result<void> print_listing(const ListingOptions& options, const std::vector<Json>& rows) {
    print(TRY(listing_text(options, rows)));
    return {};
}

Result<std::string> formatted_object(std::string_view format, const Json& object) {
    if (format == "json") return json_text(object) + '\n';
    const Template whole = TRY(Template::parse(unescape(format)));
    return TRY(whole.execute(object)) + '\n';
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
