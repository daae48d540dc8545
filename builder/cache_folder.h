#pragma once
// --cache-to and --cache-from type=local: results of steps as an OCI layout in a folder, to be carried to another machine.
// Its one manifest has the layers; its configuration says which step each is the result of. Layers are read when a step asks
// for them, not before.

#include <string>
#include <vector>

#include "builder/step_cache.h"

namespace berth::builder {

/// Writes the steps of these keys. Blobs of an older export that are still needed stay, others go.
Result<void> export_cache(const Session& session, const std::string& folder, const std::vector<std::string>& keys);

/// What a folder offers, by the steps' keys. A folder that is not there offers nothing: the first build of a series has none.
Result<std::map<std::string, ImportedStep>> open_cache_folder(const std::string& folder);

/// The blob of a layer in such a folder.
std::string cache_blob(const std::string& folder, std::string_view hex);

}  // namespace berth::builder
