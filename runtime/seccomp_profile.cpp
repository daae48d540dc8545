// docker's profile document (moby profiles/seccomp, seccomp.md): a runtime-spec filter whose rules may depend on
// capabilities, architecture and kernel version, and may name one call ("name") or several ("names"). The conditions are
// settled here, for this host and these capabilities; what is left is a plain filter.

#include <algorithm>
#include <utility>

#include <sys/utsname.h>

#include "base/json.h"
#include "runtime/seccomp.h"

namespace berth::runtime {

namespace {

struct Condition {
    Strings caps;
    Strings arches;
    std::string min_kernel;
    bool operator==(const Condition&) const = default;
};
template <class Io>
void fields(Io& io, Condition& condition) {
    io.optional("caps", condition.caps);
    io.optional("arches", condition.arches);
    io.optional("minKernel", condition.min_kernel);
}

struct ProfileArg {
    std::uint32_t index = 0;
    std::uint64_t value = 0, value_two = 0;
    std::string op;
    bool operator==(const ProfileArg&) const = default;
};
template <class Io>
void fields(Io& io, ProfileArg& arg) {
    io.required("index", arg.index);
    io.optional("value", arg.value);
    io.optional("valueTwo", arg.value_two);
    io.required("op", arg.op);
}

struct ProfileRule {
    std::string name;
    Strings names;
    std::string action;
    std::optional<std::uint32_t> errno_ret;
    std::vector<ProfileArg> args;
    Condition includes, excludes;
    bool operator==(const ProfileRule&) const = default;
};
template <class Io>
void fields(Io& io, ProfileRule& rule) {
    io.optional("name", rule.name);
    io.optional("names", rule.names);
    io.required("action", rule.action);
    io.optional("errnoRet", rule.errno_ret);
    io.optional("args", rule.args);
    io.optional("includes", rule.includes);
    io.optional("excludes", rule.excludes);
}

struct ArchitectureMap {
    std::string architecture;
    Strings sub_architectures;
    bool operator==(const ArchitectureMap&) const = default;
};
template <class Io>
void fields(Io& io, ArchitectureMap& map) {
    io.required("architecture", map.architecture);
    io.optional("subArchitectures", map.sub_architectures);
}

struct Profile {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_ret;
    Strings architectures, flags;
    std::string listener_path, listener_metadata;
    std::vector<ArchitectureMap> arch_map;
    std::vector<ProfileRule> syscalls;
};
template <class Io>
void fields(Io& io, Profile& profile) {
    io.required("defaultAction", profile.default_action);
    io.optional("defaultErrnoRet", profile.default_errno_ret);
    io.optional("architectures", profile.architectures);
    io.optional("flags", profile.flags);
    io.optional("listenerPath", profile.listener_path);
    io.optional("listenerMetadata", profile.listener_metadata);
    io.optional("archMap", profile.arch_map);
    io.optional("syscalls", profile.syscalls);
}

struct Host {
    std::string_view go_architecture;       ///< as "arches" names it
    std::string_view seccomp_architecture;  ///< as "archMap" names it
    std::pair<unsigned, unsigned> kernel;
};

/// "6.1" of "6.1.0-18-amd64".
Result<std::pair<unsigned, unsigned>> kernel_version(std::string_view text) {
    unsigned major = 0, minor = 0;
    const auto first = std::from_chars(text.data(), text.data() + text.size(), major);
    const bool has_dot = first.ec == std::errc() && first.ptr != text.data() + text.size() && *first.ptr == '.';
    const auto second = has_dot ? std::from_chars(first.ptr + 1, text.data() + text.size(), minor) : first;
    if (!has_dot || second.ec != std::errc())
        return Error(Kind::invalid, cat("minKernel: expected a version such as 4.8, found '", text, "'"));
    return std::pair(major, minor);
}

Result<Host> this_host() {
    utsname name{};
    ::uname(&name);
    const std::pair<unsigned, unsigned> kernel = TRY(kernel_version(name.release));
#if defined(__x86_64__)
    return Host{"amd64", "SCMP_ARCH_X86_64", kernel};
#elif defined(__aarch64__)
    return Host{"arm64", "SCMP_ARCH_AARCH64", kernel};
#else
    return Host{"", "", kernel};
#endif
}

bool holds(const Strings& list, std::string_view text) { return std::find(list.begin(), list.end(), text) != list.end(); }

/// Every listed capability is there, the architecture is among the listed ones, the kernel is new enough.
Result<bool> includes_apply(const Condition& condition, const Host& host, const Strings& capabilities) {
    const auto has = [&](const std::string& name) { return holds(capabilities, name); };
    if (!std::all_of(condition.caps.begin(), condition.caps.end(), has)) return false;
    if (!condition.arches.empty() && !holds(condition.arches, host.go_architecture)) return false;
    if (condition.min_kernel.empty()) return true;
    const std::pair<unsigned, unsigned> least = TRY(kernel_version(condition.min_kernel));
    return host.kernel >= least;
}

/// One of what is listed is enough to leave the rule out.
Result<bool> excludes_apply(const Condition& condition, const Host& host, const Strings& capabilities) {
    const auto has = [&](const std::string& name) { return holds(capabilities, name); };
    if (std::any_of(condition.caps.begin(), condition.caps.end(), has)) return true;
    if (holds(condition.arches, host.go_architecture)) return true;
    if (condition.min_kernel.empty()) return false;
    const std::pair<unsigned, unsigned> least = TRY(kernel_version(condition.min_kernel));
    return host.kernel >= least;
}

Result<std::optional<SeccompRule>> settle(ProfileRule rule, const Host& host, const Strings& capabilities) {
    if (!rule.name.empty() && !rule.names.empty()) return Error(Kind::invalid, "has both 'name' and 'names'");
    if (!rule.name.empty()) rule.names.push_back(std::move(rule.name));
    const bool included = TRY(includes_apply(rule.includes, host, capabilities), "includes");
    const bool excluded = TRY(excludes_apply(rule.excludes, host, capabilities), "excludes");
    if (!included || excluded) return std::optional<SeccompRule>();
    SeccompRule out{std::move(rule.names), std::move(rule.action), rule.errno_ret, {}};
    for (ProfileArg& arg : rule.args) out.args.push_back({arg.index, arg.value, arg.value_two, std::move(arg.op)});
    return std::optional(std::move(out));
}

/// "architectures" as listed, or what "archMap" says of this host's.
Result<Strings> architectures_of(const Profile& profile, const Host& host) {
    if (!profile.architectures.empty() && !profile.arch_map.empty())
        return Error(Kind::invalid, "has both 'architectures' and 'archMap'");
    for (const ArchitectureMap& map : profile.arch_map) {
        if (map.architecture != host.seccomp_architecture) continue;
        Strings out{map.architecture};
        out.insert(out.end(), map.sub_architectures.begin(), map.sub_architectures.end());
        return out;
    }
    return profile.architectures;
}

}  // namespace

Result<Seccomp> parse_seccomp_profile(std::string_view text, const std::vector<std::string>& capabilities) {
    const Json document = TRY(parse_json(text, 4u << 20));
    Profile profile = TRY(from_json<Profile>(document));
    const Host host = TRY(this_host());
    Seccomp out;
    out.architectures = TRY(architectures_of(profile, host));
    out.default_action = std::move(profile.default_action);
    out.default_errno_ret = profile.default_errno_ret;
    out.flags = std::move(profile.flags);
    out.listener_path = std::move(profile.listener_path);
    out.listener_metadata = std::move(profile.listener_metadata);
    for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
        std::optional<SeccompRule> rule = TRY(settle(std::move(profile.syscalls[i]), host, capabilities), "syscalls[", i, "]");
        if (rule) out.syscalls.push_back(std::move(*rule));
    }
    return out;
}

}  // namespace berth::runtime
