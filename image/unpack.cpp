#include "image/unpack.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <set>
#include <unordered_map>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "image/xattrs.h"

namespace berth::image {
namespace {

constexpr std::size_t longest_path = 4096;
constexpr std::size_t longest_name = 255;
constexpr std::size_t deepest = 256;
constexpr std::size_t most_cached = 64;
constexpr std::size_t hole_bytes = 64u << 10;
constexpr std::int64_t disk_block = 4096;
constexpr int most_links = 40;  // As the kernel: more links on one way are a loop.
constexpr mode_t special_bits = 07000;
constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view aufs_prefix = ".wh..wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

/// The path without '.', doubled and outer slashes: "" for the root. Refuses what could lead out or does not fit.
Result<std::string> clean_entry_path(std::string_view path) {
    if (path.size() > longest_path) return corrupt(cat("a path has ", path.size(), " bytes"));
    std::string clean;
    std::size_t depth = 0;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        const std::string_view component = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (component.empty() || component == ".") continue;
        if (component == "..") return corrupt("'..' in a path");
        if (component.size() > longest_name) return corrupt("a name is longer than 255 bytes");
        if (++depth > deepest) return corrupt("a path is deeper than 256 folders");
        if (!clean.empty()) clean += '/';
        clean += component;
    }
    return clean;
}

struct SplitPath {
    std::string folder;
    std::string name;
};
SplitPath split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_zeros(std::string_view bytes) {
    return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// How many of the leading bytes go the same way: written, or left out as a hole where they are a long run of zeros.
struct Run {
    std::size_t length;
    bool is_hole;
};
Run next_run(std::string_view bytes) {
    const auto is_hole_at = [&](std::size_t at) {
        return bytes.size() - at >= hole_bytes && is_zeros(bytes.substr(at, hole_bytes));
    };
    const bool is_hole = is_hole_at(0);
    std::size_t length = std::min(hole_bytes, bytes.size());
    while (length < bytes.size() && is_hole_at(length) == is_hole) length = std::min(length + hole_bytes, bytes.size());
    return {length, is_hole};
}

/// A device or fifo, which is not opened, as that would do something; and not followed, should it be a link by now.
Result<void> set_mode_of_node(const Fd& parent, const std::string& name, mode_t mode) {
    const Fd node = TRY(sys::openat(parent, name, O_PATH | O_NOFOLLOW));
    const std::string path = cat("/proc/self/fd/", node.raw());
    return ::chmod(path.c_str(), mode) == 0 ? Result<void>() : Error::of_errno(errno, "chmod");
}

class Unpacker {
public:
    Unpacker(TarReader& reader, const Root& root, const UnpackOptions& options) : reader_(reader), root_(root), options_(options) {}

    Result<UnpackResult> run();

private:
    struct Inode {
        dev_t device = 0;
        ino_t number = 0;
        auto operator<=>(const Inode&) const = default;
    };
    /// A folder's mode and time, set when all that goes into it is there.
    struct LateFolder {
        std::string path;
        Inode inode;
        mode_t mode = 0;
        timespec mtime{};
    };
    struct Parent {
        std::string path;
        Fd folder;
    };

    bool is_layer() const { return options_.form == UnpackOptions::Form::layer; }
    Result<void> take(TarEntry& entry);
    Result<void> take_whiteout(const std::string& path, std::string_view name);
    Result<void> take_opaque(const std::string& folder);
    Result<void> take_root(const TarEntry& entry);
    Result<void> make(TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name);
    Result<void> make_folder(const TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name);
    Result<void> make_file(TarEntry& entry, const Fd& parent, const std::string& name);
    Result<void> make_hard_link(const TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name);
    Result<void> make_node(const TarEntry& entry, const Fd& parent, const std::string& name);
    Result<void> write_file_content(const Fd& file, std::int64_t size);
    Result<void> set_attributes(const TarEntry& entry, const Fd& file);
    Result<void> set_folder_later(const TarEntry& entry, const std::string& path, const Fd& folder);
    Result<void> finish_folders();
    /// Takes away what stands where a new entry goes.
    Result<void> clear_place(const TarEntry& entry, const Fd& parent, const std::string& name);
    Result<const Fd*> parent_of(const std::string& folder);
    Result<Fd> ensure_folder(const std::string& path, int links);
    Result<Fd> make_missing_folder(const std::string& path, int links);

    timespec time_of(const TarEntry& entry) const {
        return {static_cast<time_t>(entry.mtime), options_.keep_nanoseconds ? entry.mtime_nanoseconds : 0};
    }

    TarReader& reader_;
    const Root& root_;
    const UnpackOptions& options_;
    UnpackResult result_;
    std::list<Parent> parents_;  ///< most recently used first
    std::vector<LateFolder> folders_;
    std::unordered_map<std::string, std::size_t> folder_index_;
    std::set<Inode> described_;  ///< folders with an entry of their own
    std::set<Inode> opaque_;
    std::set<std::string> implied_;
};

Result<UnpackResult> Unpacker::run() {
    while (true) {
        std::optional<TarEntry> entry = TRY(reader_.next());
        if (!entry) break;
        if (++result_.entries > options_.most_entries)
            return Error(Kind::invalid, cat("archive has more than ", options_.most_entries, " members"));
        const std::string name = entry->path;
        TRY(take(*entry), "'", name, "'");
    }
    TRY(reader_.drain());
    if (options_.needs_end_mark && !reader_.has_end_mark()) return corrupt("archive has no end mark: it may be cut off");
    parents_.clear();
    TRY(finish_folders());
    for (const std::string& path : implied_) {
        // Reached by another name, it may have been described after all; or replaced with the folder it was in.
        const Result<Fd> folder = root_.open_at(path, O_PATH | O_NOFOLLOW);
        if (!folder.ok()) continue;
        const struct stat status = TRY(sys::fstat(folder.value()));
        if (!described_.contains({status.st_dev, status.st_ino})) result_.implied_folders.push_back(path);
    }
    return std::move(result_);
}

Result<void> Unpacker::take(TarEntry& entry) {
    std::string path = TRY(clean_entry_path(entry.path));
    if (options_.rename) {
        std::optional<std::string> renamed = options_.rename(path);
        if (!renamed) return {};
        path = std::move(*renamed);
    }
    if (path.empty()) return take_root(entry);

    SplitPath where = split(path);
    if (is_layer()) {
        // What aufs left behind: its own link folder and marks, nothing of the image's.
        const bool is_aufs = path.starts_with(aufs_prefix) && !path.starts_with(opaque_marker);
        if (is_aufs) return {};
        if (where.name == opaque_marker) return take_opaque(where.folder);
        if (where.name.starts_with(whiteout_prefix))
            return take_whiteout(where.folder, std::string_view(where.name).substr(whiteout_prefix.size()));
    }
    const Fd* parent = TRY(parent_of(where.folder));
    return make(entry, path, *parent, where.name);
}

/// "." or "./": attributes of the folder that is unpacked into.
Result<void> Unpacker::take_root(const TarEntry& entry) {
    if (entry.type != TarType::folder) return corrupt("the root of an archive is no folder");  // CVE-2021-29136
    const Fd folder = TRY(root_.open_at(".", O_RDONLY | O_DIRECTORY));
    return set_folder_later(entry, "", folder);
}

Result<void> Unpacker::take_whiteout(const std::string& path, std::string_view name) {
    if (name.empty() || name == "." || name == "..") return corrupt("a whiteout without a name");
    const Fd* parent = TRY(parent_of(path));
    const struct stat status = TRY(sys::fstat(*parent));
    // An opaque folder hides all below it already, and overlay shows a whiteout in it as a broken file.
    if (opaque_.contains({status.st_dev, status.st_ino})) return {};
    const std::string hidden(name);
    if (::mknodat(parent->raw(), hidden.c_str(), S_IFCHR, 0) == 0) return {};
    if (errno != EEXIST) return Error::of_errno(errno, "make whiteout");
    // Made by this layer too: a whiteout hides only what lies below, which for a folder means that it is opaque.
    const struct stat there = TRY(sys::fstatat(*parent, hidden));
    return S_ISDIR(there.st_mode) ? take_opaque(path.empty() ? hidden : cat(path, "/", hidden)) : Result<void>();
}

Result<void> Unpacker::take_opaque(const std::string& path) {
    TRY(parent_of(path));
    const Fd folder = TRY(root_.open_at(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
    const struct stat status = TRY(sys::fstat(folder));
    if (!opaque_.insert({status.st_dev, status.st_ino}).second) return {};
    const std::vector<std::string> names = TRY(list_folder(folder));
    for (const std::string& name : names) {
        const struct stat member = TRY(sys::fstatat(folder, name));
        if (is_whiteout(member)) TRY(sys::unlinkat(folder, name));
    }
    return mark_opaque(folder);
}

Result<void> Unpacker::clear_place(const TarEntry& entry, const Fd& parent, const std::string& name) {
    Result<struct stat> found = sys::fstatat(parent, name);
    if (!found.ok() && found.error().code() == ENOENT) return {};
    const struct stat there = TRY(std::move(found));
    const bool is_folder = S_ISDIR(there.st_mode);
    if (options_.existing == UnpackOptions::Existing::refuse_type_change && is_folder != (entry.type == TarType::folder))
        return Error(Kind::exists, is_folder ? "cannot overwrite a folder with something that is none"
                                             : "cannot overwrite with a folder something that is none");
    if (options_.recorder != nullptr && !is_whiteout(there)) TRY(options_.recorder->displace(parent, name));
    else TRY(is_folder ? remove_tree(parent, name) : sys::unlinkat(parent, name));
    // Folders below may be held by descriptor; what they stand for is gone from its place. `parent` goes with them.
    parents_.clear();
    return {};
}

Result<void> Unpacker::make(TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name) {
    // Its name stands for a folder that was only implied so far: now it is described, or replaced.
    implied_.erase(path);
    switch (entry.type) {
        case TarType::folder: return make_folder(entry, path, parent, name);
        case TarType::hard_link: return make_hard_link(entry, path, parent, name);
        default: break;
    }
    const auto create = [&] { return entry.type == TarType::file ? make_file(entry, parent, name) : make_node(entry, parent, name); };
    Result<void> made = create();
    if (made.ok() || made.error().code() != EEXIST) return made;
    TRY(clear_place(entry, parent, name));
    // The cache of parents is empty now, and `parent` with it.
    const Fd* again = TRY(parent_of(split(path).folder));
    return entry.type == TarType::file ? make_file(entry, *again, name) : make_node(entry, *again, name);
}

Result<void> Unpacker::make_folder(const TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name) {
    Result<void> made = sys::mkdirat(parent, name, (entry.mode & ~special_bits) | 0700);
    bool hides_lower = false;
    const Fd* where = &parent;
    if (!made.ok() && made.error().code() == EEXIST) {
        const struct stat there = TRY(sys::fstatat(parent, name));
        if (!S_ISDIR(there.st_mode)) {
            hides_lower = is_layer() && is_whiteout(there);
            TRY(clear_place(entry, parent, name));
            where = TRY(parent_of(split(path).folder));
            TRY(sys::mkdirat(*where, name, 0700));
        }
    } else {
        TRY(std::move(made));
    }
    const Fd folder = TRY(sys::openat(*where, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(set_folder_later(entry, path, folder));
    return hides_lower ? take_opaque(path) : Result<void>();
}

Result<void> Unpacker::make_file(TarEntry& entry, const Fd& parent, const std::string& name) {
    if (entry.size > options_.most_bytes - result_.content_bytes)
        return Error(Kind::invalid, cat("archive holds more than ", options_.most_bytes, " bytes"));
    const Fd file = TRY(sys::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, entry.mode & ~special_bits));
    if (options_.recorder != nullptr) TRY(options_.recorder->file(parent, name));
    TRY(write_file_content(file, entry.size));
    result_.content_bytes += entry.size;
    result_.allocated += (entry.size + disk_block - 1) / disk_block * disk_block;
    return set_attributes(entry, file);
}

Result<void> Unpacker::write_file_content(const Fd& file, std::int64_t size) {
    std::int64_t position = 0;
    while (true) {
        const auto piece = TRY(reader_.read_content());
        if (!piece) break;
        std::int64_t at = piece->offset;
        for (std::string_view bytes = piece->bytes; !bytes.empty();) {
            const Run run = next_run(bytes);
            if (!run.is_hole) {
                if (position != at && ::lseek(file.raw(), at, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
                TRY(sys::write_all(file, bytes.substr(0, run.length)), "write");
                position = at + static_cast<std::int64_t>(run.length);
            }
            at += static_cast<std::int64_t>(run.length);
            bytes.remove_prefix(run.length);
        }
    }
    if (position != size && ::ftruncate(file.raw(), size) != 0) return Error::of_errno(errno, "set size");
    return {};
}

Result<void> Unpacker::make_node(const TarEntry& entry, const Fd& parent, const std::string& name) {
    int failed = 0;
    mode_t kind = S_IFIFO;
    if (entry.type == TarType::symlink) {
        if (entry.link.empty()) return corrupt("a symbolic link to nothing");
        failed = ::symlinkat(entry.link.c_str(), parent.raw(), name.c_str());
    } else {
        if (entry.type != TarType::fifo) kind = entry.type == TarType::block_device ? S_IFBLK : S_IFCHR;
        const dev_t device = entry.type == TarType::fifo ? 0 : makedev(entry.device_major, entry.device_minor);
        // Overlay's whiteout: an image that brings one along hides files in a way that no whiteout of its own would show.
        if (kind == S_IFCHR && device == 0) return corrupt("a character device 0:0 is overlay's whiteout");
        failed = ::mknodat(parent.raw(), name.c_str(), kind | entry.mode, device);
        if (failed != 0 && errno == EPERM && kind != S_IFIFO) {
            result_.warnings.push_back(cat(entry.path, ": device left out, making it is not permitted here"));
            return {};
        }
    }
    if (failed != 0) return Error::of_errno(errno, "create");
    if (::fchownat(parent.raw(), name.c_str(), options_.uid.value_or(entry.uid), options_.gid.value_or(entry.gid), AT_SYMLINK_NOFOLLOW) != 0)
        return Error::of_errno(errno, "set owner");
    // Changing the owner took these away (chown(2)); a link has none.
    if (entry.type != TarType::symlink && (entry.mode & special_bits) != 0) TRY(set_mode_of_node(parent, name, entry.mode), "set mode");
    const timespec times[2] = {time_of(entry), time_of(entry)};
    if (::utimensat(parent.raw(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, "set time");
    return {};
}

Result<void> Unpacker::make_hard_link(const TarEntry& entry, const std::string& path, const Fd& parent, const std::string& name) {
    std::string target = TRY(clean_entry_path(entry.link), "link to '", entry.link, "'");
    if (options_.rename) {
        std::optional<std::string> renamed = options_.rename(target);
        if (!renamed) return corrupt(cat("link to '", entry.link, "', which is left out"));
        target = std::move(*renamed);
    }
    const auto missing = [&]() -> Result<void> {
        if (!is_layer()) return corrupt(cat("link to '", entry.link, "', which is not there"));
        result_.missing_links.push_back({path, target});
        return {};
    };
    if (target.empty()) return corrupt("a hard link to the root");
    if (is_layer() && split(target).name.starts_with(whiteout_prefix)) return corrupt(cat("link to '", entry.link, "'"));
    // The target's folder resolves inside the root as any other; its last name is taken as it is.
    Result<Root::Parent> from = root_.open_parent(target);
    if (!from.ok()) return from.error().code() == ENOENT || from.error().code() == ENOTDIR ? missing() : std::move(from).error();
    Result<struct stat> found = sys::fstatat(from.value().folder, from.value().name);
    if (!found.ok() && found.error().code() == ENOENT) return missing();
    const struct stat status = TRY(std::move(found));
    if (S_ISDIR(status.st_mode)) return corrupt(cat("a hard link to '", entry.link, "', which is a folder"));
    if (is_whiteout(status)) return missing();

    const auto link = [&](const Fd& where) {
        return ::linkat(from.value().folder.raw(), from.value().name.c_str(), where.raw(), name.c_str(), 0) == 0 ? 0 : errno;
    };
    int failure = link(parent);
    if (failure == EEXIST) {
        const struct stat there = TRY(sys::fstatat(parent, name));
        if (there.st_dev == status.st_dev && there.st_ino == status.st_ino) return {};
        TRY(clear_place(entry, parent, name));
        const Fd* again = TRY(parent_of(split(path).folder));
        failure = link(*again);
    }
    if (failure != 0) return Error::of_errno(failure, cat("link to '", entry.link, "'"));
    return {};
}

/// Owner, then attributes, then mode (changing the owner clears set-user-id and capabilities), then time.
Result<void> Unpacker::set_attributes(const TarEntry& entry, const Fd& file) {
    const uid_t uid = options_.uid.value_or(entry.uid);
    const gid_t gid = options_.gid.value_or(entry.gid);
    // New files have our ids, since no folder gets its set-group-id bit before the end; elsewhere that is not known.
    if (!is_layer() || uid != ::geteuid() || gid != ::getegid()) TRY(sys::fchown(file, uid, gid), "set owner");
    for (const auto& [name, value] : entry.xattrs) {
        if (!is_carried_xattr(name)) {
            result_.warnings.push_back(cat(entry.path, ": attribute ", name, " left out"));
            continue;
        }
        Result<void> written = write_xattr(file, name, value);
        // File systems without them, and user attributes where the kernel has none.
        if (!written.ok() && (written.error().code() == ENOTSUP || written.error().code() == EPERM))
            result_.warnings.push_back(cat(entry.path, ": ", written.error().text()));
        else TRY(std::move(written));
    }
    if (!is_layer() || (entry.mode & special_bits) != 0) TRY(sys::fchmod(file, entry.mode), "set mode");
    const timespec times[2] = {time_of(entry), time_of(entry)};
    if (::futimens(file.raw(), times) != 0) return Error::of_errno(errno, "set time");
    return {};
}

Result<void> Unpacker::set_folder_later(const TarEntry& entry, const std::string& path, const Fd& folder) {
    const struct stat status = TRY(sys::fstat(folder));
    result_.allocated += disk_block;
    described_.insert({status.st_dev, status.st_ino});
    LateFolder late{path, {status.st_dev, status.st_ino}, entry.mode, time_of(entry)};
    TarEntry early = entry;
    // Files are still to be made in it, by whoever we are.
    early.mode = (entry.mode & ~special_bits) | 0700;
    // One that was described before may have another's owner by now, and not ours as new ones do.
    const bool is_ours = status.st_uid == ::geteuid() && status.st_gid == ::getegid();
    if (!is_ours) TRY(sys::fchown(folder, options_.uid.value_or(entry.uid), options_.gid.value_or(entry.gid)), "set owner");
    TRY(set_attributes(early, folder));
    if (is_layer() && (status.st_mode & 07777) != early.mode) TRY(sys::fchmod(folder, early.mode), "set mode");
    const auto [at, is_new] = folder_index_.try_emplace(path, folders_.size());
    if (is_new) folders_.push_back(std::move(late));
    else folders_[at->second] = std::move(late);
    return {};
}

Result<void> Unpacker::finish_folders() {
    for (auto late = folders_.rbegin(); late != folders_.rend(); ++late) {
        Result<Fd> opened = root_.open_at(late->path.empty() ? "." : late->path, O_RDONLY | O_DIRECTORY);
        if (!opened.ok()) continue;  // Replaced by a later member.
        const Fd folder = std::move(opened).value();
        const struct stat status = TRY(sys::fstat(folder));
        if (Inode{status.st_dev, status.st_ino} != late->inode) continue;
        if ((status.st_mode & 07777) != late->mode) TRY(sys::fchmod(folder, late->mode), "'", late->path, "': set mode");
        const timespec times[2] = {late->mtime, late->mtime};
        if (::futimens(folder.raw(), times) != 0) return Error::of_errno(errno, cat("'", late->path, "': set time"));
    }
    return {};
}

/// The folder that an entry goes into, opened; made when the archive only implies it.
Result<const Fd*> Unpacker::parent_of(const std::string& folder) {
    for (auto at = parents_.begin(); at != parents_.end(); ++at)
        if (at->path == folder) {
            if (at != parents_.begin()) parents_.splice(parents_.begin(), parents_, at);
            return &parents_.front().folder;
        }
    Fd opened = TRY(ensure_folder(folder, 0), "folder '", folder, "'");
    if (parents_.size() == most_cached) parents_.pop_back();
    parents_.push_front({folder, std::move(opened)});
    return &parents_.front().folder;
}

Result<Fd> Unpacker::ensure_folder(const std::string& path, int links) {
    Result<Fd> opened = root_.open_at(path.empty() ? "." : path, O_PATH | O_DIRECTORY);
    if (opened.ok()) return opened;
    if (links > most_links) return corrupt("too many links");
    const int code = opened.error().code();
    if (code != ENOENT && code != ENOTDIR) return opened;
    return make_missing_folder(path, links);
}

Result<Fd> Unpacker::make_missing_folder(const std::string& path, int links) {
    const SplitPath where = split(path);
    const Fd parent = TRY(ensure_folder(where.folder, links + 1));
    Result<void> made = sys::mkdirat(parent, where.name, 0755);
    if (made.ok()) {
        implied_.insert(path);
        return sys::openat(parent, where.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    }
    if (made.error().code() != EEXIST) return std::move(made).error();
    const struct stat there = TRY(sys::fstatat(parent, where.name));
    if (S_ISLNK(there.st_mode)) {
        // A link to a folder that a layer below has: it is implied here, at the link's target.
        const std::string target = TRY(sys::readlinkat(parent, where.name));
        return ensure_folder(join_path(cat("/", where.folder), target).substr(1), links + 1);
    }
    if (is_layer() && is_whiteout(there)) {
        // Deleted and made again in one layer: a new folder that shows nothing of the old one.
        TRY(sys::unlinkat(parent, where.name));
        TRY(sys::mkdirat(parent, where.name, 0755));
        implied_.insert(path);
        TRY(take_opaque(path));
        return sys::openat(parent, where.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    }
    return corrupt("is not a folder");
}

/// New files get exactly the modes they are created with.
class NoUmask {
public:
    NoUmask() : old_(::umask(0)) {}
    ~NoUmask() { ::umask(old_); }
    NoUmask(const NoUmask&) = delete;
    NoUmask& operator=(const NoUmask&) = delete;

private:
    mode_t old_;
};

}  // namespace

Result<UnpackResult> unpack(ByteSource& archive, const Root& into, const UnpackOptions& options) {
    const NoUmask no_umask;
    TarReader reader(archive, options.recorder);
    return Unpacker(reader, into, options).run();
}

}  // namespace berth::image
