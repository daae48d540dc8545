#include "image/stream.h"

#include <algorithm>
#include <cstring>

#include "base/sys.h"

namespace berth::image {
namespace {

constexpr std::size_t gather_bytes = 256u << 10;

}  // namespace

Result<std::size_t> FdSource::read(std::span<char> into) { return sys::read(from_, into); }

Result<void> FdSink::write(std::string_view bytes) {
    if (held_.size() + bytes.size() < gather_bytes) return held_.append(bytes), Result<void>();
    TRY(flush());
    if (bytes.size() >= gather_bytes) return sys::write_all(to_, bytes);
    held_.append(bytes);
    return {};
}

Result<void> FdSink::flush() {
    const std::string held = std::exchange(held_, {});
    return held.empty() ? Result<void>() : sys::write_all(to_, held);
}

Result<void> DigestSink::write(std::string_view bytes) {
    hash_.update(bytes);
    size_ += static_cast<std::int64_t>(bytes.size());
    return {};
}

Result<std::size_t> TextSource::read(std::span<char> into) {
    const std::size_t size = std::min(into.size(), text_.size());
    std::memcpy(into.data(), text_.data(), size);
    text_.remove_prefix(size);
    return size;
}

}  // namespace berth::image
