#pragma once
// gzip and zstd, in this process. The only file that knows zlib and libzstd is compression.cpp.

#include <memory>
#include <string_view>

#include "image/stream.h"

namespace berth::image {

enum class Compression { none, gzip, zstd, other };
/// By the first bytes, never by a name or a media type: `none` for a tar, `other` for what only berth-unpack reads (xz,
/// bzip2, zip, cpio, …).
Compression recognise_compression(std::string_view head);
/// How many bytes of the head recognise_compression wants.
constexpr std::size_t recognised_bytes = 512;

/// What `compressed` holds: all members of a gzip file, all frames of a zstd file. Ends with Kind::corrupt when it is cut
/// off or followed by anything but zeros. Borrows `compressed`.
std::unique_ptr<ByteSource> make_gunzip(ByteSource& compressed);
std::unique_ptr<ByteSource> make_unzstd(ByteSource& compressed);

class Compressor : public ByteSink {
public:
    /// Ends the compressed stream.
    virtual Result<void> finish() = 0;
};
/// Borrows `to`.
std::unique_ptr<Compressor> make_zstd(ByteSink& to, int level);

}  // namespace berth::image
