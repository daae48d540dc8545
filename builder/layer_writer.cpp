#include "builder/layer_writer.h"

#include <cerrno>
#include <deque>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "builder/file_digests.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr int most_links = 255;

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1); }
std::string below(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : cat(folder, '/', name);
}

Result<std::optional<struct stat>> look_in(const Root& root, const std::string& path) {
    auto opened = root.open_beneath(path, O_PATH | O_NOFOLLOW);
    if (!opened.ok() && (opened.error().code() == ENOENT || opened.error().code() == ENOTDIR)) return std::optional<struct stat>();
    const Fd entry = TRY(std::move(opened));
    const struct stat status = TRY(sys::fstat(entry));
    return std::optional(status);
}

/// False when the kernel cannot, with nothing copied.
Result<bool> copy_in_kernel(const Fd& from, const Fd& to) {
    for (;;) {
        const ssize_t copied = ::copy_file_range(from.raw(), nullptr, to.raw(), nullptr, std::size_t{1} << 30, 0);
        if (copied == 0) return true;
        if (copied > 0 || errno == EINTR) continue;
        // copy_file_range(2), ERRORS: other file systems, files that have no pages.
        if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
        return Error::of_errno(errno, "write");
    }
}

Error over_folder(const std::string& path) { return Error(Kind::exists, cat("cannot copy a file over the directory /", path)); }

/// A file system that cannot keep an xattr makes no copy fail (BuildKit: the same).
void copy_xattrs(const Fd& from, const Fd& to) {
    for (const std::string& name : kept_xattrs(from)) {
        char value[65536];
        const ssize_t size = ::fgetxattr(from.raw(), name.c_str(), value, sizeof value);
        if (size >= 0) ::fsetxattr(to.raw(), name.c_str(), value, static_cast<std::size_t>(size), 0);
    }
}

}  // namespace

Result<std::optional<struct stat>> LayerWriter::look(const std::string& path) const {
    const auto here = TRY(look_in(upper_, path));
    if (here || below_ == nullptr) return here;
    return look_in(*below_, path);
}

Result<LayerWriter::Place> LayerWriter::resolve(std::string_view path) const {
    std::deque<std::string> left;
    const auto push_front = [&](std::string_view text) {
        std::vector<std::string> parts = split(text, '/');
        left.insert(left.begin(), parts.begin(), parts.end());
    };
    push_front(path);
    Place place;
    place.status = TRY(look(""));
    for (int links = 0; !left.empty();) {
        const std::string part = std::move(left.front());
        left.pop_front();
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            place.path = parent_of(place.path);
            place.status = TRY(look(place.path));
            continue;
        }
        const std::string next = below(place.path, part);
        const auto status = TRY(look(next));
        if (!status || !S_ISLNK(status->st_mode)) {
            place = {next, status};
            continue;
        }
        if (++links > most_links) return Error::of_errno(ELOOP, std::string(path));
        const auto here = TRY(look_in(upper_, next));
        const Fd link = TRY((here ? upper_ : *below_).open_beneath(next, O_PATH | O_NOFOLLOW));
        const std::string target = TRY(sys::readlinkat(link, ""));
        if (target.starts_with('/')) place.path.clear();
        place.status = TRY(look(place.path));
        push_front(target);
    }
    return place;
}

bool LayerWriter::is_new(const std::string& folder) const { return below_ == nullptr || only_here_.count(folder) != 0; }

