#pragma once
// Applying an archive to a folder. Nothing leaves the folder: parents resolve inside it (openat2), what is made is made
// through the parent's descriptor, names with ".." are refused, and owners, modes and times are set on descriptors.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/root.h"
#include "image/stream.h"
#include "image/tar_reader.h"

namespace berth::image {

/// Sees the archive's bytes and where their content went: what a recipe is made of (recipe.h).
struct UnpackRecorder : TarReader::Observer {
    /// `name` was created in `parent`; content that follows is its.
    virtual Result<void> file(const Fd& parent, const std::string& name) = 0;
    /// `name` in `parent` is replaced by a later member: take it away, its content may be needed.
    virtual Result<void> displace(const Fd& parent, const std::string& name) = 0;
};

struct UnpackOptions {
    /// layer: ".wh." entries become overlay whiteouts, and what a layer may not hold is refused. plain (ADD, cp, import of a
    /// root file system that is no diff): every name is only a name.
    enum class Form { layer, plain } form = Form::plain;
    /// plain only: what stands where an entry goes. replace: as tar does, folders merge. refuse_type_change: a folder over
    /// anything else, or anything else over a folder, is Kind::exists (docker cp: "cannot overwrite directory …").
    enum class Existing { replace, refuse_type_change } existing = Existing::replace;
    std::optional<uid_t> uid;  ///< owner of everything, instead of the archive's
    std::optional<gid_t> gid;
    /// Maps an entry's cleaned path ("" for the root folder itself) to where it goes; nothing leaves it out. Absent: as it is.
    std::function<std::optional<std::string>(const std::string& path)> rename;
    std::int64_t most_bytes = 1ll << 42;    ///< of content; more is refused
    std::int64_t most_entries = 4'000'000;
    /// Keep fractions of seconds in mtimes (cp does, layers do not).
    bool keep_nanoseconds = false;
    /// Refuse an archive that ends without its end mark: nothing else tells that it was cut off between two members.
    bool needs_end_mark = false;
    UnpackRecorder* recorder = nullptr;
};

struct UnpackResult {
    std::int64_t content_bytes = 0;  ///< docker's "size" of a layer: the sum of its files' sizes
    std::int64_t allocated = 0;      ///< about what it takes on disk
    std::int64_t entries = 0;
    /// Folders that the archive implied but did not describe: made 0755 root. A layer takes their attributes from the
    /// layers below (ingest.h).
    std::vector<std::string> implied_folders;
    /// Hard links whose target is not in this archive, and so must be in a layer below.
    struct MissingLink {
        std::string path;
        std::string target;
    };
    std::vector<MissingLink> missing_links;
    std::vector<std::string> warnings;  ///< attributes left out (forged overlay xattrs, sockets)
};

/// Unpacks the whole stream. On failure the folder holds a part: unpack into staging, or say so.
Result<UnpackResult> unpack(ByteSource& archive, const Root& into, const UnpackOptions& options);

}  // namespace berth::image
