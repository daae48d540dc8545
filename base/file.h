#pragma once
// Whole files and folders: read, replace without a torn state, list, remove, lock.

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/sys.h"

namespace berth {

/// How far a write must have come before it counts: `boot` survives any crash of a process, `disk` a power cut too.
enum class Durability { boot, disk };

/// Everything from the descriptor's position on; more than `limit` bytes is an error of Kind::invalid.
Result<std::string> read_all(const Fd& from, std::size_t limit);
/// Copies up to `wanted` bytes in the kernel, at the positions of both files; 0 at the end.
Result<std::size_t> copy_piece(const Fd& from, const Fd& to, std::size_t wanted);
/// The whole file `name` in `folder`, at most `limit` bytes.
Result<std::string> read_file(const Fd& folder, const std::string& name, std::size_t limit = 64u << 20);
Result<std::string> read_file(const std::string& path, std::size_t limit = 64u << 20);

/// Gives `name` the new text in one step: readers see the old text or the new, never a part (rename(2)).
/// The caller holds the folder's lock, so one temporary name is enough. With Durability::disk both text and name are
/// flushed before it returns.
Result<void> replace_file(const Fd& folder, const std::string& name, std::string_view text, mode_t mode,
                          Durability durability);

/// Names in the folder, sorted bytewise, without "." and "..".
Result<std::vector<std::string>> list_folder(const Fd& folder);
/// The same with what readdir(3) tells of each: DT_REG, DT_DIR, …, or DT_UNKNOWN where the file system does not say.
struct FolderMember {
    std::string name;
    unsigned char type;
};
Result<std::vector<FolderMember>> list_members(const Fd& folder);
/// Removes `name` below `folder` with all that is in it, at any depth, through descriptors and without following links.
/// A mount point, there or below, is refused with Kind::busy. Absent is success.
Result<void> remove_tree(const Fd& folder, const std::string& name);
/// mkdir -p for the host's own paths. Folders that are there keep their mode.
Result<void> make_host_folders(const std::string& path, mode_t mode);

enum class LockMode { shared, exclusive };
/// flock(2) on a folder or a lock file. Released when the object goes; also when its process dies.
class DirLock {
public:
    /// Waits for the lock.
    static Result<DirLock> wait(Fd file, LockMode mode);
    /// Kind::busy when somebody else holds it.
    static Result<DirLock> try_now(Fd file, LockMode mode);
    /// Opens (creating 0600) and locks `name` in `folder`. Lock files are never unlinked.
    static Result<DirLock> wait_at(const Fd& folder, const std::string& name, LockMode mode);
    static Result<DirLock> try_at(const Fd& folder, const std::string& name, LockMode mode);

    const Fd& fd() const { return file_; }
    /// Hands the locked descriptor on, e.g. to be inherited by the monitor.
    Fd release() && { return std::move(file_); }

private:
    explicit DirLock(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

}  // namespace berth
