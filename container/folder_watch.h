#pragma once
// Waits for any change in a folder: how followers of logs and events sleep while nothing happens (inotify(7)).

#include "base/fd.h"

namespace berth::container {

class FolderWatch {
public:
    static Result<FolderWatch> open(const Fd& folder);
    /// Returns after a change, or after that time (-1: no limit).
    void wait(int milliseconds) const;

private:
    explicit FolderWatch(Fd watch) : watch_(std::move(watch)) {}
    Fd watch_;
};

}  // namespace berth::container
