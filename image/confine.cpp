#include "image/confine.h"

#include <cerrno>
#include <cstddef>
#include <vector>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/result.h"

namespace berth::image {
namespace {

#if defined(__x86_64__)
constexpr unsigned own_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned own_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned own_architecture = 0;
#endif

/// A call that is allowed; when `mask` is set, only if that argument's low half, so masked, is `value`.
struct Allowed {
    long call;
    unsigned argument = 0;
    unsigned mask = 0;
    unsigned value = 0;
};
constexpr Allowed allowed[] = {
    {SYS_read, 0, ~0u, 0},
    {SYS_write, 0, ~0u, 1},
    {SYS_write, 0, ~0u, 2},
    // Memory, never executable, never of a file.
    {SYS_brk},
    {SYS_mmap, 2, PROT_EXEC, 0},
    {SYS_mprotect, 2, PROT_EXEC, 0},
    {SYS_munmap},
    {SYS_mremap},
    {SYS_madvise},
    // What libc itself does, down to abort().
    {SYS_futex},
    {SYS_getrandom},
    {SYS_clock_gettime},
    {SYS_close},
    {SYS_getpid},
    {SYS_gettid},
    {SYS_rt_sigprocmask},
    {SYS_rt_sigreturn},
    {SYS_exit},
    {SYS_exit_group},
};

constexpr sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)); }
constexpr sock_filter answer(unsigned action) { return BPF_STMT(BPF_RET | BPF_K, action); }
/// Passes over `count` instructions unless the loaded word is `value`.
constexpr sock_filter unless(unsigned value, unsigned char count) { return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count); }

/// Little-endian: the low half of an argument comes first.
std::vector<sock_filter> make_filter() {
    std::vector<sock_filter> filter = {load(offsetof(seccomp_data, arch)), unless(own_architecture, 1)};
    filter.push_back(BPF_STMT(BPF_JMP | BPF_JA, 1));
    filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    for (const Allowed& rule : allowed) {
        filter.push_back(load(offsetof(seccomp_data, nr)));
        if (rule.mask != 0) {
            filter.push_back(unless(static_cast<unsigned>(rule.call), 4));
            filter.push_back(load(offsetof(seccomp_data, args) + rule.argument * sizeof(__u64)));
            filter.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule.mask));
        }
        filter.push_back(unless(rule.mask != 0 ? rule.value : static_cast<unsigned>(rule.call), 1));
        filter.push_back(answer(SECCOMP_RET_ALLOW));
    }
    filter.push_back(answer(SECCOMP_RET_ERRNO | EPERM));
    return filter;
}

}  // namespace

Result<void> confine_to_standard_streams() {
    if (own_architecture == 0) return Error(Kind::unsupported, "no filter of system calls for this machine");
    // With no descriptor left but the three, mmap finds no file.
    if (::syscall(SYS_close_range, 3, ~0u, 0) != 0) return Error::of_errno(errno, "close descriptors");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2]{};
    if (::syscall(SYS_capset, &header, none) != 0) return Error::of_errno(errno, "drop capabilities");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::of_errno(errno, "set no_new_privs");
    std::vector<sock_filter> filter = make_filter();
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return Error::of_errno(errno, "filter system calls");
    return {};
}

}  // namespace berth::image
