#pragma once
// Digests of the files of a build context, remembered between builds by what stat(2) says of them: an unchanged file is
// never read again. A file counts as unchanged when device, inode, size, mtime and ctime are the same; one whose ctime lay
// within a clock tick of its reading is read again next time, since a later write may have left no trace (the racy-git rule).

#include <cstdint>
#include <string>
#include <unordered_map>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/root.h"

namespace berth::builder {

class FileDigests {
public:
    /// Remembers nothing: for stages and images.
    FileDigests() = default;
    /// Remembers in `file` of `folder` (host paths made by the builder). A file that does not fit is taken as empty.
    static FileDigests load(std::string folder, std::string file);

    /// Of a regular file's content and its xattrs that copying keeps.
    Result<std::string> digest_of(const Root& root, const std::string& path, const struct stat& status);
    /// Writes back what was asked for in this build, when anything is new.
    Result<void> store() const;

private:
    struct Key {
        std::uint64_t device, inode;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const { return key.inode * 0x9E3779B97F4A7C15u ^ key.device; }
    };
    struct Known {
        std::int64_t size = 0, changed = 0, modified = 0;  ///< bytes, ctime and mtime in nanoseconds
        std::string digest;
        bool is_used = false;
    };
    std::string folder_, file_;
    std::unordered_map<Key, Known, KeyHash> known_;
    bool is_changed_ = false;
};

/// The names of a file's xattrs that a copy keeps, sorted: not overlay's own and not the host's security labels.
std::vector<std::string> kept_xattrs(const Fd& file);

}  // namespace berth::builder
