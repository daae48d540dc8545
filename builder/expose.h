#pragma once
// The words of EXPOSE: "80", "8000-8010/udp", and the mapping forms that docker accepts and ignores. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::builder {

struct ExposedPorts {
    std::vector<std::string> ports;  ///< "80/tcp", ranges one by one
    bool has_odd_case = false;       ///< "80/TCP": a finding of a check
    bool has_mapping = false;        ///< "8080:80": another
};
/// Kind::invalid with what was found and expected.
Result<ExposedPorts> parse_exposed(std::string_view word);

}  // namespace berth::builder
