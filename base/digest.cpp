#include "base/digest.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace berth {

// The low-level calls are marked deprecated in OpenSSL 3, and kept here on purpose: EVP would load providers and read a
// configuration file, which costs more than all of `berth version`. They reach the same SHA-NI code.

namespace {

SHA256_CTX* context_of(unsigned char* state) { return static_cast<SHA256_CTX*>(static_cast<void*>(state)); }

}  // namespace

Sha256::Sha256() {
    static_assert(sizeof(SHA256_CTX) <= sizeof state_);
    SHA256_Init(context_of(state_));
}

void Sha256::update(std::string_view bytes) { SHA256_Update(context_of(state_), bytes.data(), bytes.size()); }

Digest Sha256::finish() {
    unsigned char raw[SHA256_DIGEST_LENGTH];
    SHA256_Final(raw, context_of(state_));
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "sha256:";
    for (const unsigned char byte : raw) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return Digest(std::move(text));
}

Digest Digest::of_bytes(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

Result<Digest> Digest::parse(std::string_view text) {
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    bool valid = text.starts_with("sha256:") && text.size() == 71;
    for (const char c : valid ? text.substr(7) : "") valid = valid && is_hex(c);
    if (!valid)
        return Error(Kind::invalid, cat("digest '", text.substr(0, 100), "': expected sha256: and 64 lower-case hexadecimal digits"));
    return Digest(std::string(text));
}

}  // namespace berth
