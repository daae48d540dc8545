#pragma once
// BuildKit's checks of a Dockerfile, by its names: what works but will surprise. `# check=skip=RULE,…;error=true` steers
// them.

#include <string>
#include <vector>

#include "builder/session.h"

namespace berth::builder {

struct Finding {
    std::string rule;
    std::string text;
    int first_line = 0;
    int last_line = 0;
};
/// All findings in the order of the file. Stages that the target does not need are looked at, too.
Result<std::vector<Finding>> check_file(const Session& session);
/// `# check=error=true`.
bool findings_are_errors(const Dockerfile& file);

/// What `--check` prints: count, rule, excerpt of each.
std::string check_report(const Dockerfile& file, const std::vector<Finding>& findings);
/// What `--call=targets` and `--call=outline` print.
std::string targets_report(const Session& session);
std::string outline_report(const Session& session);

}  // namespace berth::builder
