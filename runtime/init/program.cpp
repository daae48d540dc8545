// The last steps: descriptors, working directory, the program's file, execve.

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

/// Above every number that a program's own descriptors get here.
constexpr unsigned high = 512;

/// A copy of `fd` out of the way of the low numbers; where the limit on open files forbids that, the lowest free one.
long move_up(int fd) {
    const long moved = raw::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high);
    return moved == -EINVAL || moved == -EMFILE ? raw::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 100) : moved;
}

long settle(int& kept, unsigned number) {
    if (kept < 0) return 0;
    const long done = raw::call(SYS_dup3, kept, number, O_CLOEXEC);
    kept = static_cast<int>(number);
    return done;
}

long lift(int& kept) {
    if (kept < 0) return 0;
    const long moved = move_up(kept);
    kept = static_cast<int>(moved);
    return moved;
}

bool has_slash(const char* name) {
    for (; *name != '\0'; ++name)
        if (*name == '/') return true;
    return false;
}

/// 0 when `path` is a file that we may execute.
long check_program(const char* path) {
    struct stat status{};
    long done = raw::call(SYS_newfstatat, AT_FDCWD, path, &status, 0);
    if (done < 0) return done;
    if (S_ISDIR(status.st_mode)) return -EISDIR;
    // The container's seccomp profile may hold here already, and be older than the call: access(2) itself never says EPERM.
    // What execve has to say comes later in any case.
    done = raw::call(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
    if (done == -ENOSYS || done == -EPERM) done = raw::call(SYS_faccessat, AT_FDCWD, path, X_OK);
    if (done == -ENOSYS || done == -EPERM) done = (status.st_mode & 0111) != 0 ? 0 : -EACCES;
    return done;
}

/// FOLDER/NAME into context.program; an empty folder of PATH is the working directory.
bool join_program(Context& context, const char* folder, std::size_t length, const char* name) {
    const std::size_t name_length = __builtin_strlen(name);
    if (length + name_length + 3 > sizeof context.program) return false;
    char* out = context.program;
    if (length == 0) *out++ = '.';
    for (std::size_t i = 0; i < length; ++i) *out++ = folder[i];
    *out++ = '/';
    for (std::size_t i = 0; i <= name_length; ++i) *out++ = name[i];
    return true;
}

long search_program(Context& context, const char* name) {
    long result = -ENOENT;
    for (const char* folder = context.plan.search_path; *folder != '\0';) {
        std::size_t length = 0;
        while (folder[length] != '\0' && folder[length] != ':') ++length;
        if (join_program(context, folder, length, name)) {
            const long found = check_program(context.program);
            if (found >= 0) return found;
            if (found == -EACCES) result = found;  // As execvp(3): remembered, should nothing better come.
        }
        folder += length;
        if (*folder == ':') ++folder;
    }
    return result;
}

/// The host's null device becomes the container's: a program that holds nothing of the host's file systems can be
/// checkpointed, and leads nobody there. Where the container has none, the host's stays.
void take_own_null(std::uint32_t count) {
    int own = -1;
    for (int fd = 0; fd < 3 && fd < static_cast<int>(count); ++fd) {
        if (!is_device(fd, 1, 3)) continue;
        if (own < 0) own = static_cast<int>(raw::call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        if (own < 0) return;
        if (is_device(own, 1, 3)) raw::call(SYS_dup3, own, fd, 0);
    }
    if (own >= 0) raw::call(SYS_close, own);
}

}  // namespace

long take_descriptors(Context& context, const Step& step) {
    const auto* wanted = static_cast<const int*>(step.list);
    int kept[most_descriptors];
    if (step.count > most_descriptors) return -EMFILE;
    long done = lift(context.socket);
    if (done >= 0) done = lift(context.fifo);
    if (done >= 0) done = lift(context.procfs);
    for (std::uint32_t i = 0; i < step.count && done >= 0; ++i)
        done = kept[i] = static_cast<int>(move_up(wanted[i] < 0 ? context.terminal : wanted[i]));
    for (std::uint32_t i = 0; i < step.count && done >= 0; ++i) done = raw::call(SYS_dup3, kept[i], i, 0);
    // Everything else goes now, not only at execve: a container that is created and never started must not hold its
    // caller's pipes and locks.
    const unsigned first = step.count;
    if (done >= 0) done = settle(context.socket, first);
    if (done >= 0) done = settle(context.fifo, first + 1);
    if (done >= 0) done = settle(context.procfs, first + 2);
    if (done >= 0 && context.fifo < 0) raw::call(SYS_close, first + 1);
    if (done >= 0 && context.procfs < 0) raw::call(SYS_close, first + 2);
    if (done >= 0) done = raw::call(SYS_close_range, first + 3, ~0U, 0);
    if (done >= 0) take_own_null(step.count);
    return done;
}

long own_descriptors(Context&, const Step& step) {
    for (int fd = 0; fd < 3; ++fd) {
        struct stat status{};
        if (raw::call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) < 0) continue;
        if (status.st_uid == step.uid || is_device(fd, 1, 3)) continue;
        const long done = raw::call(SYS_fchown, fd, step.uid, ~0U);
        // Read-only files, foreign owners and unmapped ids: the program has the descriptor open anyway.
        if (done < 0 && done != -EINVAL && done != -EPERM && done != -EROFS) return done;
    }
    return 0;
}

long enter_folder(Context& context, const Step& step) {
    if (context.entered_folder) return 0;
    long done = raw::call(SYS_chdir, step.path);
    if (done == -ENOENT && step.value == 1) {
        const long made = make_folders(context, step.path, 0755);
        close_fd(made);
        done = made < 0 ? made : raw::call(SYS_chdir, step.path);
    }
    // A folder that only the user may search (NFS): tried again behind set_ids.
    if (done == -EACCES && step.value != 2) return 0;
    if (done < 0) return done;
    char where[4096];
    done = raw::call(SYS_getcwd, where, sizeof where);
    // "(unreachable)/…": the folder lies outside the root, reached by a leaked descriptor (CVE-2024-21626).
    if (done >= 0 && where[0] == '/') return context.entered_folder = true, 0;
    context.detail = unreachable_folder;
    return done < 0 ? done : -ENOENT;
}

long find_program(Context& context, const Step&) {
    const char* name = context.plan.program;
    if (!has_slash(name)) return search_program(context, name);
    const std::size_t length = __builtin_strlen(name);
    if (length >= sizeof context.program) return -ENAMETOOLONG;
    __builtin_memcpy(context.program, name, length + 1);
    return check_program(name);
}

long report_ready(Context& context, const Step&) { return send_message(context, Message{MessageType::ready, 0, 0, 0, {}}); }

long open_fifo(Context& context, const Step& step) {
    // The parent is not waited for any more: it may end, and what the child says from now on goes to the FIFO's reader.
    close_fd(context.socket);
    context.socket = -1;
    char path[32] = "self/fd/";
    path[8 + decimal(path + 8, static_cast<std::uint64_t>(context.fifo))] = '\0';
    end_on_signals();
    const long opened = raw::call_again(SYS_openat, context.procfs, path, O_WRONLY | O_CLOEXEC);
    if (opened < 0) return opened;
    close_fd(context.fifo);
    context.fifo = static_cast<int>(opened);
    static_cast<void>(step);
    return raw::call_again(SYS_write, opened, "0", 1);
}

long execute(Context& context, const Step&) {
    return raw::call(SYS_execve, context.program, context.plan.argv, context.plan.envp);
}

}  // namespace berth::runtime::init
