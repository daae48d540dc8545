#pragma once
// Content digests: "sha256:<64 hex>" (image-spec descriptor.md "Digests"). A Digest exists only when its text is valid,
// so it may become a file name.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace berth {

class Digest {
public:
    /// Kind::invalid unless `text` is "sha256:" and 64 lower-case hexadecimal digits.
    static Result<Digest> parse(std::string_view text);
    static Digest of_bytes(std::string_view bytes);

    const std::string& str() const { return text_; }
    /// The 64 digits.
    std::string_view hex() const { return std::string_view(text_).substr(7); }
    auto operator<=>(const Digest&) const = default;

private:
    friend class Sha256;
    explicit Digest(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

template <>
struct JsonText<Digest> {
    static Result<Digest> parse(std::string_view text) { return Digest::parse(text); }
    static std::string text(const Digest& digest) { return digest.str(); }
};

/// A running SHA-256 over a stream.
class Sha256 {
public:
    Sha256();
    void update(std::string_view bytes);
    /// Ends the stream; the object may not be updated afterwards.
    Digest finish();

private:
    // Room for OpenSSL's SHA256_CTX (112 bytes), whose header stays behind base/digest.cpp.
    alignas(8) unsigned char state_[128];
};

}  // namespace berth
