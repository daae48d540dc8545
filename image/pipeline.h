#pragma once
// Reading ahead: one thread reads (and decompresses), one hashes, the caller takes the bytes apart. Slabs go round, nothing
// is copied more than once, and memory is bounded.

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "image/stream.h"

namespace berth::image {

class Pipeline final : public ByteSource {
public:
    enum class Hash { no, yes };
    /// Starts reading `source`, which it borrows and nobody else may touch until this object is gone.
    Pipeline(ByteSource& source, Hash hash);
    /// Stops reading wherever it is.
    ~Pipeline() override;
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override { source_.interrupt(); }
    /// After read() returned 0: the digest of everything, and its size.
    Digest digest();
    std::int64_t size() const { return size_; }

private:
    static constexpr std::size_t slab_bytes = 512u << 10;
    static constexpr std::size_t slab_count = 8;
    struct Slab {
        std::vector<char> bytes;
        std::size_t used = 0;
    };
    void produce();
    void hash_all();

    ByteSource& source_;
    std::array<Slab, slab_count> slabs_;
    std::mutex mutex_;
    std::condition_variable changed_;
    // Counts of slabs since the beginning; the slab is the count modulo slab_count.
    std::size_t produced_ = 0;
    std::size_t hashed_ = 0;
    std::size_t consumed_ = 0;
    bool is_complete_ = false;
    bool is_stopped_ = false;
    std::optional<Error> failure_;
    std::size_t taken_ = 0;  ///< bytes of the current slab
    std::int64_t size_ = 0;
    Sha256 sha256_;
    bool is_hashing_;
    std::thread hasher_;
    std::thread producer_;
};

}  // namespace berth::image