Result<void> LayerWriter::make_missing(const std::string& path, const std::optional<struct stat>& status) {
    const Fd parent = TRY(upper_.open_beneath(std::string(parent_of(path)), O_PATH | O_DIRECTORY));
    TRY(sys::mkdirat(parent, name_of(path), 0700));
    const Fd made = TRY(sys::openat(parent, name_of(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!status) {
        only_here_.insert(path);
        // mkdir(2) in a set-group-id folder: the group and the bit are inherited.
        const struct stat above = TRY(sys::fstat(parent));
        const bool inherits = (above.st_mode & S_ISGID) != 0;
        const Owner owner = attributes_.owner.value_or(Owner{0, inherits ? above.st_gid : 0});
        TRY(sys::fchown(made, owner.uid, owner.gid));
        const bool has_mode = attributes_.mode != nullptr && attributes_.mode->is_octal();
        const mode_t mode = has_mode ? attributes_.mode->apply(0755, true) : 0755;
        TRY(sys::fchmod(made, mode | (inherits ? S_ISGID : 0)));
        if (attributes_.time) times_[path] = {attributes_.time->nanoseconds / 1'000'000'000, attributes_.time->nanoseconds % 1'000'000'000};
        return {};
    }
    TRY(sys::fchown(made, status->st_uid, status->st_gid));
    TRY(sys::fchmod(made, status->st_mode & 07777));
    const Fd original = TRY(below_->open_beneath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    copy_xattrs(original, made);
    return {};
}

Result<Fd> LayerWriter::make_folder(const std::string& path) {
    if (!path.empty() && ready_.count(path) == 0) {
        const std::string parent(parent_of(path));
        TRY(make_folder(parent));
        std::optional<struct stat> status;
        if (!is_new(parent)) status = TRY(look_in(*below_, path));
        const auto here = TRY(look_in(upper_, path));
        if ((here && !S_ISDIR(here->st_mode)) || (!here && status && !S_ISDIR(status->st_mode) && below_ != nullptr))
            return Error(Kind::exists, cat("/", path, ": exists and is not a directory"));
        if (!here) TRY(make_missing(path, status), "/", path);
        ready_.insert(path);
    }
    return upper_.open_beneath(path, O_RDONLY | O_DIRECTORY);
}

Result<LayerWriter::Target> LayerWriter::find_target(const std::string& path) {
    const std::string parent(parent_of(path));
    if (!open_folder_.valid() || open_path_ != parent) {
        open_folder_ = TRY(make_folder(parent));
        open_path_ = parent;
        const struct stat status = TRY(sys::fstat(open_folder_));
        born_owner_ = {::geteuid(), (status.st_mode & S_ISGID) != 0 ? status.st_gid : ::getegid()};
    }
    if (!is_new(parent)) {
        const auto status = TRY(look_in(*below_, path));
        if (status && S_ISDIR(status->st_mode)) return over_folder(path);
    }
    return Target{open_folder_, name_of(path)};
}

Result<void> LayerWriter::clear(const Target& target, const std::string& path) const {
    if (::unlinkat(target.folder.raw(), target.name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR || errno == EPERM) return over_folder(path);
    return Error::of_errno(errno, cat("replace /", path));
}

Result<Fd> LayerWriter::create(const Target& target, const std::string& path) const {
    const auto make = [&] { return sys::openat(target.folder, target.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600); };
    auto made = make();
    if (made.ok() || made.error().code() != EEXIST) return made;
    TRY(clear(target, path));
    return make();
}

/// The whole content: a small one by hand, since each way through the kernel's pipes costs more than two calls; else shared
/// blocks where the file system can, else copied in the kernel.
Result<void> LayerWriter::copy_content(const Fd& from, const Fd& to, std::int64_t size) {
    constexpr std::size_t small = std::size_t{1} << 16;
    if (size == 0) return {};
    if (static_cast<std::size_t>(size) >= small) {
        if (can_share_blocks_ && ::ioctl(to.raw(), FICLONE, from.raw()) == 0) return {};
        can_share_blocks_ = false;
        if (TRY(copy_in_kernel(from, to))) return {};
    }
    buffer_.resize(small);
    for (;;) {
        const std::size_t got = TRY(sys::read(from, buffer_), "read");
        TRY(sys::write_all(to, std::string_view(buffer_).substr(0, got)), "write");
        // Less than there was room for: a regular file has ended.
        if (got < buffer_.size()) return {};
    }
}

Owner LayerWriter::owner_of(const Entry& entry) const {
    if (attributes_.owner) return *attributes_.owner;
    return entry.keeps_owner ? Owner{entry.status.st_uid, entry.status.st_gid} : Owner{};
}

mode_t LayerWriter::mode_of(const Entry& entry) const {
    const mode_t mode = entry.status.st_mode & 07777;
    return attributes_.mode != nullptr ? attributes_.mode->apply(mode, S_ISDIR(entry.status.st_mode)) : mode;
}

// chown(2) clears set-id bits, so the mode comes last; xattrs before it would lose security.capability to chown too.
Result<void> LayerWriter::set_owner_and_mode(const Fd& file, const Entry& entry, const Owner& born) const {
    const Owner owner = owner_of(entry);
    if (owner != born) TRY(sys::fchown(file, owner.uid, owner.gid));
    return sys::fchmod(file, mode_of(entry));
}

Result<void> LayerWriter::put_folder(const Entry& entry, const std::string& path) {
    const auto status = TRY(look(path));
    if (status && !S_ISDIR(status->st_mode) && below_ != nullptr)
        return Error(Kind::exists, cat("cannot copy a directory over /", path, ", which is none"));
    const Fd folder = TRY(make_folder(path));
    const struct stat made = TRY(sys::fstat(folder));
    TRY(set_owner_and_mode(folder, entry, {made.st_uid, made.st_gid}), "/", path);
    const Fd source = TRY(entry.tree.open_beneath(entry.source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    copy_xattrs(source, folder);
    times_[path] = entry.status.st_mtim;
    return {};
}

Result<void> LayerWriter::copy_regular(const Entry& entry, const Target& target, const std::string& path) {
    if (entry.status.st_nlink > 1) {
        const auto [first, is_first] = links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, path);
        if (!is_first) {
            TRY(clear(target, path));
            const Fd folder = TRY(upper_.open_beneath(std::string(parent_of(first->second)), O_PATH | O_DIRECTORY));
            if (::linkat(folder.raw(), name_of(first->second).c_str(), target.folder.raw(), target.name.c_str(), 0) == 0) return {};
            return Error::of_errno(errno, "link");
        }
    }
    const Fd from = TRY(entry.tree.open_beneath(entry.source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), entry.source);
    const Fd to = TRY(create(target, path));
    TRY(copy_content(from, to, entry.status.st_size));
    TRY(set_owner_and_mode(to, entry, born_owner_));
    copy_xattrs(from, to);
    const struct timespec times[2] = {entry.status.st_mtim, entry.status.st_mtim};
    if (::futimens(to.raw(), times) != 0) return Error::of_errno(errno, "set time");
    const struct stat after = TRY(sys::fstat(from));
    if (after.st_size != entry.status.st_size || after.st_mtim.tv_sec != entry.status.st_mtim.tv_sec || after.st_mtim.tv_nsec != entry.status.st_mtim.tv_nsec)
        return Error(Kind::busy, cat(entry.source, " changed while it was copied")).with_hint("build again when nothing writes there");
    return {};
}

Result<void> LayerWriter::put_other(const Entry& entry, const std::string& path) {
    const Target target = TRY(find_target(path));
    if (S_ISREG(entry.status.st_mode)) {
        TRY(copy_regular(entry, target, path), "/", path);
        return {};
    }
    TRY(clear(target, path));
    const Owner owner = owner_of(entry);
    if (S_ISLNK(entry.status.st_mode)) {
        TRY(sys::symlinkat(entry.link, target.folder, target.name));
    } else {
        // 0:0 is overlay's whiteout: written here it would delete instead of being copied.
        if (S_ISCHR(entry.status.st_mode) && entry.status.st_rdev == 0) return Error(Kind::unsupported, cat("/", path, ": a device 0:0 cannot be copied"));
        if (::mknodat(target.folder.raw(), target.name.c_str(), entry.status.st_mode & (S_IFMT | 0700), entry.status.st_rdev) != 0)
            return Error::of_errno(errno, cat("make /", path));
    }
    if (::fchownat(target.folder.raw(), target.name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return Error::of_errno(errno, cat("chown /", path));
    if (!S_ISLNK(entry.status.st_mode) && ::fchmodat(target.folder.raw(), target.name.c_str(), mode_of(entry), 0) != 0)
        return Error::of_errno(errno, cat("chmod /", path));
    const struct timespec times[2] = {entry.status.st_mtim, entry.status.st_mtim};
    if (::utimensat(target.folder.raw(), target.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, cat("set time of /", path));
    return {};
}

Result<void> LayerWriter::put_text(std::string_view text, const std::string& path, mode_t mode) {
    const Target target = TRY(find_target(path));
    const Fd to = TRY(create(target, path));
    TRY(sys::write_all(to, text), "/", path);
    const Owner owner = attributes_.owner.value_or(Owner{});
    TRY(sys::fchown(to, owner.uid, owner.gid));
    return sys::fchmod(to, attributes_.mode != nullptr ? attributes_.mode->apply(mode, false) : mode);
}

Result<void> LayerWriter::finish() {
    for (const auto& [path, time] : times_) {
        const Fd folder = TRY(upper_.open_beneath(path, O_RDONLY | O_DIRECTORY));
        const struct timespec times[2] = {time, time};
        if (::futimens(folder.raw(), times) != 0) return Error::of_errno(errno, cat("set time of /", path));
    }
    return {};
}

}  // namespace berth::builder
