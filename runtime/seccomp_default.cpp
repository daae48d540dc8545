// docker's default profile as data: what every container may call, what needs a capability, what depends on an argument.
// Everything else is answered EPERM; calls newer than the list ENOSYS.

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "runtime/seccomp.h"

namespace berth::runtime {

namespace {

constexpr std::string_view always_allowed =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime "
    "clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 "
    "close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat "
    "faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat "
    "fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
    "fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
    "getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer "
    "getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
    "get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr "
    "getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents "
    "io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr "
    "listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier "
    "memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr "
    "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal "
    "msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open "
    "openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll "
    "ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev "
    "pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages "
    "removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler "
    "sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg "
    "sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid "
    "setsockopt set_thread_area set_tid_address setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown "
    "sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount "
    "statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe "
    "utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev "
    // Since Linux 4.8 the filter is checked again behind ptrace(2), so it cannot be used to escape.
    "process_vm_readv process_vm_writev ptrace "
    // One architecture's own; names that another does not know are skipped there.
    "sync_file_range2 swapcontext arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls arch_prctl modify_ldt "
    "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr riscv_flush_icache riscv_hwprobe";

struct CapabilityCalls {
    std::string_view capability;
    std::string_view calls;
};
constexpr CapabilityCalls with_capability[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree "
     "perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module init_module finit_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"CAP_SYS_RAWIO", "iopl ioperm"},
    {"CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYSLOG", "syslog"},
    {"CAP_BPF", "bpf"},
    {"CAP_PERFMON", "perf_event_open"},
};

/// Every CLONE_NEW* flag of clone(2).
constexpr std::uint64_t clone_namespaces = 0x7e020000;

Strings words(std::string_view text) {
    Strings out;
    out.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1);
    while (!text.empty()) {
        const std::size_t space = text.find(' ');
        if (space != 0) out.emplace_back(text.substr(0, space));
        if (space == std::string_view::npos) break;
        text.remove_prefix(space + 1);
    }
    return out;
}

SeccompRule allow(Strings names, std::vector<SeccompArg> args = {}) {
    return {std::move(names), "SCMP_ACT_ALLOW", std::nullopt, std::move(args)};
}

void add_argument_rules(std::vector<SeccompRule>& out) {
    // AF_ALG (38) reaches the page cache of files that are open for reading only (CVE-2026-31431), AF_VSOCK (40) leaves
    // every network namespace.
    out.push_back(allow({"socket"}, {{0, 38, 0, "SCMP_CMP_LT"}}));
    out.push_back(allow({"socket"}, {{0, 39, 0, "SCMP_CMP_EQ"}}));
    out.push_back(allow({"socket"}, {{0, 40, 0, "SCMP_CMP_GT"}}));
    for (const std::uint64_t persona : {0x0u, 0x8u, 0x20000u, 0x20008u, 0xffffffffu})
        out.push_back(allow({"personality"}, {{0, persona, 0, "SCMP_CMP_EQ"}}));
}

void add_clone_rules(std::vector<SeccompRule>& out) {
#if defined(__s390x__)
    constexpr std::uint32_t flags_index = 1;
#else
    constexpr std::uint32_t flags_index = 0;
#endif
    out.push_back(allow({"clone"}, {{flags_index, clone_namespaces, 0, "SCMP_CMP_MASKED_EQ"}}));
    // Its flags lie behind a pointer; ENOSYS makes every libc fall back to clone.
    out.push_back({{"clone3"}, "SCMP_ACT_ERRNO", ENOSYS, {}});
}

Strings native_architectures() {
#if defined(__x86_64__)
    return {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
    return {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#else
    return {};
#endif
}

}  // namespace

Seccomp default_seccomp(const std::vector<std::string>& capabilities) {
    const auto has = [&](std::string_view name) {
        return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
    };
    Seccomp out;
    out.default_action = "SCMP_ACT_ERRNO";
    out.default_errno_ret = EPERM;
    out.architectures = native_architectures();
    out.syscalls.push_back(allow(words(always_allowed)));
    add_argument_rules(out.syscalls);
    for (const CapabilityCalls& calls : with_capability)
        if (has(calls.capability)) out.syscalls.push_back(allow(words(calls.calls)));
    if (!has("CAP_SYS_ADMIN")) add_clone_rules(out.syscalls);
    return out;
}

}  // namespace berth::runtime
