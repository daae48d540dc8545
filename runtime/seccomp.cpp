// From names to numbers: the only file that includes libseccomp, which knows every architecture's tables.

#include "runtime/seccomp.h"

#include <algorithm>
#include <cerrno>

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/seccomp_names.h"
#include "runtime/seccomp_tree.h"

namespace berth::runtime {

namespace {

struct Arch {
    const char* name;
    std::uint32_t token;
    std::uint32_t audit_arch;
};
constexpr Arch archs[] = {
    {"SCMP_ARCH_X86", SCMP_ARCH_X86, SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32, SCMP_ARCH_X86_64},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM, SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS, SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC, SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64, SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE, SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390, SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X, SCMP_ARCH_S390X},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, SCMP_ARCH_RISCV64},
};

struct Action {
    const char* name;
    std::uint32_t value;
    bool takes_errno;
};
constexpr Action actions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
};

struct Operator {
    const char* name;
    ArgOp op;
};
constexpr Operator operators[] = {
    {"SCMP_CMP_EQ", ArgOp::equal},         {"SCMP_CMP_GE", ArgOp::greater_equal}, {"SCMP_CMP_GT", ArgOp::greater},
    {"SCMP_CMP_LE", ArgOp::less_equal},    {"SCMP_CMP_LT", ArgOp::less},          {"SCMP_CMP_MASKED_EQ", ArgOp::masked_equal},
    {"SCMP_CMP_NE", ArgOp::not_equal},
};

struct FlagName {
    const char* name;
    std::uint32_t value;
};
constexpr FlagName flag_names[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1u << 5},
};

template <class Entry, std::size_t Size>
Result<const Entry*> find_entry(const Entry (&table)[Size], const std::string& name, std::string_view what) {
    for (const Entry& entry : table)
        if (name == entry.name) return &entry;
    return Error(Kind::invalid, cat("unknown ", what, " '", name, "'"));
}

template <class Entry, std::size_t Size>
std::vector<std::string> names_of(const Entry (&table)[Size]) {
    std::vector<std::string> out;
    for (const Entry& entry : table) out.emplace_back(entry.name);
    return out;
}

Result<std::uint32_t> action_value(const std::string& name, const std::optional<std::uint32_t>& errno_ret) {
    const Action* action = TRY(find_entry(actions, name, "action"));
    return action->value | (action->takes_errno ? errno_ret.value_or(EPERM) & SECCOMP_RET_DATA : 0);
}

/// Arguments of which the kernel takes the lower half only.
bool is_narrow(std::string_view call, std::uint32_t index) {
    return (call == "ioctl" && index == 1) || (call == "socket" && index <= 2) || (call == "personality" && index == 0);
}

Result<std::vector<ArgTest>> arg_tests(const SeccompRule& rule, std::string_view call) {
    std::vector<ArgTest> out;
    for (const SeccompArg& arg : rule.args) {
        const Operator* op = TRY(find_entry(operators, arg.op, "operator"));
        if (arg.index > 5) return Error(Kind::invalid, cat("argument index ", arg.index, " is out of range: 0 to 5"));
        out.push_back({arg.index, op->op, arg.value, arg.value_two, is_narrow(call, arg.index)});
    }
    return out;
}

/// What answers a call: a run of FilterRules::rules.
struct RuleSpan {
    std::uint32_t first, end;
};

RuleSpan span_of_plain_rule(FilterRules& out, std::uint32_t action) {
    const auto same = [action](const CallRule& rule) { return rule.tests.empty() && rule.action == action; };
    const auto found = std::find_if(out.rules.begin(), out.rules.end(), same);
    const auto at = static_cast<std::uint32_t>(found - out.rules.begin());
    if (found == out.rules.end()) out.rules.push_back({{}, action});
    return {at, at + 1};
}

