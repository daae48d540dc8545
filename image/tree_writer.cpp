// A folder as a tar, always in the same order: see tar_writer.h. Works by descriptors only, follows no link, and holds one
// descriptor per level.

#include "image/tar_writer.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include <dirent.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "image/xattrs.h"

namespace berth::image {
namespace {

constexpr std::size_t read_bytes = 256u << 10;
constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";

Result<bool> is_whiteout(const Fd& folder, const FolderMember& member) {
    if (member.type != DT_CHR && member.type != DT_UNKNOWN) return false;
    const struct stat status = TRY(sys::fstatat(folder, member.name));
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

TarEntry entry_of(const struct stat& status, std::string path) {
    TarEntry entry;
    entry.path = std::move(path);
    entry.mode = status.st_mode & 07777;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.mtime = status.st_mtim.tv_sec;
    switch (status.st_mode & S_IFMT) {
        case S_IFDIR: entry.type = TarType::folder; break;
        case S_IFLNK: entry.type = TarType::symlink; break;
        case S_IFCHR: entry.type = TarType::character_device; break;
        case S_IFBLK: entry.type = TarType::block_device; break;
        case S_IFIFO: entry.type = TarType::fifo; break;
        default: entry.type = TarType::file; break;
    }
    if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
        entry.device_major = major(status.st_rdev);
        entry.device_minor = minor(status.st_rdev);
    }
    return entry;
}

class TreeWriter {
public:
    TreeWriter(TarWriter& writer, const TreeOptions& options) : writer_(writer), options_(options), buffer_(read_bytes, '\0') {}

    Result<void> write_root(const Fd& folder);
    Result<void> write_member(const Fd& folder, const std::string& name, const std::string& path);
    void start_on(dev_t device) { device_ = device; }

private:
    bool is_layer() const { return options_.form == TreeOptions::Form::layer; }
    std::string shown(const std::string& path) const { return options_.prefix + path; }
    Result<void> add(TarEntry entry) {
        if (options_.edit) options_.edit(entry);
        return writer_.add(entry);
    }
    Result<void> write_folder_content(const Fd& folder, const std::string& path, bool is_opaque);
    Result<void> write_folder(const Fd& parent, const std::string& name, const std::string& path, TarEntry entry);
    Result<void> write_file(const Fd& parent, const std::string& name, TarEntry entry);
    Result<void> write_whiteout(std::string path);
    Result<Xattrs> carried(const Fd& file, const std::string& path, bool* is_opaque = nullptr) const;

