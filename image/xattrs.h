#pragma once
// Extended attributes of files in layers: which ones an image may carry, and overlay's own marks.

#include <map>
#include <string>

#include "base/fd.h"

namespace berth::image {

using Xattrs = std::map<std::string, std::string>;

/// Capabilities, POSIX ACLs and the user's own; not overlay's (whose forgery redirects look-ups), not those of a security
/// module or of the host's kernel (facts: "xattr keys").
bool is_carried_xattr(std::string_view name);

/// All of an open file's attributes that layers carry. `is_opaque` and `is_redirected` tell of overlay's marks.
struct FileXattrs {
    Xattrs carried;
    bool is_opaque = false;
    bool is_redirected = false;
};
Result<FileXattrs> read_xattrs(const Fd& file);
Result<void> write_xattr(const Fd& file, const std::string& name, std::string_view value);
/// overlay: hides what the folders below have under this name (trusted.overlay.opaque, user.overlay.opaque without root).
Result<void> mark_opaque(const Fd& folder);

}  // namespace berth::image
