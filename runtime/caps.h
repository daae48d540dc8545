#pragma once
// Capabilities by name and as bit sets. The only file that includes libcap.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::runtime {

using CapSet = std::uint64_t;

/// "CAP_NET_RAW", "net_raw", any case → its number. Kind::invalid: "unknown capability 'CAP_FOO'".
Result<int> parse_capability(std::string_view name);
/// "CAP_NET_RAW".
std::string capability_name(int number);
/// The highest capability that this kernel knows.
int last_capability();
/// All that this kernel knows, by name.
std::vector<std::string> all_capabilities();
/// A set from names. Unknown ones are an error.
Result<CapSet> capability_set(const std::vector<std::string>& names);
/// docker's --cap-add/--cap-drop over its default set: "ALL" is understood on both sides, "CAP_" may be left out.
/// Result in kernel order.
Result<std::vector<std::string>> adjust_capabilities(const std::vector<std::string>& base,
                                                     const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop);

}  // namespace berth::runtime
