// tmpcopyup: a tmpfs begins with what the image has at its place. Walks by descriptor, never through a link.

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

constexpr int deepest = 64;

struct DirectoryEntry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[256];
};

long copy_folder(int from, int to, int depth);

bool is_dots(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

long own_like(long fd, const struct stat& status) {
    const long owned = raw::call(SYS_fchownat, fd, "", status.st_uid, status.st_gid, AT_EMPTY_PATH);
    // An owner outside the user namespace stays whoever we are.
    if (owned < 0 && owned != -EINVAL && owned != -EPERM) return owned;
    return raw::call(SYS_fchmod, fd, status.st_mode & 07777);
}

long copy_bytes(long in, long out) {
    char buffer[16384];
    for (;;) {
        const long got = raw::call_again(SYS_read, in, buffer, sizeof buffer);
        if (got <= 0) return got;
        for (long done = 0; done < got;) {
            const long put = raw::call_again(SYS_write, out, buffer + done, got - done);
            if (put < 0) return put;
            done += put;
        }
    }
}

long copy_file(int from, int to, const char* name, const struct stat& status) {
    const long in = raw::call(SYS_openat, from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0) return in;
    const long out = raw::call(SYS_openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    long done = out < 0 ? out : copy_bytes(in, out);
    if (done >= 0) done = own_like(out, status);
    close_fd(in);
    close_fd(out);
    return done;
}

long copy_link(int from, int to, const char* name, const struct stat& status) {
    char target[4096];
    const long length = raw::call(SYS_readlinkat, from, name, target, sizeof target - 1);
    if (length < 0) return length;
    target[length] = '\0';
    const long made = raw::call(SYS_symlinkat, target, to, name);
    if (made < 0) return made;
    const long owned = raw::call(SYS_fchownat, to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW);
    return owned == -EINVAL || owned == -EPERM ? 0 : owned;
}

long copy_subfolder(int from, int to, const char* name, int depth) {
    const long made = raw::call(SYS_mkdirat, to, name, 0700);
    if (made < 0) return made;
    const long in = raw::call(SYS_openat, from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const long out = raw::call(SYS_openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const long done = in < 0 ? in : out < 0 ? out : copy_folder(static_cast<int>(in), static_cast<int>(out), depth + 1);
    close_fd(in);
    close_fd(out);
    return done;
}

long copy_entry(int from, int to, const char* name, int depth) {
    struct stat status{};
    const long known = raw::call(SYS_newfstatat, from, name, &status, AT_SYMLINK_NOFOLLOW);
    if (known < 0) return known;
    switch (status.st_mode & S_IFMT) {
        case S_IFREG: return copy_file(from, to, name, status);
        case S_IFLNK: return copy_link(from, to, name, status);
        case S_IFDIR: return copy_subfolder(from, to, name, depth);
        default: return 0;  // Sockets, pipes and devices of an image have no use in a fresh tmpfs.
    }
}

long copy_folder(int from, int to, int depth) {
    if (depth > deepest) return -ELOOP;
    alignas(DirectoryEntry) char buffer[8192];
    for (;;) {
        const long got = raw::call(SYS_getdents64, from, buffer, sizeof buffer);
        if (got < 0) return got;
        if (got == 0) break;
        for (long at = 0; at < got;) {
            const auto& entry = *static_cast<const DirectoryEntry*>(static_cast<const void*>(buffer + at));
            at += entry.length;
            const long done = is_dots(entry.name) ? 0 : copy_entry(from, to, entry.name, depth);
            if (done < 0) return done;
        }
    }
    struct stat status{};
    const long known = raw::call(SYS_newfstatat, from, "", &status, AT_EMPTY_PATH);
    return known < 0 ? known : own_like(to, status);
}

}  // namespace

long copy_tree(int from, int to) {
    // A mount's descriptor is O_PATH; its folder is opened for writing names and mode.
    const long out = raw::call(SYS_openat, to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out < 0) return out;
    const long done = copy_folder(from, static_cast<int>(out), 0);
    close_fd(out);
    return done;
}

}  // namespace berth::runtime::init
