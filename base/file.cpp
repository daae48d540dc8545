#include "base/file.h"

#include <algorithm>
#include <cerrno>

#include <dirent.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <unistd.h>

namespace berth {

namespace {

Result<void> lock(const Fd& file, int operation) {
    int result;
    do result = ::flock(file.raw(), operation);
    while (result != 0 && errno == EINTR);
    if (result != 0) return Error::of_errno(errno, "lock");
    return {};
}

int flag_of(LockMode mode) { return mode == LockMode::shared ? LOCK_SH : LOCK_EX; }

struct DirStream {
    DIR* stream;
    explicit DirStream(DIR* opened) : stream(opened) {}
    DirStream(const DirStream&) = delete;
    DirStream& operator=(const DirStream&) = delete;
    ~DirStream() { ::closedir(stream); }
};

// Below this many folders a tree is continued from its top: a container can nest deeper than there are descriptors.
constexpr int deepest_descent = 128;

Result<void> gone_or(Result<void> removed) {
    if (!removed.ok() && removed.error().code() == ENOENT) return {};
    return removed;
}

/// Removes what is in a folder. `top` is the folder where the removal began.
class Emptying {
public:
    explicit Emptying(const Fd& top) : top_(top) {}

    Result<void> run() {
        // A second round finds what the first moved to the top.
        do {
            moved_ = false;
            TRY(empty(top_, 1));
        } while (moved_);
        return {};
    }

private:
    Result<void> empty(const Fd& folder, int depth) {
        const std::vector<std::string> names = TRY(list_folder(folder));
        for (const std::string& name : names) TRY(remove(folder, name, depth));
        return {};
    }

    Result<void> remove(const Fd& parent, const std::string& name, int depth) {
        auto opened = sys::openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
        if (!opened.ok()) {
            const int code = opened.error().code();
            if (code == EXDEV) return Error(Kind::busy, cat(name, ": is a mount point"));
            if (code == ENOTDIR || code == ELOOP) return gone_or(sys::unlinkat(parent, name));
            if (code == ENOENT) return {};
            return std::move(opened).error();
        }
        if (depth >= deepest_descent) return move_to_top(parent, name);
        const Fd folder = TRY(std::move(opened));
        TRY(empty(folder, depth + 1), name);
        return gone_or(sys::unlinkat(parent, name, AT_REMOVEDIR));
    }

    Result<void> move_to_top(const Fd& parent, const std::string& name) {
        moved_ = true;
        for (;;) {
            auto done = sys::renameat(parent, name, top_, cat(".deep-", counter_++), RENAME_NOREPLACE);
            if (done.ok() || done.error().code() != EEXIST) return gone_or(std::move(done));
        }
    }

