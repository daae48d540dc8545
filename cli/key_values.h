#pragma once
// KEY=VALUE texts: environments, labels and the files that hold them, by docker's rules.

#include <map>
#include <string>
#include <string_view>

#include "cli/parser.h"

namespace berth::cli {

/// The lines of an --env-file or --label-file: '#' at the start of a line is a comment, leading blanks go, everything
/// else is the value as it stands. A bare key takes the caller's variable, or is left out when there is none.
Result<Words> parse_key_value_file(const std::string& path, std::string_view text);
/// --env-file and -e together: files first, later ones win where the engine merges.
Result<Words> read_environment(const Words& files, const Words& values);
/// --label-file and -l together. A bare key has the value "".
Result<std::map<std::string, std::string>> read_labels(const Words& files, const Words& values);
/// "a=b" elements as a map. `option` is named in the error about an element without '='.
Result<std::map<std::string, std::string>> parse_map(std::string_view option, const Words& values);
/// A line of comma separated fields as encoding/csv reads it: a field in double quotes may hold commas.
Result<Words> parse_csv(std::string_view text);

}  // namespace berth::cli
