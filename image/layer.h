#pragma once
// Layers. A layer's folder *is* the overlay upper folder that made it, or what unpacking its archive left: no copy on build.
// On disk: layers/<2>/<key>/{fs/, meta.json, recipe.zst, extra/, synced}; immutable once published.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "image/stream.h"

namespace berth::image {

/// A published layer.
struct LayerRef {
    Digest diff_id;           ///< SHA-256 of its uncompressed tar
    std::string key;          ///< its folder's name: 64 hexadecimal digits, diff_id's as a rule
    std::int64_t size = 0;    ///< docker's size: sum of its files' sizes, names of one inode counted once
    bool is_empty = false;    ///< changes nothing
    bool operator==(const LayerRef&) const = default;
};

/// meta.json of a layer.
struct LayerMeta {
    std::int64_t version = 1;
    std::string diff_id;
    std::int64_t size = 0;
    std::int64_t allocated = 0;  ///< bytes on disk
    std::int64_t inodes = 0;
    std::int64_t tar_size = 0;
    std::string boot;  ///< boot_id() of when it was made: trusted without `synced` only until the next one
    bool has_recipe = false;
    /// Places that hold this layer compressed: {"registry/repository", "sha256:…", size, media type}.
    struct Source {
        std::string repository;
        std::string digest;
        std::int64_t size = 0;
        std::string media_type;
        bool operator==(const Source&) const = default;
    };
    std::vector<Source> sources;
};
template <class Io>
void fields(Io& io, LayerMeta::Source& s) {
    io.required("repository", s.repository);
    io.required("digest", s.digest);
    io.required("size", s.size);
    io.required("mediaType", s.media_type);
}
template <class Io>
void fields(Io& io, LayerMeta& m) {
    io.required("version", m.version);
    io.required("diffId", m.diff_id);
    io.required("size", m.size);
    io.required("allocated", m.allocated);
    io.required("inodes", m.inodes);
    io.required("tarSize", m.tar_size);
    io.required("boot", m.boot);
    io.optional("hasRecipe", m.has_recipe);
    io.optional("sources", m.sources);
}

/// Writes the layer's tar from its folder (layers/<2>/<key>), byte for byte what diff_id was made of: from the recipe when
/// there is one, else by the deterministic writer.
Result<void> write_layer_tar(const Fd& layer_folder, ByteSink& sink);

/// The deterministic tar of an upper folder, hashed: digest, size of the tar, and the sizes that meta.json keeps.
struct LayerDigest {
    Digest diff_id;
    std::int64_t tar_size = 0;
    std::int64_t size = 0;
    std::int64_t allocated = 0;
    std::int64_t inodes = 0;
};
Result<LayerDigest> digest_layer(const Fd& upper);

/// Copies an upper folder with everything that makes it a layer (owners, modes, times, xattrs, whiteouts, opaque folders,
/// hard links, holes), sharing the data where the file system can (FICLONE), else by copy_file_range. For commit of a
/// container that goes on living; a folder that nobody needs any more is published itself.
Result<void> copy_upper(const Fd& from, const Fd& to);
/// Lays one upper folder over another, as overlay shows them together: what whiteouts and opaque folders of `from` hide goes
/// from `to`. `keep` leaves the marks, for layers that lie on others; `drop` does not, for the bottom of an image.
enum class Whiteouts { keep, drop };
Result<void> merge_upper(const Fd& from, const Fd& to, Whiteouts whiteouts);
/// One open regular file in the same way, as the new `name` in `folder`.
Result<void> copy_file(const Fd& from, const Fd& folder, const std::string& name);

}  // namespace berth::image
