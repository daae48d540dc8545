#pragma once
// `volume export` and `volume import`: the content of a volume as a tar.

#include "base/fd.h"
#include "base/result.h"
#include "container/volumes.h"

namespace berth::container {

/// A plain tar of everything in the volume, names without "./" in front.
Result<void> export_volume(const Volume& volume, const Fd& to);
/// A tar, plain or compressed, over what is there: folders merge, files are replaced. Links in the volume lead nowhere but
/// into it.
Result<void> import_volume(const Volume& volume, const Fd& from);

}  // namespace berth::container
