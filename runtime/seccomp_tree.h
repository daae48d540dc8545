#pragma once
// The BPF emitter: rules by system call number to a decision tree. Pure; knows neither names nor profiles.

#include <cstdint>
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

/// A rule for a call of one calling convention. Of those for one number the first that holds decides; one without tests is
/// the only one that matters.
struct CallEntry {
    std::uint32_t number = 0;
    std::uint32_t rule = 0;  ///< index into FilterRules::rules
};

/// One calling convention, its entries in the profile's order.
struct ArchRules {
    std::uint32_t audit_arch = 0;
    /// x32 shares x86_64's audit_arch; its numbers have bit 30 set.
    bool is_x32 = false;
    std::vector<CallEntry> calls;
};

struct FilterRules {
    std::vector<ArchRules> archs;
    /// Shared by all calls and conventions that are answered alike: docker's profile has a thousand entries and nine rules.
    std::vector<CallRule> rules;
    std::uint32_t default_action = 0;
    std::uint32_t bad_arch_action = 0;
    /// Calls newer than every one that the rules name: answered ENOSYS, so that programs fall back (as runc does).
    std::uint32_t unknown_call_action = 0;
};

/// struct sock_filter, one word each.
std::vector<std::uint64_t> emit_filter(const FilterRules& rules);

}  // namespace berth::runtime
