#pragma once
// Regular files into the upper folder of a layer, several at a time: making ten thousand small ones keeps a processor busy in
// the kernel for half a second.

#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/root.h"
#include "builder/attributes.h"

namespace berth::builder {

struct FileCopy {
    const Root* tree;    ///< the source's; it and the links on the way are the caller's to have checked
    std::string source;  ///< in `tree`
    struct stat status;  ///< of the source when it was chosen; one that differs by now is an error (Kind::busy)
    std::string path;    ///< in the upper folder; the folder above stands there
    Owner owner;
    mode_t mode;
};

/// Writes files below one upper folder. For one thread.
class FileCopier {
public:
    explicit FileCopier(const Root& upper) : upper_(upper) {}

    /// Content, xattrs, owner, mode and time; what stood at the path goes.
    Result<void> copy(const FileCopy& file);
    /// A new empty file 0600, for writing; what stood at the path goes. Kind::exists when that is a folder.
    Result<Fd> create(const std::string& path);
    /// Takes away what stands at the path, if it is no folder.
    Result<void> clear(const std::string& path);
    /// The folder above the path, open; valid until the next call.
    Result<const Fd*> folder_above(const std::string& path);

private:
    Result<void> copy_content(const Fd& from, const Fd& to, std::int64_t size);

    const Root& upper_;
    std::string open_path_;        ///< the folder opened last, since files of one folder come together
    Fd open_folder_;
    Owner born_owner_;             ///< of what is made in that folder, before any chown
    bool can_share_blocks_ = true; ///< until the file system refuses (FICLONE)
    std::string buffer_;
};

/// All of them, by as many threads as there are processors (four at most); each ends before this returns, so the caller may clone
/// afterwards. The error is that of the first file that failed, in the order given.
Result<void> copy_files(const Root& upper, const std::vector<FileCopy>& files);

/// Xattrs that copying keeps (kept_xattrs). A file system that cannot keep one makes no copy fail (BuildKit: the same).
void copy_xattrs(const Fd& from, const Fd& to);

}  // namespace berth::builder