    TarWriter& writer_;
    const TreeOptions& options_;
    std::string buffer_;
    dev_t device_ = 0;
    struct Inode {
        dev_t device;
        ino_t number;
        auto operator<=>(const Inode&) const = default;
    };
    std::map<Inode, std::string> links_;  ///< first path of each inode with several names
};

Result<void> TreeWriter::write_whiteout(std::string path) {
    TarEntry entry;
    entry.path = std::move(path);
    return writer_.add(entry);
}

Result<Xattrs> TreeWriter::carried(const Fd& file, const std::string& path, bool* is_opaque) const {
    FileXattrs found = TRY(read_xattrs(file), "/", path);
    if (is_layer() && found.is_redirected)
        return Error(Kind::corrupt, cat("/", path, ": is an overlay redirect, which no layer may hold"));
    if (is_opaque != nullptr) *is_opaque = is_layer() && found.is_opaque;
    return std::move(found.carried);
}

Result<void> TreeWriter::write_root(const Fd& folder) {
    const struct stat status = TRY(sys::fstat(folder));
    start_on(status.st_dev);
    const bool is_changed = (status.st_mode & 07777) != 0755 || status.st_uid != 0 || status.st_gid != 0;
    if (options_.root_entry == TreeOptions::RootEntry::always ||
        (options_.root_entry == TreeOptions::RootEntry::when_changed && is_changed)) {
        TarEntry entry = entry_of(status, options_.prefix.empty() ? "./" : options_.prefix);
        entry.xattrs = TRY(carried(folder, ""));
        // A layer's root is no file of its own: its time would change the digest without changing the image.
        if (is_layer()) entry.mtime = 0;
        TRY(add(std::move(entry)));
    }
    return write_folder_content(folder, "", false);
}

Result<void> TreeWriter::write_folder_content(const Fd& folder, const std::string& path, bool is_opaque) {
    const std::vector<FolderMember> members = TRY(list_members(folder), "/", path);
    const std::string below = path.empty() ? "" : path + "/";
    if (is_opaque) TRY(write_whiteout(shown(cat(below, opaque_marker))));

    // Whiteouts stand before their siblings (image-spec layer.md "Whiteouts").
    std::vector<const std::string*> present;
    present.reserve(members.size());
    for (const FolderMember& member : members) {
        if (is_layer() && TRY(is_whiteout(folder, member), "/", below, member.name)) {
            if (!is_opaque) TRY(write_whiteout(shown(cat(below, whiteout_prefix, member.name))));
            continue;
        }
        if (is_layer() && member.name.starts_with(whiteout_prefix))
            return Error(Kind::unsupported, cat("/", below, member.name, ": names with '.wh.' mean deleted files in layers"));
        present.push_back(&member.name);
    }
    for (const std::string* name : present) TRY(write_member(folder, *name, below + *name));
    return {};
}

Result<void> TreeWriter::write_member(const Fd& folder, const std::string& name, const std::string& path) {
    if (options_.is_left_out && options_.is_left_out(path)) return {};
    Result<struct stat> found = sys::fstatat(folder, name);
    // Deleted since it was listed: a tree that lives is written as it is met.
    if (!found.ok() && found.error().code() == ENOENT) return {};
    const struct stat status = TRY(std::move(found), "/", path);
    if (S_ISSOCK(status.st_mode)) return {};

    TarEntry entry = entry_of(status, shown(path));
    if (entry.type == TarType::folder) {
        // A mount point: its folder belongs to the tree, what is mounted does not.
        if (status.st_dev != device_ && !options_.crosses_mounts) return add(std::move(entry));
        return write_folder(folder, name, path, std::move(entry));
    }
    if (status.st_nlink > 1) {
        const auto [first, is_new] = links_.try_emplace(Inode{status.st_dev, status.st_ino}, entry.path);
        if (!is_new) {
            entry.type = TarType::hard_link;
            entry.link = first->second;
            return add(std::move(entry));
        }
    }
    if (entry.type == TarType::symlink) entry.link = TRY(sys::readlinkat(folder, name), "/", path);
    if (entry.type != TarType::file) return add(std::move(entry));
    return TRY(write_file(folder, name, std::move(entry)), "/", path), Result<void>();
}

Result<void> TreeWriter::write_folder(const Fd& parent, const std::string& name, const std::string& path, TarEntry entry) {
    const Fd folder = TRY(sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), "/", path);
    bool is_opaque = false;
    entry.xattrs = TRY(carried(folder, path, &is_opaque));
    TRY(add(std::move(entry)));
    return write_folder_content(folder, path, is_opaque);
}

Result<void> TreeWriter::write_file(const Fd& parent, const std::string& name, TarEntry entry) {
    const Fd file = TRY(sys::openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    const struct stat status = TRY(sys::fstat(file));
    if (!S_ISREG(status.st_mode)) return Error(Kind::busy, "changed while it was being read");
    entry.size = status.st_size;
    entry.xattrs = TRY(carried(file, entry.path));
    std::int64_t left = entry.size;
    TRY(add(std::move(entry)));
    while (left > 0) {
        const std::size_t wanted = std::min(buffer_.size(), static_cast<std::size_t>(left));
        const std::size_t got = TRY(sys::read(file, std::span(buffer_.data(), wanted)));
        // A layer must be what the file was; of a tree that lives, the rest is what is missing.
        if (got == 0 && is_layer()) return Error(Kind::busy, "became shorter while it was being read");
        if (got == 0) std::fill(buffer_.begin(), buffer_.end(), '\0');
        const std::size_t size = got == 0 ? wanted : got;
        TRY(writer_.write_content({buffer_.data(), size}));
        left -= static_cast<std::int64_t>(size);
    }
    return {};
}

}  // namespace

Result<void> write_tree(const Fd& folder, TarWriter& writer, const TreeOptions& options) {
    return TreeWriter(writer, options).write_root(folder);
}

Result<void> write_one(const Fd& folder, const std::string& name, TarWriter& writer, const TreeOptions& options) {
    const struct stat status = TRY(sys::fstatat(folder, name), name);
    if (S_ISDIR(status.st_mode)) {
        const Fd opened = TRY(sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name);
        TreeOptions inside = options;
        inside.prefix += '/';
        inside.root_entry = TreeOptions::RootEntry::always;
        return write_tree(opened, writer, inside);
    }
    return TreeWriter(writer, options).write_member(folder, name, "");
}

}  // namespace berth::image
