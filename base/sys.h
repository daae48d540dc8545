#pragma once
// Checked system calls: each returns a Result whose error names the call's object, retries EINTR (never on close), and
// makes descriptors close-on-exec. A folder descriptor of `Fd` with AT_FDCWD meaning is written `here()`.

#include <span>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace berth::sys {

/// O_CLOEXEC is added to every open below. Errors carry the errno and the name.
Result<Fd> open(const std::string& path, int flags, mode_t mode = 0);
Result<Fd> openat(const Fd& folder, const std::string& name, int flags, mode_t mode = 0);
/// openat2(2) with RESOLVE_* in `resolve`; retries EAGAIN, which means that a rename raced (openat2(2), ERRORS).
Result<Fd> openat2(const Fd& folder, const std::string& name, int flags, mode_t mode, unsigned long long resolve);

Result<std::size_t> read(const Fd& from, std::span<char> into);
Result<std::size_t> write(const Fd& to, std::string_view bytes);
/// All of it, in as many writes as it takes.
Result<void> write_all(const Fd& to, std::string_view bytes);

Result<void> fsync(const Fd& file);
Result<void> renameat(const Fd& from_folder, const std::string& from, const Fd& to_folder, const std::string& to,
                      unsigned flags = 0);
Result<void> unlinkat(const Fd& folder, const std::string& name, int flags = 0);
Result<void> mkdirat(const Fd& folder, const std::string& name, mode_t mode);
Result<void> symlinkat(const std::string& target, const Fd& folder, const std::string& name);
Result<std::string> readlinkat(const Fd& folder, const std::string& name);
Result<struct stat> fstat(const Fd& file);
/// AT_SYMLINK_NOFOLLOW always: a link is a link.
Result<struct stat> fstatat(const Fd& folder, const std::string& name);
Result<void> fchmod(const Fd& file, mode_t mode);
Result<void> fchown(const Fd& file, uid_t uid, gid_t gid);

struct Pipe {
    Fd read;
    Fd write;
};
Result<Pipe> pipe(int flags = 0);
/// Two connected AF_UNIX sockets; `type` is SOCK_STREAM or SOCK_SEQPACKET.
Result<std::pair<Fd, Fd>> socketpair(int type);

/// A descriptor object that stands for AT_FDCWD in the calls above; never closed.
const Fd& here();

}  // namespace berth::sys
