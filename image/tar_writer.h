#pragma once
// The deterministic writer: the same tree gives the same bytes, whoever writes it and when. ustar where all fits, else one
// PAX header with only the records that are needed, sorted; no names of users, no times but whole-second mtimes.

#include <functional>
#include <vector>

#include "base/fd.h"
#include "image/stream.h"
#include "image/tar_entry.h"

namespace berth::image {

class TarWriter {
public:
    explicit TarWriter(ByteSink& sink) : sink_(sink) {}
    /// Header of the entry; a file's `size` bytes follow through write_content, in any number of pieces.
    Result<void> add(const TarEntry& entry);
    Result<void> write_content(std::string_view bytes);
    /// A whole small file.
    Result<void> add_file(const TarEntry& entry, std::string_view content);
    /// Two blocks of zeros.
    Result<void> finish();

private:
    Result<void> pad();
    ByteSink& sink_;
    std::int64_t left_ = 0;
    std::int64_t padding_ = 0;
};

/// What write_tree makes of a folder.
struct TreeOptions {
    /// layer: overlay's whiteouts (character device 0:0) and opaque folders become ".wh." entries. plain: a merged tree or
    /// any folder; such devices are an error nobody should see.
    enum class Form { layer, plain } form = Form::plain;
    /// In front of every path: "" for layers and export, "dir1/" for `cp C:/src/dir1 -`.
    std::string prefix;
    /// The root folder as an entry of its own: never, always (named by prefix, or "./"), or when a layer's root differs
    /// from 0755 root (a layer may change the mode of "/").
    enum class RootEntry { never, always, when_changed } root_entry = RootEntry::never;
    /// What is mounted below the folder is written too (cp, whose tree has volumes in it); else only its empty folder.
    bool crosses_mounts = false;
    /// Entries (paths below the folder, without prefix) that are left out with all below them.
    std::function<bool(const std::string& path)> is_left_out;
    /// Changes an entry just before it is written (owners, times).
    std::function<void(TarEntry& entry)> edit;
};
/// All of `folder`, children sorted by bytes, parents first, later names of a hard link as links to the first. Crosses no
/// mount, follows no link. A file that becomes shorter while it is read is an error of Kind::busy in a layer, and filled up
/// with zeros elsewhere.
Result<void> write_tree(const Fd& folder, TarWriter& writer, const TreeOptions& options);
/// One file, link or folder `name` of `folder` with all below it, under options.prefix as its whole path.
Result<void> write_one(const Fd& folder, const std::string& name, TarWriter& writer, const TreeOptions& options);

}  // namespace berth::image
