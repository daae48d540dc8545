#pragma once
// For a client that is attached while the container's monitor is killed: the container goes on, and so shall its client.

#include <optional>

#include "container/engine.h"

namespace berth::container {

struct Reattached {
    std::optional<Attachment> attachment;  ///< nothing when the container has ended
    int exit_code = 0;                     ///< then
};
/// Has another monitor take over, if nobody did yet, and attaches to it; what the container wrote meanwhile comes with that.
/// `init`: of the attachment that broke. Kind::not_found when the container was removed with its end.
Result<Reattached> attach_again(Engine& engine, const std::string& id, const AttachOptions& options, const Fd& init);

}  // namespace berth::container
