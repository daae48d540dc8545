#pragma once
// Detached overlay mounts: layers and an upper folder as one tree, reachable only through the descriptor, so that nothing
// is ever mounted on the host and closing is the whole undo (fsmount(2)). Options are those under which an upper folder is
// exactly the difference, and a forged xattr in a layer means nothing: redirect_dir=nofollow, metacopy=off, index=off,
// xino=off.

#include <string>
#include <vector>

#include "base/fd.h"

namespace berth::image {

struct OverlayRequest {
    std::vector<std::string> lowers;  ///< host paths, top layer first (Store::layer_folders)
    std::string upper;                ///< "" for a read-only view
    std::string work;                 ///< same file system as upper, empty; "" for a read-only view
    /// Data of the upper folder need not survive a crash: build steps that are thrown away when they fail.
    bool is_volatile = false;
    std::string source = "overlay";  ///< what /proc/mounts shows
};
/// The tree, detached: attach it with move_mount(2), or work below it by descriptor.
Result<Fd> mount_overlay(const OverlayRequest& request);

}  // namespace berth::image
