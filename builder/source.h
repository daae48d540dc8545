#pragma once
// What COPY and ADD read: a tree (build context, stage or image) and the entries that an instruction selects from it. The
// tree belongs to a user or to an image, so every path resolves inside it (base/root.h).

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/root.h"
#include "builder/ignore.h"

namespace berth::builder {

/// A file or folder to copy, found by a walk in lexical order, folders before what is in them.
struct SourceEntry {
    std::string path;          ///< below the selected source; "" is the source itself
    struct stat status {};
    std::string link;          ///< target of a symbolic link
    bool is_implied = false;   ///< a folder that only stands there because something below it was selected
};

/// One source as the instruction named it, wildcards resolved.
struct Selection {
    std::string root;          ///< where it lies in the tree, links resolved; "" is the top
    std::string name;          ///< last component as it was selected: what the copy is called in a folder
    std::vector<SourceEntry> entries;
    bool is_folder() const { return !entries.empty() && entries.front().path.empty() && S_ISDIR(entries.front().status.st_mode); }
};

struct SourceTree {
    const Root& root;
    const IgnoreMatcher* ignored = nullptr;  ///< .dockerignore; null for stages and images
    std::string description;                 ///< "the build context", "stage 'build'"
};

struct SelectRequest {
    std::string source;  ///< as in the file, expanded
    bool parents = false;
    const IgnoreMatcher* excluded = nullptr;  ///< --exclude, relative to the source
};
/// Kind::not_found: nothing there, with the reason when .dockerignore hides it. A wildcard that matches nothing selects
/// nothing. With `parents` the entries keep their path below the pivot `/./`.
Result<std::vector<Selection>> select_source(const SourceTree& tree, const SelectRequest& request);

/// `path` with every link on the way followed inside the tree, the last one too; absolute without the leading slash.
/// Nothing when a component is missing.
Result<std::optional<std::string>> resolve_in_tree(const Root& root, std::string_view path);

}  // namespace berth::builder
