#pragma once
// Bytes on their way between a registry and the store: counted, hashed and told of.

#include <string>

#include "base/digest.h"
#include "image/registry/transfer.h"
#include "image/stream.h"

namespace berth::image {

/// As docker shows a blob: the first twelve hex digits.
inline std::string short_digest(std::string_view digest) { return std::string(digest.substr(digest.find(':') + 1, 12)); }

class MeteredSource final : public ByteSource {
public:
    /// Passes `source` on. `status`: what is told of `layer` while it goes on ("Downloading"); `total` in bytes, 0 unknown.
    MeteredSource(ByteSource& source, Reporter& reporter, std::string layer, std::string_view status, std::int64_t total)
        : source_(source), reporter_(reporter), layer_(std::move(layer)), status_(status), total_(total) {}
    Result<std::size_t> read(std::span<char> into) override {
        const std::size_t got = TRY(source_.read(into));
        hash_.update({into.data(), got});
        size_ += static_cast<std::int64_t>(got);
        reporter_.tell_bytes(layer_, status_, size_, total_);
        return got;
    }
    void interrupt() override { source_.interrupt(); }
    /// Reads on to the end, so that the digest covers all.
    Result<Digest> finish() {
        char rest[4096];
        while (TRY(read(rest)) != 0) continue;
        return hash_.finish();
    }
    std::int64_t size() const { return size_; }

private:
    ByteSource& source_;
    Reporter& reporter_;
    std::string layer_;
    std::string_view status_;
    std::int64_t total_;
    std::int64_t size_ = 0;
    Sha256 hash_;
};

}  // namespace berth::image
