#include "builder/layer_writer.h"

#include <cerrno>
#include <deque>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr int most_links = 255;
/// Files that wait to be copied take memory.
constexpr std::size_t most_put_off = 1 << 14;

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

Result<void> LayerWriter::prepare(const std::string& path) {
    const std::string parent(parent_of(path));
    if (ready_.count(parent) == 0) TRY(make_folder(parent));
    if (is_new(parent)) return {};
    const auto status = TRY(look_in(*below_, path));
    if (status && S_ISDIR(status->st_mode)) return Error(Kind::exists, cat("cannot copy a file over the directory /", path));
    return {};
}

Owner LayerWriter::owner_of(const Entry& entry) const {
    if (attributes_.owner) return *attributes_.owner;
    return entry.keeps_owner ? Owner{entry.status.st_uid, entry.status.st_gid} : Owner{};
}

mode_t LayerWriter::mode_of(const Entry& entry) const {
    const mode_t mode = entry.status.st_mode & 07777;
    return attributes_.mode != nullptr ? attributes_.mode->apply(mode, S_ISDIR(entry.status.st_mode)) : mode;
}

Result<void> LayerWriter::put_folder(const Entry& entry, const std::string& path) {
    const auto status = TRY(look(path));
    if (status && !S_ISDIR(status->st_mode) && below_ != nullptr)
        return Error(Kind::exists, cat("cannot copy a directory over /", path, ", which is none"));
    const Fd folder = TRY(make_folder(path));
    const Owner owner = owner_of(entry);
    TRY(sys::fchown(folder, owner.uid, owner.gid), "/", path);
    TRY(sys::fchmod(folder, mode_of(entry)), "/", path);
    const Fd source = TRY(entry.tree.open_beneath(entry.source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    copy_xattrs(source, folder);
    times_[path] = entry.status.st_mtim;
    return {};
}

Result<void> LayerWriter::put_regular(const Entry& entry, const std::string& path) {
    FileCopy file{&entry.tree, entry.source, entry.status, path, owner_of(entry), mode_of(entry)};
    if (entry.status.st_nlink == 1) {
        put_off_.push_back(std::move(file));
        return put_off_.size() < most_put_off ? Result<void>() : flush();
    }
    const auto [first, is_first] = links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, path);
    if (is_first) return copier_.copy(file);
    TRY(copier_.clear(path));
    const Fd folder = TRY(upper_.open_beneath(std::string(parent_of(first->second)), O_PATH | O_DIRECTORY));
    const Fd* target = TRY(copier_.folder_above(path));
    if (::linkat(folder.raw(), name_of(first->second).c_str(), target->raw(), name_of(path).c_str(), 0) == 0) return {};
    return Error::of_errno(errno, "link");
}

Result<void> LayerWriter::put_link_or_device(const Entry& entry, const std::string& path) {
    TRY(copier_.clear(path));
    const Fd* folder = TRY(copier_.folder_above(path));
    const std::string name = name_of(path);
    const Owner owner = owner_of(entry);
    if (S_ISLNK(entry.status.st_mode)) {
        TRY(sys::symlinkat(entry.link, *folder, name));
    } else {
        // 0:0 is overlay's whiteout: written here it would delete instead of being copied.
        if (S_ISCHR(entry.status.st_mode) && entry.status.st_rdev == 0) return Error(Kind::unsupported, "a device 0:0 cannot be copied");
        if (::mknodat(folder->raw(), name.c_str(), entry.status.st_mode & (S_IFMT | 0700), entry.status.st_rdev) != 0)
            return Error::of_errno(errno, "make");
    }
    if (::fchownat(folder->raw(), name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, "chown");
    if (!S_ISLNK(entry.status.st_mode) && ::fchmodat(folder->raw(), name.c_str(), mode_of(entry), 0) != 0) return Error::of_errno(errno, "chmod");
    const struct timespec times[2] = {entry.status.st_mtim, entry.status.st_mtim};
    if (::utimensat(folder->raw(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Error::of_errno(errno, "set time");
    return {};
}

Result<void> LayerWriter::put_other(const Entry& entry, const std::string& path) {
    TRY(prepare(path));
    if (S_ISREG(entry.status.st_mode)) TRY(put_regular(entry, path), "/", path);
    else TRY(put_link_or_device(entry, path), "/", path);
    return {};
}

Result<void> LayerWriter::put_text(std::string_view text, const std::string& path, mode_t mode) {
    TRY(prepare(path));
    const Fd to = TRY(copier_.create(path), "/", path);
    TRY(sys::write_all(to, text), "/", path);
    const Owner owner = attributes_.owner.value_or(Owner{});
    TRY(sys::fchown(to, owner.uid, owner.gid));
    return sys::fchmod(to, attributes_.mode != nullptr ? attributes_.mode->apply(mode, false) : mode);
}

Result<void> LayerWriter::flush() {
    TRY(copy_files(upper_, put_off_));
    put_off_.clear();
    return {};
}

Result<void> LayerWriter::end_source() {
    links_.clear();
    return flush();
}

Result<void> LayerWriter::finish() {
    TRY(flush());
    for (const auto& [path, time] : times_) {
        const Fd folder = TRY(upper_.open_beneath(path, O_RDONLY | O_DIRECTORY));
        const struct timespec times[2] = {time, time};
        if (::futimens(folder.raw(), times) != 0) return Error::of_errno(errno, cat("set time of /", path));
    }
    return {};
}

}  // namespace berth::builder
