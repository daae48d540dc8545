#pragma once
// Which sysctls a container may set: those of a namespace that it has to itself. Pure.

#include <string>

#include "base/result.h"
#include "runtime/spec.h"

namespace berth::runtime {

/// "net.ipv4.ip_forward" → "sys/net/ipv4/ip_forward", below /proc. Refuses keys of namespaces that the container shares
/// with the host, and values with control characters.
Result<std::string> sysctl_path(const std::string& key, const std::string& value, const Spec& spec);

}  // namespace berth::runtime
