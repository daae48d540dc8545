#include "runtime/seccomp_tree.h"

#include <algorithm>

#include <linux/bpf_common.h>
#include <linux/seccomp.h>

namespace berth::runtime {

namespace {

using Code = std::vector<std::uint64_t>;

constexpr std::uint32_t x32_bit = 0x40000000;
constexpr std::uint32_t number_offset = 0, arch_offset = 4, arguments_offset = 16;

/// struct sock_filter {u16 code; u8 jt, jf; u32 k} in memory order (little endian, as all hosts of berth are).
std::uint64_t instruction(unsigned code, std::uint64_t if_true, std::uint64_t if_false, std::uint32_t constant) {
    return code | if_true << 16 | if_false << 24 | static_cast<std::uint64_t>(constant) << 32;
}
std::uint64_t load(std::uint32_t offset) { return instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset); }
std::uint64_t leave(std::uint32_t action) { return instruction(BPF_RET | BPF_K, 0, 0, action); }

void append(Code& out, const Code& more) { out.insert(out.end(), more.begin(), more.end()); }

/// `if_holds` when the comparison holds, else `otherwise`; conditional jumps reach 255 instructions only.
Code branch(unsigned comparison, std::uint32_t constant, const Code& if_holds, const Code& otherwise) {
    Code out;
    if (otherwise.size() <= 255) {
        out.push_back(instruction(BPF_JMP | comparison | BPF_K, otherwise.size(), 0, constant));
    } else {
        out.push_back(instruction(BPF_JMP | comparison | BPF_K, 0, 1, constant));
        out.push_back(instruction(BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(otherwise.size())));
    }
    append(out, otherwise);
    append(out, if_holds);
    return out;
}

/// Where a jump of a test leads; filled in when the rule's length is known.
enum class Target { next, pass, fail };

struct Jump {
    std::size_t at;
    Target if_true, if_false;
};

/// One rule: its tests one behind the other, each failing to the rule's end.
class RuleCode {
public:
    void add(const ArgTest& test) {
        begin_ = jumps_.size();
        const std::uint32_t low_offset = arguments_offset + 8 * test.index;
        const auto high = static_cast<std::uint32_t>(test.value >> 32), low = static_cast<std::uint32_t>(test.value);
        if (test.op == ArgOp::masked_equal) {
            if (!test.narrow) masked(low_offset + 4, high, static_cast<std::uint32_t>(test.second >> 32));
            masked(low_offset, low, static_cast<std::uint32_t>(test.second));
        } else {
            if (!test.narrow) compare_high(test.op, low_offset + 4, high);
            compare_low(test.op, low_offset, low);
        }
        settle_passes();
    }
    Code finish(std::uint32_t action) {
        code_.push_back(leave(action));
        for (const Jump& jump : jumps_) {
            const std::uint64_t distance = code_.size() - jump.at - 1;
            if (jump.if_true == Target::fail) code_[jump.at] |= distance << 16;
            if (jump.if_false == Target::fail) code_[jump.at] |= distance << 24;
        }
        return code_;
    }

private:
    void jump(unsigned comparison, std::uint32_t constant, Target if_true, Target if_false) {
        jumps_.push_back({code_.size(), if_true, if_false});
        code_.push_back(instruction(BPF_JMP | comparison | BPF_K, 0, 0, constant));
    }
    void masked(std::uint32_t offset, std::uint32_t mask, std::uint32_t wanted) {
        code_.push_back(load(offset));
        code_.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, 0, 0, mask));
        jump(BPF_JEQ, wanted, Target::next, Target::fail);
    }
    /// The upper half decides unless it is equal.
    void compare_high(ArgOp op, std::uint32_t offset, std::uint32_t value) {
        code_.push_back(load(offset));
        switch (op) {
            case ArgOp::equal: return jump(BPF_JEQ, value, Target::next, Target::fail);
            case ArgOp::not_equal: return jump(BPF_JEQ, value, Target::next, Target::pass);
            case ArgOp::greater: case ArgOp::greater_equal:
                jump(BPF_JGT, value, Target::pass, Target::next);
                return jump(BPF_JEQ, value, Target::next, Target::fail);
            default:
                jump(BPF_JGT, value, Target::fail, Target::next);
                return jump(BPF_JEQ, value, Target::next, Target::pass);
        }
    }
    void compare_low(ArgOp op, std::uint32_t offset, std::uint32_t value) {
        code_.push_back(load(offset));
        switch (op) {
            case ArgOp::equal: return jump(BPF_JEQ, value, Target::next, Target::fail);
            case ArgOp::not_equal: return jump(BPF_JEQ, value, Target::fail, Target::next);
            case ArgOp::greater: return jump(BPF_JGT, value, Target::next, Target::fail);
            case ArgOp::greater_equal: return jump(BPF_JGE, value, Target::next, Target::fail);
            case ArgOp::less: return jump(BPF_JGE, value, Target::fail, Target::next);
            default: return jump(BPF_JGT, value, Target::fail, Target::next);
        }
    }
    /// `pass` is the end of this test, not of the rule.
    void settle_passes() {
        for (std::size_t i = begin_; i < jumps_.size(); ++i) {
            const std::uint64_t distance = code_.size() - jumps_[i].at - 1;
            if (jumps_[i].if_true == Target::pass) code_[jumps_[i].at] |= distance << 16;
            if (jumps_[i].if_false == Target::pass) code_[jumps_[i].at] |= distance << 24;
        }
    }
    Code code_;
    std::vector<Jump> jumps_;
    std::size_t begin_ = 0;
};

