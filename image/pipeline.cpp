#include "image/pipeline.h"

#include <algorithm>
#include <cstring>

namespace berth::image {

Pipeline::Pipeline(ByteSource& source, Hash hash) : source_(source), is_hashing_(hash == Hash::yes) {
    if (is_hashing_) hasher_ = std::thread([this] { hash_all(); });
    producer_ = std::thread([this] { produce(); });
}

Pipeline::~Pipeline() {
    {
        const std::lock_guard lock(mutex_);
        is_stopped_ = true;
        // Complete means that nobody waits for bytes any more; and a source that others go on using must not be told.
        if (!is_complete_) source_.interrupt();
    }
    changed_.notify_all();
    producer_.join();
    if (hasher_.joinable()) hasher_.join();
}

void Pipeline::produce() {
    while (true) {
        Slab* slab = nullptr;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] {
                const std::size_t done = is_hashing_ ? std::min(hashed_, consumed_) : consumed_;
                return is_stopped_ || produced_ - done < slab_count;
            });
            if (is_stopped_) return;
            slab = &slabs_[produced_ % slab_count];
        }
        // Not cleared before it is needed: a small layer touches one slab.
        if (slab->bytes.empty()) slab->bytes.resize(slab_bytes);
        slab->used = 0;
        bool is_end = false;
        std::optional<Error> failure;
        while (slab->used < slab_bytes && !is_end && !failure) {
            Result<std::size_t> got = source_.read(std::span(slab->bytes).subspan(slab->used));
            if (!got.ok()) failure = std::move(got).error();
            else if (got.value() == 0) is_end = true;
            else slab->used += got.value();
        }
        const std::lock_guard lock(mutex_);
        if (slab->used != 0) ++produced_;
        if (failure) failure_ = std::move(failure);
        is_complete_ = is_end || failure_;
        changed_.notify_all();
        if (is_complete_) return;
    }
}

void Pipeline::hash_all() {
    while (true) {
        const Slab* slab = nullptr;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return is_stopped_ || hashed_ < produced_ || is_complete_; });
            if (is_stopped_ || hashed_ == produced_) return;
            slab = &slabs_[hashed_ % slab_count];
        }
        sha256_.update({slab->bytes.data(), slab->used});
        const std::lock_guard lock(mutex_);
        ++hashed_;
        changed_.notify_all();
    }
}

Result<std::size_t> Pipeline::read(std::span<char> into) {
    Slab* slab = nullptr;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return consumed_ < produced_ || is_complete_; });
        if (consumed_ == produced_) {
            if (failure_) return *std::exchange(failure_, Error(Kind::wrong_state, "reading failed before"));
            return std::size_t{0};
        }
        slab = &slabs_[consumed_ % slab_count];
    }
    const std::size_t size = std::min(into.size(), slab->used - taken_);
    std::memcpy(into.data(), slab->bytes.data() + taken_, size);
    taken_ += size;
    size_ += static_cast<std::int64_t>(size);
    if (taken_ == slab->used) {
        taken_ = 0;
        const std::lock_guard lock(mutex_);
        ++consumed_;
        changed_.notify_all();
    }
    return size;
}

Digest Pipeline::digest() {
    if (hasher_.joinable()) hasher_.join();
    return sha256_.finish();
}

}  // namespace berth::image
