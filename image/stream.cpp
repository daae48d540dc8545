#include "image/stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>

#include "base/sys.h"

namespace berth::image {
namespace {

constexpr std::size_t gather_bytes = 256u << 10;

}  // namespace

Result<std::unique_ptr<FdSource>> FdSource::open(const Fd& from) {
    Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop.valid()) return Error::of_errno(errno, "eventfd");
    return std::unique_ptr<FdSource>(new FdSource(from, std::move(stop)));
}

Result<std::size_t> FdSource::read(std::span<char> into) {
    pollfd ready[] = {{from_.raw(), POLLIN, 0}, {stop_.raw(), POLLIN, 0}};
    while (::poll(ready, 2, -1) < 0)
        if (errno != EINTR) return Error::of_errno(errno, "poll");
    if (ready[1].revents != 0) return Error(Kind::wrong_state, "reading was given up");
    return sys::read(from_, into);
}

void FdSource::interrupt() { ::eventfd_write(stop_.raw(), 1); }

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
