#pragma once
// Copies files between two trees of which either may belong to a container that changes it meanwhile. Every step goes from
// an open folder to one name in it, follows no link and keeps what it opened, so a folder that is swapped for a link
// leads to an error, never to another tree. Owners, modes, times, attributes, holes and hard links are kept.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/result.h"

namespace berth::container {

struct Inode {
    dev_t device = 0;
    ino_t number = 0;
    auto operator<=>(const Inode&) const = default;
};

struct TreeCopyOptions {
    /// keep: the source's numbers; caller: whoever runs this; given: `uid` and `gid`.
    enum class Owners { keep, caller, given } owners = Owners::keep;
    uid_t uid = 0;
    gid_t gid = 0;
    /// Device nodes lose what others may do with them: those of a container must not open the host's disks to its users.
    bool devices_for_owner_only = false;
    std::set<Inode> closed_folders;  ///< copied as empty folders
    std::function<void(std::uint64_t bytes)> progress;
};

class TreeCopier {
public:
    explicit TreeCopier(TreeCopyOptions options) : options_(std::move(options)) {}

    /// The file, link or folder (with all below) that `item` is open on (O_PATH), as `name` in `to`. What is there is
    /// replaced, or merged when both are folders; a folder and anything else do not replace each other.
    Result<void> copy_item(const Fd& item, const Fd& to, const std::string& name);
    /// Everything in a folder into another that is there.
    Result<void> copy_contents(const Fd& folder, const Fd& to);

    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t entries() const { return entries_; }

private:
    /// Where something goes: a name in an open folder, and its path below the top for links and messages.
    struct Target {
        const Fd& folder;
        std::string name;
        std::string path;
    };
    Result<void> copy_any(const Fd& item, const Target& to);
    Result<void> copy_folder(const Fd& item, const struct stat& status, const Target& to);
    Result<void> copy_members(const Fd& folder, const Fd& to, const std::string& path);
    Result<void> copy_file(const Fd& item, const struct stat& status, const Target& to);
    Result<void> overwrite_file(const Fd& source, const struct stat& status, const Target& to);
    Result<void> copy_node(const Fd& item, const struct stat& status, const Target& to);
    Result<void> close_to_itself(const Fd& target);
    Result<bool> link_again(const struct stat& status, const Target& to);
    Result<void> copy_data(const Fd& from, const Fd& to);
    Result<void> copy_attributes(const Fd& from, const Fd& to, const struct stat& status) const;
    std::pair<uid_t, gid_t> owner_of(const struct stat& status) const;
    void count(std::uint64_t more);

    TreeCopyOptions options_;
    std::uint64_t bytes_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t reported_ = 0;
    const Fd* top_ = nullptr;
    struct Copy {
        std::string path;
        Inode inode;
    };
    std::map<Inode, Copy> copies_;  ///< of sources with several names
};

/// True for /proc, /sys and their like: files there are the kernel's answers, not files.
bool is_kernel_file_system(const Fd& file);

}  // namespace berth::container
