#pragma once
// seccomp filters: from a runtime-spec profile to BPF. libseccomp is the authority for names and numbers; the program
// itself is a decision tree of our own, since libseccomp needs 12 ms for docker's profile and its result is a list that
// the kernel walks (facts: the tree is made in microseconds and is a few steps deep). A unit test compares both.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

struct sock_filter;

namespace berth::runtime {

struct SeccompProgram {
    std::vector<std::uint64_t> instructions;  ///< each a struct sock_filter
    std::uint32_t flags = 0;                  ///< SECCOMP_FILTER_FLAG_*
    bool has_listener = false;                ///< some rule is SCMP_ACT_NOTIFY
};
/// Compiles a profile. Names that this libseccomp does not know are skipped (the kernel would refuse them anyway);
/// unknown actions, operators, architectures and flags are errors.
Result<SeccompProgram> compile_seccomp(const Seccomp& profile);

/// docker's default profile as it is for a container with these capabilities (names, "CAP_SYS_ADMIN").
Seccomp default_seccomp(const std::vector<std::string>& capabilities);
/// docker's profile document (--security-opt seccomp=FILE): includes/excludes by capability, architecture and kernel
/// version are resolved for this host. A plain runtime-spec profile is taken as it is.
Result<Seccomp> parse_seccomp_profile(std::string_view text, const std::vector<std::string>& capabilities);

}  // namespace berth::runtime
