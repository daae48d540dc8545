#pragma once
// The two ends of a cp: how a path as typed is looked up inside a root, and what follows from what stands there. The rules
// are docker's (moby pkg/archive copy.go); both sides, the host's and the container's, go through the same code, the
// host's with "/" as its root.

#include <string>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/root.h"

namespace berth::container {

/// What a path leads to: the folder that holds its last component, that component, and the thing itself if it is there.
struct CopyEnd {
    Fd folder;          ///< O_PATH; of the root itself: the root
    std::string name;   ///< in `folder`; "." for a folder that was reached by "/", "." or ".."
    std::string title;  ///< the name it keeps when it is copied into a folder: as typed, links not followed
    Fd item;            ///< O_PATH; invalid when absent
    struct stat status {};
    bool exists() const { return item.valid(); }
    bool is_folder() const { return exists() && S_ISDIR(status.st_mode); }
    bool contents_only = false;   ///< typed with "/." at its end, or the root
    bool asserts_folder = false;  ///< typed with "/" or "/." at its end
};

enum class LastLink { follow, keep };
/// Never leaves `root`. ENOENT when a folder on the way is missing, ENOTDIR when it is none or a slash ends a file's name;
/// an absent last component is no error.
Result<CopyEnd> look_up_end(const Root& root, const std::string& path, LastLink last);

/// What is to be done, given what there is.
enum class CopyAction {
    into_folder,    ///< put the source under its own name into the folder
    into_contents,  ///< merge the source folder's contents into the folder
    as_name,        ///< make (or replace) the destination itself
};
struct CopyFacts {
    bool source_is_folder = false;
    bool contents_only = false;
    bool target_exists = false;
    bool target_is_folder = false;
    bool target_asserts_folder = false;
};
/// Pure; the error is docker's: "cannot copy directory", "no such directory", "not a directory".
Result<CopyAction> plan_copy(const CopyFacts& facts);

}  // namespace berth::container
