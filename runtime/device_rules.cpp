#include "runtime/device_rules.h"

#include <linux/bpf.h>

#include "base/cat.h"

namespace berth::runtime {

namespace {

std::string number_text(const std::optional<std::int64_t>& number) {
    return number && *number >= 0 ? cat(*number) : "*";
}

std::uint64_t instruction(unsigned code, unsigned destination, unsigned source, std::int16_t offset, std::int32_t immediate) {
    return code | static_cast<std::uint64_t>(destination) << 8 | static_cast<std::uint64_t>(source) << 12 |
           static_cast<std::uint64_t>(static_cast<std::uint16_t>(offset)) << 16 |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(immediate)) << 32;
}

// Registers: r2 type, r3 wanted access, r4 major, r5 minor (struct bpf_cgroup_dev_ctx).
constexpr unsigned result = BPF_REG_0, context = BPF_REG_1, type = BPF_REG_2, access = BPF_REG_3, major_number = BPF_REG_4,
                   minor_number = BPF_REG_5, scratch = BPF_REG_6;

std::uint64_t load(unsigned into, std::int16_t offset) { return instruction(BPF_LDX | BPF_MEM | BPF_W, into, context, offset, 0); }
std::uint64_t with_constant(unsigned code, unsigned destination, std::int32_t value) {
    return instruction(code, destination, 0, 0, value);
}

std::int32_t access_bits(const std::string& text) {
    std::int32_t bits = 0;
    for (const char letter : text.empty() ? std::string("rwm") : text) {
        if (letter == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
        if (letter == 'r') bits |= BPF_DEVCG_ACC_READ;
        if (letter == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    }
    return bits;
}

constexpr std::int32_t all_access = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

/// Falls through to the next rule unless everything matches; jumps are filled in when the block's length is known.
std::vector<std::uint64_t> rule_block(const DeviceRule& rule) {
    std::vector<std::uint64_t> block;
    std::vector<std::size_t> jumps;
    const auto unless_equal = [&](unsigned reg, std::int64_t value) {
        jumps.push_back(block.size());
        block.push_back(with_constant(BPF_JMP | BPF_JNE | BPF_K, reg, static_cast<std::int32_t>(value)));
    };
    if (rule.type == "c") unless_equal(type, BPF_DEVCG_DEV_CHAR);
    if (rule.type == "b") unless_equal(type, BPF_DEVCG_DEV_BLOCK);
    const std::int32_t bits = access_bits(rule.access);
    if (bits != all_access && rule.allow) {
        // Allowed only when nothing is wanted beyond the rule's bits.
        block.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, scratch, access, 0, 0));
        block.push_back(with_constant(BPF_ALU | BPF_AND | BPF_K, scratch, ~bits & all_access));
        unless_equal(scratch, 0);
    } else if (bits != all_access) {
        // Refused as soon as one of the rule's bits is wanted.
        block.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, scratch, access, 0, 0));
        block.push_back(with_constant(BPF_ALU | BPF_AND | BPF_K, scratch, bits));
        jumps.push_back(block.size());
        block.push_back(with_constant(BPF_JMP | BPF_JEQ | BPF_K, scratch, 0));
    }
    if (rule.major.value_or(-1) >= 0) unless_equal(major_number, *rule.major);
    if (rule.minor.value_or(-1) >= 0) unless_equal(minor_number, *rule.minor);
    block.push_back(with_constant(BPF_ALU64 | BPF_MOV | BPF_K, result, rule.allow ? 1 : 0));
    block.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    for (const std::size_t at : jumps)
        block[at] |= static_cast<std::uint64_t>(block.size() - at - 1) << 16;
    return block;
}

DeviceRule rule(const char* kind, std::optional<std::int64_t> major, std::optional<std::int64_t> minor, const char* letters) {
    return DeviceRule{true, kind, major, minor, letters};
}

bool is_everything(const DeviceRule& rule) {
    const bool any_type = rule.type.empty() || rule.type == "a";
    return any_type && rule.major.value_or(-1) < 0 && rule.minor.value_or(-1) < 0;
}

}  // namespace

std::vector<DeviceRule> always_allowed_devices() {
    return {
        rule("c", {}, {}, "m"),   rule("b", {}, {}, "m"),    rule("c", 1, 3, "rwm"), rule("c", 1, 5, "rwm"),
        rule("c", 1, 7, "rwm"),   rule("c", 1, 8, "rwm"),    rule("c", 1, 9, "rwm"), rule("c", 5, 0, "rwm"),
        rule("c", 136, {}, "rwm"), rule("c", 5, 2, "rwm"),
    };
}

std::string device_line(const DeviceRule& rule) {
    const std::string kind = rule.type.empty() ? "a" : rule.type;
    std::string letters;
    for (const char letter : rule.access)
        if (letter == 'r' || letter == 'w' || letter == 'm') letters.push_back(letter);
    return cat(kind, " ", number_text(rule.major), ":", number_text(rule.minor), " ", letters.empty() ? "rwm" : letters);
}

std::vector<std::uint64_t> compile_device_program(const std::vector<DeviceRule>& rules) {
    std::vector<std::uint64_t> program = {
        // access_type: the device type below, the access above (bpf.h, struct bpf_cgroup_dev_ctx).
        load(type, 0), with_constant(BPF_ALU | BPF_AND | BPF_K, type, 0xffff),
        load(access, 0), with_constant(BPF_ALU | BPF_RSH | BPF_K, access, 16),
        load(major_number, 4), load(minor_number, 8),
    };
    for (std::size_t i = rules.size(); i-- > 0;) {
        const auto block = rule_block(rules[i]);
        program.insert(program.end(), block.begin(), block.end());
        // The verifier refuses what can never be reached.
        if (is_everything(rules[i]) && access_bits(rules[i].access) == all_access) return program;
    }
    program.push_back(with_constant(BPF_ALU64 | BPF_MOV | BPF_K, result, 0));
    program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return program;
}

}  // namespace berth::runtime