/// What a call number leads to: an action, or rules with tests, which end in one.
struct Leaf {
    std::uint32_t action = 0;
    Code tests;
    bool operator==(const Leaf&) const = default;
};

/// The leaf of the entries [begin, end), all for one number.
Leaf leaf_of(const CallEntry* begin, const CallEntry* end, const FilterRules& rules) {
    Leaf out{rules.default_action, {}};
    for (const CallEntry* entry = begin; entry != end; ++entry)
        if (const CallRule& rule = rules.rules[entry->rule]; rule.tests.empty()) return {rule.action, {}};
    for (const CallEntry* entry = begin; entry != end; ++entry) {
        RuleCode code;
        for (const ArgTest& test : rules.rules[entry->rule].tests) code.add(test);
        append(out.tests, code.finish(rules.rules[entry->rule].action));
    }
    return out;
}

/// From `first` up to the next interval's first.
struct Interval {
    std::uint32_t first;
    Leaf leaf;
};

void add_interval(std::vector<Interval>& out, std::uint32_t first, Leaf leaf) {
    if (!out.empty() && out.back().first == first) out.pop_back();
    if (!out.empty() && out.back().leaf == leaf) return;
    out.push_back({first, std::move(leaf)});
}

std::vector<Interval> intervals_of(const ArchRules& arch, const FilterRules& rules) {
    std::vector<CallEntry> calls = arch.calls;
    std::stable_sort(calls.begin(), calls.end(), [](const CallEntry& a, const CallEntry& b) { return a.number < b.number; });
    std::vector<Interval> out;
    add_interval(out, 0, {rules.default_action, {}});
    for (const CallEntry* at = calls.data(), *end = at + calls.size(); at != end;) {
        const CallEntry* next = at;
        while (next != end && next->number == at->number) ++next;
        add_interval(out, at->number, leaf_of(at, next, rules));
        add_interval(out, at->number + 1, {rules.default_action, {}});
        at = next;
    }
    if (!calls.empty()) add_interval(out, calls.back().number + 1, {rules.unknown_call_action, {}});
    return out;
}

/// A balanced search over the intervals' beginnings: seven comparisons at most for docker's profile.
Code tree_of(const std::vector<Interval>& intervals, std::size_t begin, std::size_t end) {
    if (end - begin == 1) {
        Code out = intervals[begin].leaf.tests;
        out.push_back(leave(intervals[begin].leaf.action));
        return out;
    }
    const std::size_t middle = begin + (end - begin) / 2;
    return branch(BPF_JGE, intervals[middle].first, tree_of(intervals, middle, end), tree_of(intervals, begin, middle));
}

Code calls_of(const ArchRules* arch, const FilterRules& rules) {
    if (arch == nullptr) return {leave(rules.bad_arch_action)};
    const auto intervals = intervals_of(*arch, rules);
    return tree_of(intervals, 0, intervals.size());
}

const ArchRules* find_arch(const FilterRules& rules, std::uint32_t audit_arch, bool is_x32) {
    for (const ArchRules& arch : rules.archs)
        if (arch.audit_arch == audit_arch && arch.is_x32 == is_x32) return &arch;
    return nullptr;
}

constexpr std::uint32_t audit_x86_64 = 0xc000003e;

Code arch_block(const FilterRules& rules, std::uint32_t audit_arch) {
    Code out = {load(number_offset)};
    if (audit_arch != audit_x86_64) {
        append(out, calls_of(find_arch(rules, audit_arch, false), rules));
        return out;
    }
    append(out, branch(BPF_JGE, x32_bit, calls_of(find_arch(rules, audit_arch, true), rules),
                       calls_of(find_arch(rules, audit_arch, false), rules)));
    return out;
}

}  // namespace

std::vector<std::uint64_t> emit_filter(const FilterRules& rules) {
    std::vector<std::uint32_t> audit_archs;
    for (const ArchRules& arch : rules.archs)
        if (std::find(audit_archs.begin(), audit_archs.end(), arch.audit_arch) == audit_archs.end())
            audit_archs.push_back(arch.audit_arch);
    Code rest = {leave(rules.bad_arch_action)};
    // The last compared first in the code is the first of the profile: the native one.
    for (std::size_t i = audit_archs.size(); i-- > 0;)
        rest = branch(BPF_JEQ, audit_archs[i], arch_block(rules, audit_archs[i]), rest);
    Code out = {load(arch_offset)};
    append(out, rest);
    return out;
}

}  // namespace berth::runtime
