#pragma once
// Images from and to files: import of a root file system, save and load in docker's and OCI's forms. Compression is
// recognised by content (gzip and zstd here; xz, bzip2, zip, cpio through berth-unpack).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/store.h"
#include "image/stream.h"

namespace berth::image {

/// A plain tar out of `from`, which is read from its position on and borrowed. A compressed stream that is cut off or damaged
/// is an error of read(), never a quiet end.
Result<std::unique_ptr<ByteSource>> open_decompressed(const Fd& from);

struct ImportRequest {
    std::optional<Reference> name;
    RunConfig config;      ///< `-c` applied to an empty one
    std::string message;   ///< `-m`, or "Imported from -"
    std::string os;        ///< "" for this machine's
    std::string architecture;
    std::string variant;
};
/// docker import: one layer, diff_id of the stream as it is uncompressed. Settled when it returns.
Result<ImageId> import_image(const Store& store, const Fd& from, const ImportRequest& request);

struct Loaded {
    ImageId id;
    std::vector<Reference> names;
    /// Names that meant another image before, with that image.
    std::vector<std::pair<Reference, ImageId>> moved;
};
/// docker load: docker's archive (any age) or an OCI layout in a tar. Layers that are here already are skipped over.
Result<std::vector<Loaded>> load_images(const Store& store, const Fd& from);
/// An OCI layout or docker archive unpacked in a folder.
Result<std::vector<Loaded>> load_images_folder(const Store& store, const std::string& path);

/// docker save: one archive that is docker's and OCI's at once, as docker 25 and later write it. A name without tag means
/// all tags of that repository.
Result<void> save_images(const Store& store, const std::vector<std::string>& names, const Fd& to);
/// The same of one image, under names that the store need not know.
Result<void> save_image(const Store& store, const ImageId& id, const std::vector<Reference>& names, const Fd& to);

/// One image with all layers of `id` merged into one, history kept, named as the caller likes (build --squash). Layers
/// above `base` only, when given.
Result<ImageId> squash_image(const Store& store, const Lease& lease, const ImageId& id,
                             const std::optional<ImageId>& base);

}  // namespace berth::image