    const Fd& top_;
    bool moved_ = false;
    unsigned counter_ = 0;
};

Result<bool> is_mount_root(const Fd& folder) {
    struct statx status{};
    if (::statx(folder.raw(), "", AT_EMPTY_PATH, 0, &status) != 0) return Error::of_errno(errno, "statx");
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace

Result<std::string> read_all(const Fd& from, std::size_t limit) {
    std::string text;
    // Files below /proc have size 0: growing by reading is right for all. Where the size is known, a read that gives less than
    // was asked for has met the end.
    std::size_t room = 4096;
    bool is_sized = false;
    if (const auto status = sys::fstat(from); status.ok() && status.value().st_size > 0) {
        room = std::min<std::size_t>(static_cast<std::size_t>(status.value().st_size), limit) + 1;
        is_sized = S_ISREG(status.value().st_mode);
    }
    for (;;) {
        const std::size_t have = text.size();
        text.resize(have + room);
        auto got = sys::read(from, std::span(text.data() + have, room));
        if (!got.ok()) return std::move(got).error();
        text.resize(have + got.value());
        if (text.size() > limit) return Error(Kind::invalid, cat("larger than ", limit, " bytes"));
        if (got.value() == 0 || (is_sized && got.value() < room)) return text;
        room = std::max<std::size_t>(4096, text.size());
    }
}

Result<std::size_t> copy_piece(const Fd& from, const Fd& to, std::size_t wanted) {
    for (;;) {
        ssize_t copied = ::copy_file_range(from.raw(), nullptr, to.raw(), nullptr, wanted, 0);
        // Not every pair of file systems can (copy_file_range(2), ERRORS); sendfile(2) always can.
        if (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
            copied = ::sendfile(to.raw(), from.raw(), nullptr, wanted);
        if (copied >= 0) return static_cast<std::size_t>(copied);
        if (errno != EINTR) return Error::of_errno(errno, "copy");
    }
}

Result<std::string> read_file(const Fd& folder, const std::string& name, std::size_t limit) {
    const Fd file = TRY(sys::openat(folder, name, O_RDONLY));
    return TRY(read_all(file, limit), name);
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    return read_file(sys::here(), path, limit);
}

Result<void> replace_file(const Fd& folder, const std::string& name, std::string_view text, mode_t mode,
                          Durability durability) {
    const std::string temporary = cat(name, ".new");
    // O_TRUNC because a writer that crashed may have left a longer file.
    Fd out = TRY(sys::openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode), "create");
    TRY(sys::write_all(out, text), temporary);
    if (durability == Durability::disk) TRY(sys::fsync(out), temporary);
    TRY(out.close(), temporary);
    TRY(sys::renameat(folder, temporary, folder, name), "rename ", temporary, " to");
    // Makes the name itself durable; fsync(2) of the file does not. The folder may have been opened O_PATH.
    if (durability == Durability::boot) return {};
    const Fd readable = TRY(sys::openat(folder, ".", O_RDONLY | O_DIRECTORY));
    return sys::fsync(readable);
}

Result<std::vector<FolderMember>> list_members(const Fd& folder) {
    Fd readable = TRY(sys::openat(folder, ".", O_RDONLY | O_DIRECTORY));
    DIR* opened = ::fdopendir(readable.raw());
    if (opened == nullptr) return Error::of_errno(errno, "list folder");
    readable.release();
    const DirStream entries(opened);
    std::vector<FolderMember> members;
    errno = 0;
    while (const dirent* entry = ::readdir(entries.stream)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") members.push_back({std::string(name), entry->d_type});
        errno = 0;
    }
    if (errno != 0) return Error::of_errno(errno, "list folder");
    std::ranges::sort(members, {}, &FolderMember::name);
    return members;
}

Result<std::vector<std::string>> list_folder(const Fd& folder) {
    std::vector<std::string> names;
    for (FolderMember& member : TRY(list_members(folder))) names.push_back(std::move(member.name));
    return names;
}

Result<void> remove_tree(const Fd& folder, const std::string& name) {
    auto opened = sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!opened.ok()) {
        const int code = opened.error().code();
        if (code == ENOTDIR || code == ELOOP) return gone_or(sys::unlinkat(folder, name));
        if (code == ENOENT) return {};
        return std::move(opened).error();
    }
    const Fd top = TRY(std::move(opened));
    // Asked first: rmdir(2) would refuse it too, but only when all below it is gone.
    if (TRY(is_mount_root(top), name)) return Error(Kind::busy, cat(name, ": is a mount point"));
    TRY(Emptying(top).run(), name);
    return gone_or(sys::unlinkat(folder, name, AT_REMOVEDIR));
}

Result<void> make_host_folders(const std::string& path, mode_t mode) {
    // There already, but for the first time ever.
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    for (std::size_t at = 1; at <= path.size(); ++at) {
        if (at != path.size() && path[at] != '/') continue;
        const std::string so_far = path.substr(0, at);
        if (::mkdir(so_far.c_str(), mode) != 0 && errno != EEXIST) return Error::of_errno(errno, so_far);
    }
    return {};
}

Result<DirLock> DirLock::wait(Fd file, LockMode mode) {
    TRY(lock(file, flag_of(mode)));
    return DirLock(std::move(file));
}

Result<DirLock> DirLock::try_now(Fd file, LockMode mode) {
    TRY(lock(file, flag_of(mode) | LOCK_NB));
    return DirLock(std::move(file));
}

Result<DirLock> DirLock::wait_at(const Fd& folder, const std::string& name, LockMode mode) {
    Fd file = TRY(sys::openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    return wait(std::move(file), mode);
}

Result<DirLock> DirLock::try_at(const Fd& folder, const std::string& name, LockMode mode) {
    Fd file = TRY(sys::openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    return try_now(std::move(file), mode);
}

}  // namespace berth
