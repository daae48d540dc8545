#pragma once
// The BPF emitter: rules by system call number to a decision tree. Pure; knows neither names nor profiles.

#include <cstdint>
#include <map>
#include <vector>

namespace berth::runtime {

enum class ArgOp : std::uint8_t { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };

struct ArgTest {
    std::uint32_t index = 0;
    ArgOp op = ArgOp::equal;
    std::uint64_t value = 0;
    std::uint64_t second = 0;  ///< masked_equal: value is the mask, this what is left
    /// The kernel reads only 32 bits of this argument, so the upper ones must not decide (CVE-2019-10063).
    bool narrow = false;
    bool operator==(const ArgTest&) const = default;
};

/// All tests must hold; no test at all always holds.
struct CallRule {
    std::vector<ArgTest> tests;
    std::uint32_t action = 0;  ///< SECCOMP_RET_* with its data
    bool operator==(const CallRule&) const = default;
};

/// Rules of one calling convention. Number → rules, the first that holds decides; a rule without tests is the only one
/// that matters.
struct ArchRules {
    std::uint32_t audit_arch = 0;
    /// x32 shares x86_64's audit_arch; its numbers have bit 30 set.
    bool is_x32 = false;
    std::map<std::uint32_t, std::vector<CallRule>> calls;
};

struct FilterRules {
    std::vector<ArchRules> archs;
    std::uint32_t default_action = 0;
    std::uint32_t bad_arch_action = 0;
    /// Calls newer than every one that the rules name: answered ENOSYS, so that programs fall back (as runc does).
    std::uint32_t unknown_call_action = 0;
};

/// struct sock_filter, one word each.
std::vector<std::uint64_t> emit_filter(const FilterRules& rules);

}  // namespace berth::runtime
