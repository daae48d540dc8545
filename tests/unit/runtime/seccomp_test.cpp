// The filter's meaning, proved against libseccomp: both programs are run on every call number and on the arguments at
// which a comparison can turn.
#include "runtime/seccomp.h"

#include <cerrno>
#include <cstring>
#include <set>

#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/defaults.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_seccomp, .timeout = 60);

namespace {

using Program = std::vector<sock_filter>;

Program to_program(const std::vector<std::uint64_t>& words) {
    Program out(words.size());
    std::memcpy(out.data(), words.data(), words.size() * sizeof(std::uint64_t));
    return out;
}

/// As much of a classic BPF machine as filters use.
std::uint32_t run(const Program& program, const seccomp_data& data) {
    std::uint32_t a = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& op = program[at];
        switch (op.code) {
            case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&a, static_cast<const char*>(static_cast<const void*>(&data)) + op.k, 4); break;
            case BPF_ALU | BPF_AND | BPF_K: a &= op.k; break;
            case BPF_JMP | BPF_JA: at += op.k; break;
            case BPF_JMP | BPF_JEQ | BPF_K: at += a == op.k ? op.jt : op.jf; break;
            case BPF_JMP | BPF_JGT | BPF_K: at += a > op.k ? op.jt : op.jf; break;
            case BPF_JMP | BPF_JGE | BPF_K: at += a >= op.k ? op.jt : op.jf; break;
            case BPF_RET | BPF_K: return op.k;
            default: cr_assert(false, "unknown BPF instruction");
        }
    }
    cr_assert(false, "the program runs over its end");
    return 0;
}

scmp_compare operator_of(const std::string& op) {
    if (op == "SCMP_CMP_EQ") return SCMP_CMP_EQ;
    if (op == "SCMP_CMP_NE") return SCMP_CMP_NE;
    if (op == "SCMP_CMP_LT") return SCMP_CMP_LT;
    if (op == "SCMP_CMP_LE") return SCMP_CMP_LE;
    if (op == "SCMP_CMP_GT") return SCMP_CMP_GT;
    if (op == "SCMP_CMP_GE") return SCMP_CMP_GE;
    return SCMP_CMP_MASKED_EQ;
}

std::uint32_t action_of(const std::string& action, std::uint32_t code) {
    if (action == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
    if (action == "SCMP_ACT_KILL") return SCMP_ACT_KILL;
    return SCMP_ACT_ERRNO(code);
}

/// The same profile through libseccomp.
Program oracle(const Seccomp& profile) {
    scmp_filter_ctx context = seccomp_init(action_of(profile.default_action, profile.default_errno_ret.value_or(EPERM)));
    seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
    seccomp_arch_add(context, SCMP_ARCH_X86_64);
    for (const std::string& arch : profile.architectures) {
        if (arch == "SCMP_ARCH_X86") seccomp_arch_add(context, SCMP_ARCH_X86);
        if (arch == "SCMP_ARCH_X32") seccomp_arch_add(context, SCMP_ARCH_X32);
    }
    for (const SeccompRule& rule : profile.syscalls)
        for (const std::string& name : rule.names) {
            const int number = seccomp_syscall_resolve_name(name.c_str());
            if (number == __NR_SCMP_ERROR) continue;
            std::vector<scmp_arg_cmp> args;
            for (const SeccompArg& arg : rule.args) args.push_back({arg.index, operator_of(arg.op), arg.value, arg.value_two});
            seccomp_rule_add_array(context, action_of(rule.action, rule.errno_ret.value_or(EPERM)), number,
                                   static_cast<unsigned>(args.size()), args.data());
        }
    const int file = ::memfd_create("bpf", 0);
    cr_assert_eq(seccomp_export_bpf(context, file), 0);
    seccomp_release(context);
    Program out(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)) / sizeof(sock_filter));
    cr_assert_eq(::pread(file, out.data(), out.size() * sizeof(sock_filter), 0), static_cast<ssize_t>(out.size() * sizeof(sock_filter)));
    ::close(file);
    return out;
}

/// Every value at which one of the profile's comparisons can turn, in the low half: the upper half is ours to ignore where
/// the kernel does.
std::set<std::uint64_t> interesting_values(const Seccomp& profile) {
    std::set<std::uint64_t> out = {0, 1, 0xffffffff};
    for (const SeccompRule& rule : profile.syscalls)
        for (const SeccompArg& arg : rule.args)
            for (const std::uint64_t value : {arg.value, arg.value - 1, arg.value + 1, arg.value_two}) out.insert(value & 0xffffffff);
    return out;
}

/// The first difference in words, "" when there is none. Calls beyond the profile are ENOSYS with us.
std::string first_difference(const Seccomp& profile, const std::vector<std::uint32_t>& archs) {
    const Program ours = to_program(compile_seccomp(profile).value().instructions), theirs = oracle(profile);
    for (const std::uint32_t arch : archs)
        for (const std::uint32_t base : {0u, 0x40000000u})
            for (std::uint32_t number = 0; number < 700; ++number)
                for (const std::uint64_t value : interesting_values(profile)) {
                    seccomp_data data{};
                    data.nr = static_cast<int>(base + number);
                    data.arch = arch;
                    for (auto& arg : data.args) arg = value;
                    const std::uint32_t we = run(ours, data), they = run(theirs, data);
                    if (we != they && we != (SECCOMP_RET_ERRNO | ENOSYS))
                        return cat("arch ", arch, " call ", base + number, " argument ", value, ": ", we, " for ", they);
                }
    return {};
}

Seccomp profile_of(std::vector<SeccompRule> rules) {
    Seccomp out;
    out.default_action = "SCMP_ACT_ALLOW";
    out.syscalls = std::move(rules);
    return out;
}

