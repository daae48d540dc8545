#include "base/sys.h"

#include <cerrno>
#include <climits>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::sys {

namespace {

template <class Call>
auto retried(Call call) {
    decltype(call()) result;
    do result = call();
    while (result < 0 && errno == EINTR);
    return result;
}

Result<void> checked(int result, std::string_view object) {
    if (result < 0) return Error::of_errno(errno, object);
    return {};
}

Result<Fd> owned(int result, std::string_view object) {
    if (result < 0) return Error::of_errno(errno, object);
    return Fd(result);
}

}  // namespace

Result<Fd> open(const std::string& path, int flags, mode_t mode) { return openat(here(), path, flags, mode); }

Result<Fd> openat(const Fd& folder, const std::string& name, int flags, mode_t mode) {
    return owned(retried([&] { return ::openat(folder.raw(), name.c_str(), flags | O_CLOEXEC, mode); }), name);
}

Result<Fd> openat2(const Fd& folder, const std::string& name, int flags, mode_t mode, unsigned long long resolve) {
    struct open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;  // Else openat2 refuses it with EINVAL.
    how.resolve = resolve;
    for (int attempt = 0;; ++attempt) {
        const long result = ::syscall(SYS_openat2, folder.raw(), name.c_str(), &how, sizeof how);
        if (result >= 0) return Fd(static_cast<int>(result));
        const bool raced = errno == EAGAIN && attempt < 128;
        if (errno != EINTR && !raced) return Error::of_errno(errno, name);
    }
}

Result<std::size_t> read(const Fd& from, std::span<char> into) {
    const ssize_t got = retried([&] { return ::read(from.raw(), into.data(), into.size()); });
    if (got < 0) return Error::of_errno(errno, "read");
    return static_cast<std::size_t>(got);
}

Result<std::size_t> write(const Fd& to, std::string_view bytes) {
    const ssize_t put = retried([&] { return ::write(to.raw(), bytes.data(), bytes.size()); });
    if (put < 0) return Error::of_errno(errno, "write");
    return static_cast<std::size_t>(put);
}

Result<void> write_all(const Fd& to, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t put = TRY(write(to, bytes));
        bytes.remove_prefix(put);
    }
    return {};
}

Result<void> fsync(const Fd& file) {
    return checked(retried([&] { return ::fsync(file.raw()); }), "flush to disk");
}

Result<void> renameat(const Fd& from_folder, const std::string& from, const Fd& to_folder, const std::string& to,
                      unsigned flags) {
    return checked(::renameat2(from_folder.raw(), from.c_str(), to_folder.raw(), to.c_str(), flags), to);
}

Result<void> unlinkat(const Fd& folder, const std::string& name, int flags) {
    return checked(::unlinkat(folder.raw(), name.c_str(), flags), name);
}

Result<void> mkdirat(const Fd& folder, const std::string& name, mode_t mode) {
    return checked(::mkdirat(folder.raw(), name.c_str(), mode), name);
}

Result<void> symlinkat(const std::string& target, const Fd& folder, const std::string& name) {
    return checked(::symlinkat(target.c_str(), folder.raw(), name.c_str()), name);
}

Result<std::string> readlinkat(const Fd& folder, const std::string& name) {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(folder.raw(), name.c_str(), target, sizeof target);
    if (length < 0) return Error::of_errno(errno, name);
    return std::string(target, static_cast<std::size_t>(length));
}

Result<struct stat> fstat(const Fd& file) {
    struct stat status{};
    TRY(checked(::fstat(file.raw(), &status), "stat"));
    return status;
}

Result<struct stat> fstatat(const Fd& folder, const std::string& name) {
    struct stat status{};
    TRY(checked(::fstatat(folder.raw(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW), name));
    return status;
}

Result<void> fchmod(const Fd& file, mode_t mode) { return checked(::fchmod(file.raw(), mode), "change mode"); }

Result<void> fchown(const Fd& file, uid_t uid, gid_t gid) {
    return checked(::fchown(file.raw(), uid, gid), "change owner");
}

Result<Pipe> pipe(int flags) {
    int ends[2];
    TRY(checked(::pipe2(ends, flags | O_CLOEXEC), "pipe"));
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<std::pair<Fd, Fd>> socketpair(int type) {
    int ends[2];
    TRY(checked(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair"));
    return std::pair(Fd(ends[0]), Fd(ends[1]));
}

const Fd& here() {
    // Closing AT_FDCWD fails with EBADF and does nothing; the object lives for ever anyway.
    static const Fd& current = *new Fd(AT_FDCWD);
    return current;
}

}  // namespace berth::sys