bool repeats_an_argument(const std::vector<ArgTest>& tests) {
    for (std::size_t i = 0; i < tests.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (tests[i].index == tests[j].index) return true;
    return false;
}

/// runc: several tests of one argument are alternatives, else all must hold.
RuleSpan span_of(FilterRules& out, std::vector<ArgTest> tests, std::uint32_t action) {
    if (tests.empty()) return span_of_plain_rule(out, action);
    const auto first = static_cast<std::uint32_t>(out.rules.size());
    if (repeats_an_argument(tests))
        for (const ArgTest& test : tests) out.rules.push_back({{test}, action});
    else out.rules.push_back({std::move(tests), action});
    return {first, static_cast<std::uint32_t>(out.rules.size())};
}

void add_entries(ArchRules& arch, std::uint32_t number, RuleSpan span) {
    for (std::uint32_t rule = span.first; rule < span.end; ++rule) arch.calls.push_back({number, rule});
}

/// 32-bit x86 reaches sockets and System V IPC in two ways: through socketcall(2) and ipc(2), and since Linux 4.3 and 5.1
/// by single calls. libseccomp's name for both is a pseudo number, -100 or -200 less the multiplexer's own.
struct DirectCall {
    int pseudo;
    std::uint32_t number;
};
constexpr DirectCall x86_direct_calls[] = {
    {-101, 359}, {-108, 360}, {-102, 361}, {-103, 362}, {-104, 363}, {-118, 364}, {-115, 365}, {-114, 366}, {-106, 367},
    {-107, 368}, {-111, 369}, {-116, 370}, {-112, 371}, {-117, 372}, {-113, 373}, {-119, 337}, {-120, 345},
    {-202, 393}, {-203, 394}, {-223, 395}, {-224, 396}, {-221, 397}, {-222, 398}, {-213, 399}, {-211, 400}, {-212, 401},
    {-214, 402},
};

void add_direct(ArchRules& arch, int pseudo, RuleSpan span) {
    for (const DirectCall& call : x86_direct_calls)
        if (call.pseudo == pseudo) add_entries(arch, call.number, span);
}

void add_multiplexed(FilterRules& out, ArchRules& arch, const Arch& known, int number, RuleSpan span) {
    if (known.token == SCMP_ARCH_X86) add_direct(arch, number, span);
    if (known.token != SCMP_ARCH_X86 && known.token != SCMP_ARCH_S390 && known.token != SCMP_ARCH_S390X) return;
    if (!out.rules[span.first].tests.empty()) return;  // Their arguments lie behind a pointer that no filter can follow.
    const bool socket = number <= -101 && number >= -120;
    const bool ipc = number <= -201 && number >= -224;
    if (!socket && !ipc) return;
    const int through = seccomp_syscall_resolve_name_arch(known.token, socket ? "socketcall" : "ipc");
    if (through < 0) return;
    const auto which = static_cast<std::uint64_t>(-number % 100);
    add_entries(arch, static_cast<std::uint32_t>(through),
                span_of(out, {ArgTest{0, ArgOp::equal, which, 0, true}}, out.rules[span.first].action));
}

void add_call(FilterRules& out, std::size_t arch, const Arch& known, const std::string& name, RuleSpan span) {
    const int number = seccomp_syscall_resolve_name_arch(known.token, name.c_str());
    if (number >= 0) add_entries(out.archs[arch], static_cast<std::uint32_t>(number), span);
    else if (number != __NR_SCMP_ERROR) add_multiplexed(out, out.archs[arch], known, number, span);
}

Result<void> check_notify(const Seccomp& profile, const SeccompRule& rule) {
    if (rule.action != "SCMP_ACT_NOTIFY") return {};
    if (profile.listener_path.empty()) return Error(Kind::invalid, "SCMP_ACT_NOTIFY needs a listenerPath");
    // The runtime itself writes between loading the filter and execve: it would wait for an agent that it has yet to
    // tell about the filter.
    if (std::find(rule.names.begin(), rule.names.end(), "write") != rule.names.end())
        return Error(Kind::invalid, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    return {};
}

Result<std::vector<const Arch*>> archs_of(const Seccomp& profile) {
    std::vector<const Arch*> out;
    const std::uint32_t native = seccomp_arch_native();
    for (const Arch& arch : archs)
        if (arch.token == native) out.push_back(&arch);
    for (const std::string& name : profile.architectures) {
        const Arch* arch = TRY(find_entry(archs, name, "architecture"));
        if (std::find(out.begin(), out.end(), arch) == out.end()) out.push_back(arch);
    }
    return out;
}

Result<void> add_rules(FilterRules& out, const Seccomp& profile, const std::vector<const Arch*>& wanted) {
    for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
        const SeccompRule& rule = profile.syscalls[i];
        TRY(check_notify(profile, rule), "syscalls[", i, "]");
        const std::uint32_t action = TRY(action_value(rule.action, rule.errno_ret), "syscalls[", i, "]");
        for (const std::string& name : rule.names) {
            const RuleSpan span = span_of(out, TRY(arg_tests(rule, name), "syscalls[", i, "]"), action);
            for (std::size_t a = 0; a < wanted.size(); ++a) add_call(out, a, *wanted[a], name, span);
        }
    }
    return {};
}

/// The default action for calls newer than the profile, unless it lets all pass or says ENOSYS itself.
std::uint32_t unknown_action(const Seccomp& profile, std::uint32_t default_action) {
    const bool lenient = default_action == SECCOMP_RET_ALLOW || default_action == SECCOMP_RET_LOG;
    if (lenient || profile.default_errno_ret.value_or(0) == ENOSYS) return default_action;
    return SECCOMP_RET_ERRNO | ENOSYS;
}

}  // namespace

Result<SeccompProgram> compile_seccomp(const Seccomp& profile) {
    const std::vector<const Arch*> wanted = TRY(archs_of(profile));
    FilterRules rules;
    rules.default_action = TRY(action_value(profile.default_action, profile.default_errno_ret), "defaultAction");
    if (profile.default_action == "SCMP_ACT_NOTIFY") return Error(Kind::invalid, "SCMP_ACT_NOTIFY cannot be the defaultAction");
    rules.bad_arch_action = SECCOMP_RET_KILL_THREAD;
    rules.unknown_call_action = unknown_action(profile, rules.default_action);
    for (const Arch* arch : wanted) rules.archs.push_back({arch->audit_arch, arch->token == SCMP_ARCH_X32, {}});
    TRY(add_rules(rules, profile, wanted));

    SeccompProgram out;
    out.instructions = emit_filter(rules);
    if (out.instructions.size() > 4096) return Error(Kind::unsupported, "the profile needs more than 4096 BPF instructions");
    for (const std::string& name : profile.flags) out.flags |= TRY(find_entry(flag_names, name, "flag"))->value;
    out.has_listener = std::any_of(profile.syscalls.begin(), profile.syscalls.end(),
                                   [](const SeccompRule& rule) { return rule.action == "SCMP_ACT_NOTIFY"; });
    if (out.has_listener) out.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // The process that loads the filter has one thread: there is nobody to synchronise with.
    out.flags &= ~std::uint32_t{SECCOMP_FILTER_FLAG_TSYNC};
    return out;
}

std::vector<std::string> seccomp_arch_names() { return names_of(archs); }
std::vector<std::string> seccomp_action_names() { return names_of(actions); }
std::vector<std::string> seccomp_operator_names() { return names_of(operators); }
std::vector<std::string> seccomp_flag_names() { return names_of(flag_names); }

std::string seccomp_library_version() {
    const scmp_version* version = seccomp_version();
    return cat(version->major, ".", version->minor, ".", version->micro);
}

}  // namespace berth::runtime
