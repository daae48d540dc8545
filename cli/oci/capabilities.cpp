#include "cli/oci/capabilities.h"

#include <algorithm>

#include "runtime/caps.h"

namespace berth::cli {

namespace {

bool contains(const runtime::Strings& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void settle_capabilities(runtime::ProcessSpec& process, const OciLog& log) {
    if (!process.capabilities) return;
    runtime::Capabilities& sets = *process.capabilities;
    runtime::Strings unknown;
    for (auto* set : {&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient})
        std::erase_if(*set, [&](const std::string& name) {
            const bool known = runtime::parse_capability(name).ok();
            if (!known && !contains(unknown, name)) unknown.push_back(name);
            return !known;
        });
    for (const std::string& name : unknown) log.warning(cat("ignoring unknown or unavailable capability ", name));
    std::erase_if(sets.ambient, [&](const std::string& name) {
        const bool possible = contains(sets.permitted, name) && contains(sets.inheritable, name);
        if (!possible) log.warning(cat("can't raise ambient capability ", name, ": it is not permitted and inheritable"));
        return !possible;
    });
}

}  // namespace berth::cli
