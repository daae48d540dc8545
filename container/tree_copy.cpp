#include "container/tree_copy.h"

#include <algorithm>
#include <cerrno>

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/sys.h"
#include "image/xattrs.h"

namespace berth::container {

namespace {

constexpr std::size_t piece = 8u << 20;
constexpr std::uint64_t report_every = 4u << 20;

Inode inode_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

/// Opens for reading what an O_PATH descriptor stands for, without a second look at its name.
Result<Fd> reopen(const Fd& item, int flags) {
    return sys::open(cat("/proc/self/fd/", item.raw()), flags | O_NONBLOCK | O_NOCTTY);
}

Result<void> set_times(const Fd& folder, const char* name, const struct stat& status, int flags) {
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (::utimensat(folder.raw(), name, times, flags) != 0) return Error::of_errno(errno, "set time");
    return {};
}

Result<void> seek(const Fd& file, off_t at) {
    if (::lseek(file.raw(), at, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
    return {};
}

}  // namespace

bool is_kernel_file_system(const Fd& file) {
    struct statfs status;
    if (::fstatfs(file.raw(), &status) != 0) return false;
    constexpr unsigned long kinds[] = {PROC_SUPER_MAGIC,   SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                       DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,      SECURITYFS_MAGIC,
                                       BPF_FS_MAGIC,       0x19800202 /* mqueue, ipc/mqueue.c */};
    return std::find(std::begin(kinds), std::end(kinds), static_cast<unsigned long>(status.f_type)) != std::end(kinds);
}

void TreeCopier::count(std::uint64_t more) {
    bytes_ += more;
    if (!options_.progress || bytes_ - reported_ < report_every) return;
    reported_ = bytes_;
    options_.progress(bytes_);
}

std::pair<uid_t, gid_t> TreeCopier::owner_of(const struct stat& status) const {
    switch (options_.owners) {
        case TreeCopyOptions::Owners::keep: return {status.st_uid, status.st_gid};
        case TreeCopyOptions::Owners::caller: return {::geteuid(), ::getegid()};
        case TreeCopyOptions::Owners::given: return {options_.uid, options_.gid};
    }
    bug("owners out of range");
}

Result<void> TreeCopier::copy_item(const Fd& item, const Fd& to, const std::string& name) {
    top_ = &to;
    copies_.clear();
    return copy_any(item, Target{to, name, name});
}

Result<void> TreeCopier::copy_contents(const Fd& folder, const Fd& to) {
    top_ = &to;
    copies_.clear();
    const Fd readable = TRY(sys::openat(folder, ".", O_RDONLY | O_DIRECTORY));
    const Fd target = TRY(sys::openat(to, ".", O_RDONLY | O_DIRECTORY));
    TRY(close_to_itself(target));
    return copy_members(readable, target, "");
}

/// A copy that goes into the tree it comes from must not copy itself.
Result<void> TreeCopier::close_to_itself(const Fd& target) {
    const struct stat status = TRY(sys::fstat(target));
    options_.closed_folders.insert(inode_of(status));
    return {};
}

Result<void> TreeCopier::copy_any(const Fd& item, const Target& to) {
    const struct stat status = TRY(sys::fstat(item), to.path);
    if (S_ISSOCK(status.st_mode)) return {};  // A socket's name without its listener is of no use, and tar has none.
    ++entries_;
    if (S_ISDIR(status.st_mode)) return copy_folder(item, status, to);

    const auto there = sys::fstatat(to.folder, to.name);
    if (there.ok() && S_ISDIR(there.value().st_mode))
        return Error(Kind::exists, cat("cannot overwrite directory '", to.path, "' with non-directory"));
    const bool is_linked = TRY(link_again(status, to), to.path);
    if (is_linked) return {};
    TRY(S_ISREG(status.st_mode) ? copy_file(item, status, to) : copy_node(item, status, to), to.path);
    if (status.st_nlink < 2) return {};
    if (const auto copied = sys::fstatat(to.folder, to.name); copied.ok())
        copies_.emplace(inode_of(status), Copy{to.path, inode_of(copied.value())});
    return {};
}

Result<void> TreeCopier::copy_folder(const Fd& item, const struct stat& status, const Target& to) {
    auto made = sys::mkdirat(to.folder, to.name, 0700);
    if (!made.ok() && made.error().code() != EEXIST) return std::move(made).error().context(to.path);
    auto target = sys::openat(to.folder, to.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!target.ok() && (target.error().code() == ENOTDIR || target.error().code() == ELOOP))
        return Error(Kind::exists, cat("cannot overwrite non-directory '", to.path, "' with directory"));
    if (!target.ok()) return std::move(target).error().context(to.path);

    if (&to.folder == top_) TRY(close_to_itself(target.value()));
    const Fd folder = TRY(sys::openat(item, ".", O_RDONLY | O_DIRECTORY), to.path);
    if (options_.closed_folders.count(inode_of(status)) == 0 && !is_kernel_file_system(folder))
        TRY(copy_members(folder, target.value(), to.path));
    // Last, since what is made in it changes its time.
    TRY(copy_attributes(folder, target.value(), status), to.path);
    return {};
}

Result<void> TreeCopier::copy_members(const Fd& folder, const Fd& to, const std::string& path) {
    const std::vector<std::string> names = TRY(list_folder(folder), path);
    for (const std::string& name : names) {
        auto item = sys::openat(folder, name, O_PATH | O_NOFOLLOW);
        if (!item.ok() && item.error().code() == ENOENT) continue;  // Deleted since it was listed.
        const Fd opened = TRY(std::move(item), path);
        TRY(copy_any(opened, Target{to, name, path.empty() ? name : cat(path, "/", name)}));
    }
    return {};
}

Result<void> TreeCopier::copy_file(const Fd& item, const struct stat& status, const Target& to) {
    const Fd source = TRY(reopen(item, O_RDONLY));
    // Beside and renamed, so that a file that is replaced is never seen half, and a program that runs from it goes on.
    const std::string temporary = cat(".berth-", random_hex(8));
    const Fd copy = TRY(sys::openat(to.folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    const auto fill = [&]() -> Result<void> {
        TRY(copy_data(source, copy));
        TRY(copy_attributes(source, copy, status));
        return sys::renameat(to.folder, temporary, to.folder, to.name);
    };
    auto filled = fill();
    if (filled.ok()) return {};
    ignore(sys::unlinkat(to.folder, temporary), "the first error is the one to tell");
    // A file that is a mount point, as /etc/hosts, cannot be replaced (rename(2), EBUSY).
    if (filled.error().code() != EBUSY) return filled;
    return overwrite_file(source, status, to);
}

Result<void> TreeCopier::overwrite_file(const Fd& source, const struct stat& status, const Target& to) {
    const Fd target = TRY(sys::openat(to.folder, to.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    const struct stat there = TRY(sys::fstat(target));
    if (!S_ISREG(there.st_mode)) return Error::of_errno(EBUSY, "replace");
    if (::ftruncate(target.raw(), 0) != 0) return Error::of_errno(errno, "truncate");
    TRY(seek(source, 0));
    TRY(copy_data(source, target));
    return copy_attributes(source, target, status);
}

Result<void> TreeCopier::copy_node(const Fd& item, const struct stat& status, const Target& to) {
    const auto unlinked = sys::unlinkat(to.folder, to.name);
    if (!unlinked.ok() && unlinked.error().code() != ENOENT) return Error::of_errno(unlinked.error().code(), "replace");
    const bool is_device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
    const mode_t mode = status.st_mode & (is_device && options_.devices_for_owner_only ? ~mode_t{0077} : ~mode_t{0});
    if (S_ISLNK(status.st_mode)) {
        const std::string target = TRY(sys::readlinkat(item, ""));
        TRY(sys::symlinkat(target, to.folder, to.name));
    } else if (::mknodat(to.folder.raw(), to.name.c_str(), mode & ~mode_t{0077}, status.st_rdev) != 0) {
        return Error::of_errno(errno, "create");
    }
    const auto [uid, gid] = owner_of(status);
    if (::fchownat(to.folder.raw(), to.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
        return Error::of_errno(errno, "set owner");
    if (!S_ISLNK(status.st_mode)) {
        // Through a descriptor: the name may have become a link to somewhere else (fchmodat(2) would follow it).
        const Fd made = TRY(sys::openat(to.folder, to.name, O_PATH | O_NOFOLLOW));
        const struct stat opened = TRY(sys::fstat(made));
        if ((opened.st_mode & S_IFMT) != (status.st_mode & S_IFMT)) return Error(Kind::busy, "changed while it was being made");
        if (::chmod(cat("/proc/self/fd/", made.raw()).c_str(), mode & 07777) != 0) return Error::of_errno(errno, "set mode");
    }
    return set_times(to.folder, to.name.c_str(), status, AT_SYMLINK_NOFOLLOW);
}

/// True when the source was copied under another name already, and this name is a link to the copy now.
Result<bool> TreeCopier::link_again(const struct stat& status, const Target& to) {
    if (status.st_nlink < 2) return false;
    const auto known = copies_.find(inode_of(status));
    if (known == copies_.end()) return false;
    // The copy's path may lead elsewhere by now; only the very copy is linked to, else the file is copied once more.
    const auto copy = sys::openat2(*top_, known->second.path, O_PATH | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!copy.ok()) return false;
    const struct stat found = TRY(sys::fstat(copy.value()));
    if (inode_of(found) != known->second.inode) return false;
    const auto unlinked = sys::unlinkat(to.folder, to.name);
    if (!unlinked.ok() && unlinked.error().code() != ENOENT) return Error::of_errno(unlinked.error().code(), "replace");
    const std::string path = cat("/proc/self/fd/", copy.value().raw());
    return ::linkat(AT_FDCWD, path.c_str(), to.folder.raw(), to.name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

Result<void> TreeCopier::copy_data(const Fd& from, const Fd& to) {
    const struct stat status = TRY(sys::fstat(from));
    off_t at = 0;
    while (at < status.st_size) {
        // Holes stay holes. A file system that does not know them has data everywhere.
        const off_t data = ::lseek(from.raw(), at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;
        off_t end = data < 0 ? status.st_size : ::lseek(from.raw(), data, SEEK_HOLE);
        if (end < 0) end = status.st_size;
        at = data < 0 ? at : data;
        TRY(seek(from, at));
        TRY(seek(to, at));
        while (at < end) {
            const std::size_t copied = TRY(copy_piece(from, to, std::min(piece, static_cast<std::size_t>(end - at))));
            if (copied == 0) return {};  // Became shorter meanwhile: what it is now is what it is.
            at += static_cast<off_t>(copied);
            count(copied);
        }
    }
    if (::ftruncate(to.raw(), status.st_size) != 0) return Error::of_errno(errno, "set size");
    return {};
}

Result<void> TreeCopier::copy_attributes(const Fd& from, const Fd& to, const struct stat& status) const {
    const auto [uid, gid] = owner_of(status);
    TRY(sys::fchown(to, uid, gid));
    const image::FileXattrs xattrs = TRY(image::read_xattrs(from));
    for (const auto& [name, value] : xattrs.carried) {
        auto written = image::write_xattr(to, name, value);
        // A tmpfs or a foreign file system may have none; a file without them is better than no file.
        if (!written.ok() && written.error().code() != EOPNOTSUPP) return written;
    }
    TRY(sys::fchmod(to, status.st_mode & 07777));  // After fchown(2), which takes the set-id bits away.
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (::futimens(to.raw(), times) != 0) return Error::of_errno(errno, "set time");
    return {};
}

}  // namespace berth::container
