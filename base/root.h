#pragma once
// Root: a folder that somebody else filled (a root file system, a volume, a build context) and the only way to reach
// what is below it. Every path resolves inside it: `..` and absolute links stop at its top, magic links are refused
// (openat2(2), RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS). What comes back is a descriptor; use that, never the path again.

#include <string>

#include "base/fd.h"
#include "base/sys.h"

namespace berth {

class Root {
public:
    /// `path` is the host's; it must be a folder.
    static Result<Root> open(const std::string& path);
    /// Takes a descriptor of a folder (O_PATH will do).
    static Result<Root> of(Fd folder);

    /// Opens `path` (relative or absolute, both mean "below the root"). Links are followed inside the root, unless
    /// O_NOFOLLOW stands in `flags`, which concerns the last component only.
    Result<Fd> open_at(const std::string& path, int flags, mode_t mode = 0) const;
    /// As open_at, but refuses any link on the way and any way out (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS).
    Result<Fd> open_beneath(const std::string& path, int flags, mode_t mode = 0) const;
    /// The folder that holds the last component of `path`, and that component. "" for the root itself.
    struct Parent {
        Fd folder;
        std::string name;
    };
    Result<Parent> open_parent(const std::string& path) const;
    /// Makes the folder `path` and those above it that are missing (`mode` & ~umask, owner as given), following links
    /// inside the root as open_at does. Returns it opened O_PATH.
    Result<Fd> make_folders(const std::string& path, mode_t mode, uid_t uid = 0, gid_t gid = 0) const;
    /// The text of a regular file, at most `limit` bytes; refuses anything that is not a regular file, so that a FIFO or
    /// a device planted there cannot make the reader wait.
    Result<std::string> read_file(const std::string& path, std::size_t limit) const;

    const Fd& fd() const { return folder_; }

private:
    explicit Root(Fd folder) : folder_(std::move(folder)) {}
    Fd folder_;
};

/// `path` without doubled slashes, `.` and `..` components, as Go's path.Clean: "/" stays, "" becomes ".".
std::string clean_path(std::string_view path);
/// clean_path of base joined with path; an absolute `path` replaces base.
std::string join_path(std::string_view base, std::string_view path);

}  // namespace berth
