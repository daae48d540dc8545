#pragma once
// How many descriptors this process may have open (RLIMIT_NOFILE).

#include <cstdint>

namespace berth {

struct DescriptorLimit {
    std::uint64_t soft;
    std::uint64_t hard;
    bool operator==(const DescriptorLimit&) const = default;
};

/// Of this process. Never fails: the kernel always knows it.
DescriptorLimit descriptor_limit();

/// Raises the soft limit to the hard one, and returns what was there before: children inherit the new one, and programs that
/// close every descriptor they may have, or use select(2), must not meet it.
DescriptorLimit raise_descriptor_limit();

}  // namespace berth
