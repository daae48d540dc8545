#pragma once
// Bytes on their way: where the tar codec reads from and writes to, whatever stands behind it (a file, a pipe, a
// decompressor, a digest).

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/fd.h"
#include "base/result.h"

namespace berth::image {

class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// Fills a part of `into`; 0 is the end.
    virtual Result<std::size_t> read(std::span<char> into) = 0;
    /// Called from another thread: makes a read that waits, now or later, fail. Sources that stand on others pass it on.
    virtual void interrupt() {}
};

class ByteSink {
public:
    virtual ~ByteSink() = default;
    virtual Result<void> write(std::string_view bytes) = 0;
};

/// Reads a descriptor from its position on. Borrows it.
class FdSource final : public ByteSource {
public:
    static Result<std::unique_ptr<FdSource>> open(const Fd& from);
    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override;

private:
    FdSource(const Fd& from, Fd stop) : from_(from), stop_(std::move(stop)) {}
    const Fd& from_;
    Fd stop_;  ///< an eventfd, readable after interrupt()
};

/// Writes a descriptor, gathering small pieces. Borrows it; flush() before it goes.
class FdSink final : public ByteSink {
public:
    explicit FdSink(const Fd& to) : to_(to) {}
    Result<void> write(std::string_view bytes) override;
    Result<void> flush();

private:
    const Fd& to_;
    std::string held_;
};

/// Counts and hashes, keeps nothing.
class DigestSink final : public ByteSink {
public:
    Result<void> write(std::string_view bytes) override;
    std::int64_t size() const { return size_; }
    Digest finish() { return hash_.finish(); }

private:
    Sha256 hash_;
    std::int64_t size_ = 0;
};

/// Text that is there already. Borrows it.
class TextSource final : public ByteSource {
public:
    explicit TextSource(std::string_view text) : text_(text) {}
    Result<std::size_t> read(std::span<char> into) override;

private:
    std::string_view text_;
};

}  // namespace berth::image
