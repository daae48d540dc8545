#pragma once
// Listing: rows of named values shown as a table, as a template each, as JSON lines or as ids: what --format, -q and
// --no-trunc mean to every list command.

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/parser.h"
#include "cli/template.h"

namespace berth::cli {

struct Column {
    std::string_view field;   ///< "ID"
    std::string_view header;  ///< "CONTAINER ID"
};

struct ListingOptions {
    std::string format;                ///< "", "table", "table TEMPLATE", "json" or a template
    std::vector<Column> columns;       ///< of the default table
    std::vector<Column> more_headers;  ///< of fields that only a template names
    std::vector<std::map<std::string, std::string>> labels;  ///< of each row, for {{.Label "key"}}
};

/// The text for all rows. A row is an object with its fields sorted by name, as docker's {{json .}} prints them.
Result<std::string> listing_text(const ListingOptions& options, const std::vector<Json>& rows);
Result<void> print_listing(const ListingOptions& options, const std::vector<Json>& rows);

/// One object by -f: "json", or a template; a line. Not as in a list, `\t` stays as it is written (docker).
Result<std::string> formatted_object(std::string_view format, const Json& object);
/// docker's exit status for a template that cannot be read, which is told before anything else is done; else 0.
int refuse_template(std::string_view format);
/// A row out of members in any order.
Json make_row(Json::Object members);

/// "--format" with docker's help text.
void describe_format(Parser& parser, std::string& into);
/// A list without --format is shown as `key` ("psFormat") of docker's config.json says, if it says so.
void take_configured_format(std::string& format, std::string_view key);
/// -f, --filter KEY=VALUE, repeatable. What has no '=' is refused as a bad value of the option.
void describe_filters(Parser& parser, std::string_view names, Words& into, std::string_view help);
using FilterTerms = std::vector<std::pair<std::string, std::string>>;
Result<FilterTerms> parse_filters(const Words& texts);
/// An error about the first key that is not among "a|b|c", also when nothing is there to be filtered.
Result<void> require_keys(const FilterTerms& terms, std::string_view keys, std::string_view things);

}  // namespace berth::cli
