#pragma once
// What in an upper folder is a container's own: everything but the stubs on which its runs mount things.

#include <string>

#include "base/fd.h"
#include "container/record.h"

namespace berth::container {

/// True for `path` ("/etc/hosts") when a run of the container mounts something on it or above it, so that what the upper
/// folder holds there is an empty stub.
bool is_mounted_over(const Definition& definition, const std::string& path);
/// True when a stub lies directly in the folder `path`: making it changed the folder's time.
bool holds_stub(const Definition& definition, const std::string& path);
/// Takes those stubs out of a copy of the upper folder; folders keep their times.
Result<void> remove_stubs(const Definition& definition, const Fd& folder);

}  // namespace berth::container
