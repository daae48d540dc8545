#pragma once
// TreeView: a container's file tree as its processes see it, volumes and binds included, reached by a descriptor and never
// by a path of the host. Of a running container it is the root of its init (/proc/PID/root); of any other it is built
// in a mount namespace that exists only as long as this object: an overlay of the image and the upper folder, with volumes
// and binds attached to descriptors of their targets. Nothing is ever mounted where another process could see it.

#include <string>

#include "base/fd.h"
#include "base/root.h"
#include "container/record.h"

namespace berth::container {

class Engine;

class TreeView {
public:
    /// `purpose` decides what a view of a stopped container holds: all mounts (cp), or image and upper alone (export).
    enum class Purpose { with_mounts, without_mounts };
    static Result<TreeView> open(Engine& engine, const Record& record, Purpose purpose);

    const Root& root() const { return root_; }

private:
    TreeView(Root root, Fd keeper) : root_(std::move(root)), keeper_(std::move(keeper)) {}
    Root root_;
    Fd keeper_;  ///< The mount namespace of a built view, or the pidfd of init.
};

}  // namespace berth::container
