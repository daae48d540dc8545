#include "base/root.h"

#include <cerrno>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

namespace berth {

namespace {

constexpr unsigned long long in_root = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

std::string_view without_trailing_slashes(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    return path;
}

std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (!part.empty() && part != ".") parts.push_back(part);
        path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
    }
    return parts;
}

}  // namespace

Result<Root> Root::open(const std::string& path) {
    Fd folder = TRY(sys::open(path, O_PATH | O_DIRECTORY));
    return Root(std::move(folder));
}

Result<Root> Root::of(Fd folder) {
    const struct stat status = TRY(sys::fstat(folder));
    if (!S_ISDIR(status.st_mode)) return Error::of_errno(ENOTDIR, "root");
    return Root(std::move(folder));
}

Result<Fd> Root::open_at(const std::string& path, int flags, mode_t mode) const {
    return sys::openat2(folder_, path.empty() ? "." : path, flags, mode, in_root);
}

Result<Fd> Root::open_beneath(const std::string& path, int flags, mode_t mode) const {
    std::size_t start = path.find_first_not_of('/');
    const std::string relative = start == std::string::npos ? "." : path.substr(start);
    return sys::openat2(folder_, relative, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Result<Root::Parent> Root::open_parent(const std::string& path) const {
    const std::string_view trimmed = without_trailing_slashes(path);
    const std::size_t slash = trimmed.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? trimmed : trimmed.substr(slash + 1);
    if (name == "." || name == "..") return Error::of_errno(EINVAL, path);
    const std::string above(slash == std::string_view::npos ? "." : trimmed.substr(0, slash + 1));
    Fd folder = TRY(open_at(above, O_PATH | O_DIRECTORY));
    return Parent{std::move(folder), std::string(name)};
}

Result<Fd> Root::make_folders(const std::string& path, mode_t mode, uid_t uid, gid_t gid) const {
    std::string so_far = ".";
    Fd folder = TRY(open_at(so_far, O_PATH | O_DIRECTORY));
    for (const std::string_view part : components(path)) {
        so_far = cat(so_far, "/", part);
        auto next = open_at(so_far, O_PATH | O_DIRECTORY);
        if (!next.ok() && next.error().code() == ENOENT) {
            // A link whose target is missing exists as a name: mkdirat says EEXIST, and the open below ENOENT.
            if (auto made = sys::mkdirat(folder, std::string(part), mode); made.ok()) {
                if (::fchownat(folder.raw(), std::string(part).c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
                    return Error::of_errno(errno, so_far);
            } else if (made.error().code() != EEXIST) {
                return std::move(made).error();
            }
            next = open_at(so_far, O_PATH | O_DIRECTORY);
        }
        folder = TRY(std::move(next));
    }
    return folder;
}

Result<std::string> Root::read_file(const std::string& path, std::size_t limit) const {
    Fd file = TRY(open_at(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    const struct stat status = TRY(sys::fstat(file));
    if (!S_ISREG(status.st_mode)) return Error(Kind::invalid, cat(path, ": not a regular file"));
    return read_all(file, limit);
}

std::string clean_path(std::string_view path) {
    const bool absolute = path.starts_with('/');
    std::vector<std::string_view> kept;
    for (const std::string_view part : components(path)) {
        if (part != "..") {
            kept.push_back(part);
        } else if (!kept.empty() && kept.back() != "..") {
            kept.pop_back();
        } else if (!absolute) {
            kept.push_back(part);
        }
    }
    std::string out = absolute ? "/" : "";
    for (const std::string_view part : kept) out += cat(out.empty() || out == "/" ? "" : "/", part);
    return out.empty() ? "." : out;
}

std::string join_path(std::string_view base, std::string_view path) {
    return clean_path(path.starts_with('/') || base.empty() ? std::string(path) : cat(base, "/", path));
}

}  // namespace berth
