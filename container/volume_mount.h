#pragma once
// Volumes that are a file system of their own: `volume create -o type=nfs -o device=:/export -o o=addr=192.168.1.1,rw`. It is
// mounted by each start of a container, detached, and so goes when the last container that uses it ends; a tmpfs is fresh
// for each. What mount(8) takes as -t, its device and -o are the options type, device and o.

#include "base/fd.h"
#include "container/volumes.h"

namespace berth::container {

/// Neither a plain folder nor a bind of another one.
bool has_file_system(const Volume& volume);
/// type=none,o=bind: the volume is the folder `device` of the host.
bool is_bind_volume(const Volume& volume);

/// The mounted tree. The kernel's own words when it refuses.
Result<Fd> mount_volume(const Volume& volume);

}  // namespace berth::container
