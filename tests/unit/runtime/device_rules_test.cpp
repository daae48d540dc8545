#include "runtime/device_rules.h"

#include <criterion/criterion.h>
#include <linux/bpf.h>

#include "base/result.h"
#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_device_rules, .timeout = 5);

namespace {

/// As much of an eBPF machine as compile_device_program() uses.
std::uint64_t run(const std::vector<std::uint64_t>& program, std::uint32_t type_and_access, std::uint32_t major, std::uint32_t minor) {
    const std::uint32_t context[] = {type_and_access, major, minor};
    std::uint64_t registers[11] = {};
    for (std::size_t at = 0; at < program.size(); ++at) {
        const std::uint64_t word = program[at];
        const auto code = static_cast<unsigned>(word & 0xff);
        std::uint64_t& target = registers[word >> 8 & 15];
        const std::uint64_t source = registers[word >> 12 & 15];
        const auto offset = static_cast<std::int16_t>(word >> 16);
        const auto constant = static_cast<std::int32_t>(word >> 32);
        if (code == (BPF_LDX | BPF_MEM | BPF_W)) target = context[offset / 4];
        else if (code == (BPF_ALU | BPF_AND | BPF_K)) target = static_cast<std::uint32_t>(target) & static_cast<std::uint32_t>(constant);
        else if (code == (BPF_ALU | BPF_RSH | BPF_K)) target = static_cast<std::uint32_t>(target) >> constant;
        else if (code == (BPF_ALU | BPF_MOV | BPF_X)) target = static_cast<std::uint32_t>(source);
        else if (code == (BPF_ALU64 | BPF_MOV | BPF_K)) target = static_cast<std::uint64_t>(constant);
        else if (code == (BPF_JMP | BPF_JNE | BPF_K)) { if (target != static_cast<std::uint64_t>(constant)) at += static_cast<std::size_t>(offset); }
        else if (code == (BPF_JMP | BPF_JEQ | BPF_K)) { if (target == static_cast<std::uint64_t>(constant)) at += static_cast<std::size_t>(offset); }
        else if (code == (BPF_JMP | BPF_EXIT)) return registers[0];
        else bug("an instruction that the test does not know");
    }
    bug("the program runs over its end");
}

constexpr std::uint32_t reading = BPF_DEVCG_ACC_READ, writing = BPF_DEVCG_ACC_WRITE, making = BPF_DEVCG_ACC_MKNOD;

bool allowed(const std::vector<DeviceRule>& rules, std::uint32_t type, std::uint32_t access, std::uint32_t major, std::uint32_t minor) {
    return run(compile_device_program(rules), type | access << 16, major, minor) != 0;
}
constexpr std::uint32_t character = BPF_DEVCG_DEV_CHAR, block = BPF_DEVCG_DEV_BLOCK;

}  // namespace

Test(runtime_device_rules, a_line_is_what_the_v1_files_take) {
    const std::string all = device_line({false, "", {}, {}, ""}), one = device_line({true, "c", 1, 3, "rw"}), odd = device_line({false, "c", 1, 11, "rwa"});
    cr_expect_str_eq(all.c_str(), "a *:* rwm");
    cr_expect_str_eq(one.c_str(), "c 1:3 rw");
    cr_expect_str_eq(odd.c_str(), "c 1:11 rw");
}
Test(runtime_device_rules, without_a_rule_everything_is_refused) { cr_expect_not(allowed({}, character, reading, 1, 3)); }
Test(runtime_device_rules, the_last_rule_that_matches_decides) {
    const std::vector<DeviceRule> rules = {{false, "a", {}, {}, "rwm"}, {true, "c", 1, 3, "rwm"}};
    cr_expect(allowed(rules, character, reading | writing, 1, 3));
    cr_expect_not(allowed(rules, character, reading, 1, 5));
    cr_expect_not(allowed(rules, block, reading, 1, 3));
    const std::vector<DeviceRule> reversed = {{true, "c", 1, 3, "rwm"}, {false, "a", {}, {}, "rwm"}};
    cr_expect_not(allowed(reversed, character, reading, 1, 3));
}
Test(runtime_device_rules, a_permission_covers_only_its_letters) {
    const std::vector<DeviceRule> rules = {{true, "b", 8, {}, "r"}};
    cr_expect(allowed(rules, block, reading, 8, 7));
    cr_expect_not(allowed(rules, block, reading | writing, 8, 7));
}
Test(runtime_device_rules, a_refusal_covers_each_of_its_letters) {
    const std::vector<DeviceRule> rules = {{true, "a", {}, {}, "rwm"}, {false, "c", 10, 200, "w"}};
    cr_expect(allowed(rules, character, reading, 10, 200));
    cr_expect_not(allowed(rules, character, reading | writing, 10, 200));
}
Test(runtime_device_rules, dockers_rules_let_through_what_a_container_needs_and_nothing_else) {
    std::vector<DeviceRule> rules = default_device_rules();
    for (const DeviceRule& rule : always_allowed_devices()) rules.push_back(rule);
    cr_expect(allowed(rules, character, reading | writing, 1, 9));
    cr_expect(allowed(rules, character, reading | writing, 136, 42));
    cr_expect(allowed(rules, block, making, 8, 0));
    cr_expect_not(allowed(rules, block, reading, 8, 0));
    cr_expect_not(allowed(rules, character, reading, 1, 1));
}
