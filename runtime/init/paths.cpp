// Paths below the container's root. Each look-up goes through openat2 with RESOLVE_IN_ROOT, so that no link made by the
// image leads out, and its result is used as a descriptor: nothing is looked up twice (CVE-2021-30465, CVE-2024-45310).

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

namespace {

constexpr std::size_t longest_path = 4096;

long open_below(int folder, const char* path, std::uint64_t flags, std::uint64_t mode = 0) {
    const open_how how{flags | O_CLOEXEC, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    // EAGAIN means that a rename raced (openat2(2), ERRORS); a container that does nothing else cannot stop us for ever.
    for (int attempt = 0;; ++attempt) {
        const long fd = raw::call(SYS_openat2, folder, path, &how, sizeof how);
        const bool again = fd == -EINTR || (fd == -EAGAIN && attempt < 128);
        if (!again) return fd;
    }
}

/// Ends `prefix` behind the next component of `path`; 0 when there is none left.
std::size_t next_component(const char* path, std::size_t at) {
    while (path[at] == '/') ++at;
    if (path[at] == '\0') return 0;
    while (path[at] != '\0' && path[at] != '/') ++at;
    return at;
}

constexpr int most_links = 40;  // As the kernel (path_resolution(7)).

/// `out` becomes the path that a link named `name`, below the first `above` bytes of `path`, stands for, with `rest` behind.
long follow_link(char* out, long folder, const char* name, const char* path, std::size_t above, const char* rest) {
    char target[longest_path];
    const long length = raw::call(SYS_readlinkat, folder, name, target, sizeof target - 1);
    if (length < 0) return length;
    const std::size_t before = target[0] == '/' ? 0 : above;
    const std::size_t behind = __builtin_strlen(rest);
    if (before + static_cast<std::size_t>(length) + behind + 2 > longest_path) return -ENAMETOOLONG;
    __builtin_memcpy(out, path, before);
    std::size_t at = before;
    out[at++] = '/';
    __builtin_memcpy(out + at, target, static_cast<std::size_t>(length));
    at += static_cast<std::size_t>(length);
    __builtin_memcpy(out + at, rest, behind + 1);
    return 0;
}

/// The component that ends at `end`, as a string of its own.
void copy_component(char* out, const char* path, std::size_t end) {
    std::size_t start = end;
    while (start > 0 && path[start - 1] != '/') --start;
    __builtin_memcpy(out, path + start, end - start);
    out[end - start] = '\0';
}

}  // namespace

void close_fd(long fd) {
    if (fd >= 0) raw::call(SYS_close, fd);
}

long open_in_root(const Context& context, const char* path, std::uint64_t flags) {
    return open_below(context.root, path, flags);
}

long open_real_folder(const Context& context, const char* path) {
    const open_how how{O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    const long there = raw::call_again(SYS_openat2, context.root, path, &how, sizeof how);
    if (there != -ENOENT) return there;
    const long made = make_folders(context, path, 0755);
    if (made < 0) return made;
    close_fd(made);
    return raw::call_again(SYS_openat2, context.root, path, &how, sizeof how);
}

namespace {

long make_folders_below(const Context& context, const char* path, unsigned mode, int links) {
    // Most targets exist; only then one call is enough.
    const long there = open_in_root(context, path[0] == '\0' ? "/" : path, O_PATH | O_DIRECTORY);
    if (there != -ENOENT) return there;

    char prefix[longest_path];
    char name[256];
    long folder = open_in_root(context, "/", O_PATH | O_DIRECTORY);
    for (std::size_t end = next_component(path, 0); end != 0 && folder >= 0; end = next_component(path, end)) {
        if (end >= sizeof prefix) return close_fd(folder), -ENAMETOOLONG;
        __builtin_memcpy(prefix, path, end);
        prefix[end] = '\0';
        long next = open_in_root(context, prefix, O_PATH | O_DIRECTORY);
        if (next == -ENOENT) {
            copy_component(name, path, end);
            const long made = raw::call(SYS_mkdirat, folder, name, mode);
            next = made < 0 && made != -EEXIST ? made : open_in_root(context, prefix, O_PATH | O_DIRECTORY);
            // There by name and absent by what it names: a link whose target is to be made, inside the root like all else.
            if (made == -EEXIST && next == -ENOENT) {
                char instead[longest_path];
                const std::size_t above = end - __builtin_strlen(name);
                next = links == 0 ? -ELOOP : follow_link(instead, folder, name, path, above, path + end);
                close_fd(folder);
                return next < 0 ? next : make_folders_below(context, instead, mode, links - 1);
            }
        }
        close_fd(folder);
        folder = next;
    }
    return folder;
}

long open_file_below(const Context& context, const char* path, int links) {
    const long there = open_in_root(context, path, O_PATH);
    if (there != -ENOENT) return there;
    const char* name = nullptr;
    const long folder = open_above(context, path, &name);
    if (folder < 0) return folder;
    // O_EXCL: never through a link; where one stands, what it names is made instead.
    long made = raw::call(SYS_openat, folder, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    close_fd(made);
    const long opened = made >= 0 || made == -EEXIST ? open_in_root(context, path, O_PATH) : made;
    if (made != -EEXIST || opened != -ENOENT) return close_fd(folder), opened;
    char instead[longest_path];
    made = links == 0 ? -ELOOP : follow_link(instead, folder, name, path, static_cast<std::size_t>(name - path), "");
    close_fd(folder);
    return made < 0 ? made : open_file_below(context, instead, links - 1);
}

}  // namespace

long make_folders(const Context& context, const char* path, unsigned mode) {
    return make_folders_below(context, path, mode, most_links);
}

long open_above(const Context& context, const char* path, const char** name) {
    std::size_t length = __builtin_strlen(path);
    std::size_t slash = length;
    while (slash > 0 && path[slash - 1] != '/') --slash;
    *name = path + slash;
    if (**name == '\0' || length >= longest_path) return -EINVAL;
    char above[longest_path];
    __builtin_memcpy(above, path, slash);
    above[slash] = '\0';
    return make_folders(context, above, 0755);
}

long open_target(const Context& context, const char* path, TargetKind kind) {
    if (kind == TargetKind::folder) return make_folders(context, path, 0755);
    if (kind == TargetKind::any) return open_in_root(context, path, O_PATH);
    return open_file_below(context, path, most_links);
}

bool is_device(int fd, unsigned major, unsigned minor) {
    struct stat status{};
    if (raw::call(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) < 0) return false;
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(major, minor);
}

std::size_t decimal(char* out, std::uint64_t value) {
    char reversed[20];
    std::size_t length = 0;
    do reversed[length++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    for (std::size_t i = 0; i < length; ++i) out[i] = reversed[length - 1 - i];
    return length;
}

}  // namespace berth::runtime::init