std::uint32_t answer(const Seccomp& profile, int number, std::uint64_t first, std::uint64_t second = 0) {
    seccomp_data data{};
    data.nr = number;
    data.arch = SCMP_ARCH_X86_64;
    data.args[0] = first;
    data.args[1] = second;
    return run(to_program(compile_seccomp(profile).value().instructions), data);
}

std::string refusal(const Seccomp& profile) {
    const auto program = compile_seccomp(profile);
    return program.ok() ? "none" : program.error().text();
}

}  // namespace

Test(runtime_seccomp, dockers_profile_means_what_libseccomp_makes_of_it) {
    const std::string difference = first_difference(default_seccomp(default_capabilities()), {SCMP_ARCH_X86_64, SCMP_ARCH_X86});
    cr_expect_str_eq(difference.c_str(), "");
}
Test(runtime_seccomp, so_does_the_profile_of_a_container_with_more_capabilities) {
    std::vector<std::string> caps = default_capabilities();
    for (const char* more : {"CAP_SYS_ADMIN", "CAP_SYS_TIME", "CAP_SYS_PTRACE", "CAP_BPF"}) caps.push_back(more);
    const std::string difference = first_difference(default_seccomp(caps), {SCMP_ARCH_X86_64, SCMP_ARCH_X86});
    cr_expect_str_eq(difference.c_str(), "");
}
Test(runtime_seccomp, every_comparison_means_what_libseccomp_makes_of_it) {
    for (const char* op : {"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_MASKED_EQ"})
        for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{0x700000000}, std::uint64_t{0x700000007}}) {
            if (value == 0 && std::string_view(op) == "SCMP_CMP_MASKED_EQ") continue;  // An empty mask says nothing.
            const Seccomp profile = profile_of({{{"mkdir"}, "SCMP_ACT_ERRNO", 5, {{1, value, value & 5, op}}}});
            const Program ours = to_program(compile_seccomp(profile).value().instructions), theirs = oracle(profile);
            for (const std::uint64_t tried : {value, value - 1, value + 1, value + 0x100000000, value - 0x100000000, std::uint64_t{0}}) {
                seccomp_data data{};
                data.nr = 83;
                data.arch = SCMP_ARCH_X86_64;
                data.args[1] = tried;
                cr_expect_eq(run(ours, data), run(theirs, data), "%s %lx with %lx", op, value, tried);
            }
        }
}
// CVE-2019-10063: the kernel looks at 32 bits of these arguments, so the filter does.
Test(runtime_seccomp, upper_bits_do_not_hide_an_ioctl) {
    const Seccomp profile = profile_of({{{"ioctl"}, "SCMP_ACT_ERRNO", EPERM, {{1, 0x5412, 0, "SCMP_CMP_EQ"}}}});
    cr_expect_eq(answer(profile, 16, 0, 0x5412), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM));
    cr_expect_eq(answer(profile, 16, 0, 0x100005412), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM));
    cr_expect_eq(answer(profile, 16, 0, 0x5413), static_cast<std::uint32_t>(SECCOMP_RET_ALLOW));
}
// CVE-2026-31431.
Test(runtime_seccomp, crypto_and_vm_sockets_are_refused_by_default) {
    const Seccomp profile = default_seccomp(default_capabilities());
    for (const std::uint64_t family : {std::uint64_t{38}, std::uint64_t{40}, std::uint64_t{0x100000026}})
        cr_expect_eq(answer(profile, 41, family), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM));
    for (const std::uint64_t family : {1u, 2u, 10u, 16u, 17u, 39u, 44u})
        cr_expect_eq(answer(profile, 41, family), static_cast<std::uint32_t>(SECCOMP_RET_ALLOW));
}
// CVE-2022-0185, CVE-2022-0492.
Test(runtime_seccomp, mounting_and_new_namespaces_need_a_capability) {
    const Seccomp profile = default_seccomp(default_capabilities());
    for (const int number : {165 /* mount */, 272 /* unshare */, 430 /* fsopen */, 429 /* move_mount */, 428 /* open_tree */})
        cr_expect_eq(answer(profile, number, 0), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM));
    cr_expect_eq(answer(profile, 56, 0x10000000), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM), "clone(CLONE_NEWUSER)");
    cr_expect_eq(answer(profile, 56, 0x11), static_cast<std::uint32_t>(SECCOMP_RET_ALLOW), "fork");
    cr_expect_eq(answer(profile, 435, 0), SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(ENOSYS), "clone3");
}
Test(runtime_seccomp, the_tree_is_small) {
    const auto program = compile_seccomp(default_seccomp(default_capabilities())).value();
    cr_expect_lt(program.instructions.size(), 1000u);
}
Test(runtime_seccomp, what_a_profile_cannot_say_is_refused_with_its_place) {
    Seccomp profile = profile_of({{{"mkdir"}, "SCMP_ACT_FOO", {}, {}}});
    const std::string action = refusal(profile);
    cr_expect_str_eq(action.c_str(), "syscalls[0]: unknown action 'SCMP_ACT_FOO'");
    profile = profile_of({{{"write"}, "SCMP_ACT_NOTIFY", {}, {}}});
    profile.listener_path = "/x";
    const std::string notify = refusal(profile);
    cr_expect_str_eq(notify.c_str(), "syscalls[0]: SCMP_ACT_NOTIFY cannot be used for the write syscall");
    profile = profile_of({{{"mkdir"}, "SCMP_ACT_ALLOW", {}, {}}});
    profile.architectures = {"SCMP_ARCH_Z80"};
    const std::string arch = refusal(profile);
    cr_expect_str_eq(arch.c_str(), "unknown architecture 'SCMP_ARCH_Z80'");
}
