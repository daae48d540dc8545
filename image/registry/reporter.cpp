#include "image/registry/transfer.h"

namespace berth::image {

void Reporter::tell(const std::string& layer, std::string_view status, std::int64_t current, std::int64_t total) {
    const std::lock_guard lock(mutex_);
    if (progress_) progress_({layer, std::string(status), current, total});
}

void Reporter::tell_bytes(const std::string& layer, std::string_view status, std::int64_t current, std::int64_t total) {
    constexpr std::int64_t pause_nanoseconds = 100'000'000;
    const std::int64_t now = tick_now().nanoseconds;
    const std::lock_guard lock(mutex_);
    std::int64_t& last = last_[layer];
    if (now - last < pause_nanoseconds) return;
    last = now;
    if (progress_) progress_({layer, std::string(status), current, total});
}

}  // namespace berth::image
