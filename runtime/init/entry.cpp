// Where berth-oci begins, before libc does: a command that clones executes the program again from a read-only mount
// (runtime/self_protect.cpp says why). Done here, the first of the two executions costs four system calls, and not libc's
// and libstdc++'s beginning as well: a tenth of a container's start. What fails here fails again, with words, in main.
//
// Nothing is there yet: no thread pointer, no relocated memset. So only raw calls, and memory that needs no clearing.

#include <initializer_list>

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/vfs.h>

#include "base/raw.h"

namespace {

constexpr unsigned long read_only = 1;  // ST_RDONLY, a flag of statfs(2)'s f_flags.

bool is_word(const char* text, const char* word) {
    for (; *word != '\0'; ++text, ++word)
        if (*text != *word) return false;
    return *text == '\0';
}

/// Which command it is, main finds out; a name or a path that reads like one costs no more than an execution.
bool may_clone(char** argv) {
    for (; *argv != nullptr; ++argv)
        for (const char* word : {"create", "run", "exec", "restore"})
            if (is_word(*argv, word)) return true;
    return false;
}

struct MountAttributes {
    unsigned long set, clear, propagation, user_namespace;
};

}  // namespace

/// `stack`: what execve(2) left: argc, argv, null, environment, null.
extern "C" void berth_protect_early(long* stack) {
    using berth::raw::call;
    char** argv = reinterpret_cast<char**>(stack + 1);
    char** environment = argv + stack[0] + 1;
    if (!may_clone(argv)) return;
    struct statfs filesystem;
    if (call(SYS_statfs, "/proc/self/exe", &filesystem) != 0 || (static_cast<unsigned long>(filesystem.f_flags) & read_only) != 0)
        return;
    const long tree = call(SYS_open_tree, AT_FDCWD, "/proc/self/exe", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    if (tree < 0) return;
    const MountAttributes attributes{MOUNT_ATTR_RDONLY, 0, 0, 0};
    if (call(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0)
        call(SYS_execveat, tree, "", argv, environment, AT_EMPTY_PATH);
    call(SYS_close, tree);
}

// The registers that the ABI hands to _start are kept: rsp and rdx, sp and x0.
#if defined(__x86_64__)
__asm__(R"(
    .text
    .globl berth_entry
    .type berth_entry, @function
berth_entry:
    xor %ebp, %ebp
    mov %rsp, %r12
    mov %rdx, %rbx
    mov %rsp, %rdi
    and $-16, %rsp
    call berth_protect_early
    mov %r12, %rsp
    mov %rbx, %rdx
    jmp _start
)");
#elif defined(__aarch64__)
__asm__(R"(
    .text
    .globl berth_entry
    .type berth_entry, @function
berth_entry:
    mov x29, xzr
    mov x19, x0
    mov x0, sp
    bl berth_protect_early
    mov x0, x19
    b _start
)");
#endif
