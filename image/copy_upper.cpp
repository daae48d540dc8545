// copy_upper, merge_upper and copy_file of layer.h.

#include <cerrno>
#include <map>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "image/layer.h"
#include "image/xattrs.h"

namespace berth::image {
namespace {

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

class UpperCopier {
public:
    enum class Into { empty, filled };
    UpperCopier(const Fd& root, Whiteouts whiteouts, Into into)
        : root_(root), whiteouts_(whiteouts), is_merging_(into == Into::filled) {}
    Result<void> copy_folder(const Fd& from, const Fd& to, const std::string& path);

private:
    struct Inode {
        dev_t device;
        ino_t number;
        auto operator<=>(const Inode&) const = default;
    };
    Result<void> copy_member(const Fd& from, const Fd& to, const std::string& folder, const std::string& name);
    Result<void> copy_node(const Fd& from, const Fd& to, const std::string& name, const struct stat& status);
    Result<bool> link_again(const Fd& to, const std::string& name, const struct stat& status);

    Result<void> copy_subfolder(const Fd& from, const Fd& to, const std::string& path, const std::string& name);

    const Fd& root_;
    Whiteouts whiteouts_;
    bool is_merging_;
    std::map<Inode, std::string> copies_;  ///< of inodes with several names: where the copy is, below root_
};

Result<void> set_attributes(const Fd& from, const Fd& to, const struct stat& status) {
    TRY(sys::fchown(to, status.st_uid, status.st_gid));
    const FileXattrs xattrs = TRY(read_xattrs(from));
    for (const auto& [name, value] : xattrs.carried) TRY(write_xattr(to, name, value));
    TRY(sys::fchmod(to, status.st_mode & 07777));
    const timespec times[2] = {status.st_atim, status.st_mtim};
    return ::futimens(to.raw(), times) == 0 ? Result<void>() : Error::of_errno(errno, "set time");
}

/// Shares the blocks where the file system can; else copies what is data and leaves the holes.
Result<void> copy_data(const Fd& from, const Fd& to, off_t size) {
    if (size == 0 || ::ioctl(to.raw(), FICLONE, from.raw()) == 0) return {};
    off_t at = 0;
    while (at < size) {
        const off_t data = ::lseek(from.raw(), at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;
        off_t end = data < 0 ? size : ::lseek(from.raw(), data, SEEK_HOLE);
        if (end < 0) end = size;
        off_t in = data < 0 ? at : data;
        off_t out = in;
        while (in < end) {
            const ssize_t copied = ::copy_file_range(from.raw(), &in, to.raw(), &out, static_cast<std::size_t>(end - in), 0);
            if (copied < 0 && errno == EINTR) continue;
            if (copied < 0) return Error::of_errno(errno, "copy");
            if (copied == 0) return Error(Kind::busy, "became shorter while it was being copied");
        }
        at = end;
    }
    return ::ftruncate(to.raw(), size) == 0 ? Result<void>() : Error::of_errno(errno, "set size");
}

/// True when the inode was copied under another name already, and this name is a link to the copy now.
Result<bool> UpperCopier::link_again(const Fd& to, const std::string& name, const struct stat& status) {
    if (status.st_nlink < 2 || S_ISDIR(status.st_mode)) return false;
    const auto copy = copies_.find({status.st_dev, status.st_ino});
    if (copy == copies_.end()) return false;
    if (::linkat(root_.raw(), copy->second.c_str(), to.raw(), name.c_str(), 0) != 0) return Error::of_errno(errno, "link");
    return true;
}

Result<void> UpperCopier::copy_node(const Fd& from, const Fd& to, const std::string& name, const struct stat& status) {
    if (S_ISLNK(status.st_mode)) {
        const std::string target = TRY(sys::readlinkat(from, name));
        TRY(sys::symlinkat(target, to, name));
    } else if (::mknodat(to.raw(), name.c_str(), status.st_mode, status.st_rdev) != 0) {
        return Error::of_errno(errno, "create");
    }
    if (::fchownat(to.raw(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return Error::of_errno(errno, "set owner");
    if (!S_ISLNK(status.st_mode)) {
        // mknodat(2) went through the umask. The name is ours: nobody else writes here.
        if (::fchmodat(to.raw(), name.c_str(), status.st_mode & 07777, 0) != 0) return Error::of_errno(errno, "set mode");
    }
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (::utimensat(to.raw(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, "set time");
    return {};
}

/// A folder over a folder merges, unless it is opaque; over anything else it replaces, and over a whiteout it hides what the
/// whiteout hid.
Result<void> UpperCopier::copy_subfolder(const Fd& from, const Fd& to, const std::string& path, const std::string& name) {
    const Fd source = TRY(sys::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const FileXattrs xattrs = TRY(read_xattrs(source));
    bool is_opaque = xattrs.is_opaque;
    Result<void> made = sys::mkdirat(to, name, 0700);
    if (!made.ok() && made.error().code() == EEXIST) {
        const struct stat there = TRY(sys::fstatat(to, name));
        if (!S_ISDIR(there.st_mode) || is_opaque) {
            is_opaque = is_opaque || is_whiteout(there);
            TRY(remove_tree(to, name));
            made = sys::mkdirat(to, name, 0700);
        } else {
            made = Result<void>();
        }
    }
    TRY(std::move(made));
    const Fd copy = TRY(sys::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (is_opaque && whiteouts_ == Whiteouts::keep) TRY(mark_opaque(copy));
    return copy_folder(source, copy, path);
}

Result<void> UpperCopier::copy_member(const Fd& from, const Fd& to, const std::string& folder, const std::string& name) {
    const struct stat status = TRY(sys::fstatat(from, name));
    if (S_ISSOCK(status.st_mode)) return {};
    const std::string path = folder.empty() ? name : cat(folder, "/", name);
    if (S_ISDIR(status.st_mode)) return copy_subfolder(from, to, path, name);
    if (is_merging_) TRY(remove_tree(to, name));
    if (is_whiteout(status) && whiteouts_ == Whiteouts::drop) return {};
    if (TRY(link_again(to, name, status))) return {};
    if (S_ISREG(status.st_mode)) {
        const Fd file = TRY(sys::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        TRY(copy_file(file, to, name));
    } else {
        TRY(copy_node(from, to, name, status));
    }
    if (status.st_nlink > 1) copies_.emplace(Inode{status.st_dev, status.st_ino}, path);
    return {};
}

Result<void> UpperCopier::copy_folder(const Fd& from, const Fd& to, const std::string& path) {
    const std::vector<std::string> names = TRY(list_folder(from));
    for (const std::string& name : names) TRY(copy_member(from, to, path, name), name);
    // Last, since what is made in it changes its time.
    const struct stat status = TRY(sys::fstat(from));
    return set_attributes(from, to, status);
}

}  // namespace

Result<void> copy_file(const Fd& from, const Fd& folder, const std::string& name) {
    const Fd copy = TRY(sys::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    const struct stat status = TRY(sys::fstat(from));
    TRY(copy_data(from, copy, status.st_size));
    return set_attributes(from, copy, status);
}

Result<void> copy_upper(const Fd& from, const Fd& to) {
    return UpperCopier(to, Whiteouts::keep, UpperCopier::Into::empty).copy_folder(from, to, "");
}

Result<void> merge_upper(const Fd& from, const Fd& to, Whiteouts whiteouts) {
    return UpperCopier(to, whiteouts, UpperCopier::Into::filled).copy_folder(from, to, "");
}

}  // namespace berth::image
