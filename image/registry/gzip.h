#pragma once
// gzip by ISA-L, several times as fast as zlib: reading for pulls, and writing in parallel for pushes. The bytes written
// depend on the content only, not on the number of threads.

#include <functional>
#include <memory>

#include "image/stream.h"

namespace berth::image {

/// As make_gunzip of compression.h: all members, zeros as padding, everything checked.
std::unique_ptr<ByteSource> make_fast_gunzip(ByteSource& compressed);

/// What `plain` writes into the sink it is given, compressed; runs in threads of its own while it is read.
class GzipSource : public ByteSource {
public:
    static std::unique_ptr<GzipSource> start(std::function<Result<void>(ByteSink&)> plain, unsigned threads);
};

}  // namespace berth::image
