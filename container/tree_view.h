#pragma once
// TreeView: a container's file tree as its processes see it, volumes and binds included, reached by a descriptor and never
// by a path of the host. Of a running container it is the root of its init (/proc/PID/root); of any other it is built in a
// mount namespace that lives only as long as this object: an overlay of image and upper folder, with volumes and binds
// attached to descriptors of their targets. Nothing is ever mounted where another process could see it.

#include <optional>

#include "base/fd.h"
#include "base/file.h"
#include "base/root.h"
#include "container/record.h"

namespace berth::container {

class Engine;

class TreeView {
public:
    /// For cp: with all mounts, read-only where the container's are. Of a container that does not run it holds the run
    /// lock, so that none is started meanwhile: two overlays over one upper folder are undefined (kernel: overlayfs.rst).
    static Result<TreeView> open(Engine& engine, const Record& record);
    /// For export: image and upper folder alone, read-only, running or not.
    static Result<TreeView> open_without_mounts(Engine& engine, const Record& record);

    const Root& root() const { return root_; }

private:
    explicit TreeView(Root root) : root_(std::move(root)) {}
    static Result<TreeView> of_running(const Record& record);
    static Result<TreeView> of_stopped(Engine& engine, const Record& record, DirLock run_lock);

    Root root_;
    Fd keeper_;  ///< the mount namespace of a built view
    std::optional<DirLock> run_lock_;
};

}  // namespace berth::container
