#include "builder/archive_probe.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <unistd.h>

#include "base/sys.h"
#include "image/archive.h"

namespace berth::builder {
namespace {

constexpr std::size_t block = 512;

bool is_compressed(std::string_view start) {
    constexpr std::string_view gzip = "\x1F\x8B\x08", bzip2 = "BZh", xz("\xFD" "7zXZ\0", 6), zstd = "\x28\xB5\x2F\xFD";
    return start.starts_with(gzip) || start.starts_with(bzip2) || start.starts_with(xz) || start.starts_with(zstd);
}

/// The header's sum over its own bytes, its own field counted as blanks (ustar: chksum).
bool is_tar_header(std::string_view header) {
    if (header.size() < block) return false;
    constexpr std::size_t sum_at = 148, sum_size = 8;
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i)
        sum += i >= sum_at && i < sum_at + sum_size ? ' ' : static_cast<unsigned char>(header[i]);
    unsigned written = 0;
    bool has_digits = false;
    for (const char c : header.substr(sum_at, sum_size)) {
        if (c >= '0' && c <= '7') {
            written = written * 8 + static_cast<unsigned>(c - '0');
            has_digits = true;
        } else if (has_digits || (c != ' ' && c != '\0')) {
            break;
        }
    }
    return has_digits && written == sum;
}

Result<std::string> read_start(image::ByteSource& source) {
    std::string start(block, '\0');
    std::size_t filled = 0;
    while (filled < block) {
        const std::size_t got = TRY(source.read(std::span(start).subspan(filled)));
        if (got == 0) break;
        filled += got;
    }
    start.resize(filled);
    return start;
}

}  // namespace

Result<bool> is_archive(const Fd& file) {
    char raw[block];
    const ssize_t got = ::pread(file.raw(), raw, sizeof raw, 0);
    if (got <= 0) return false;
    const std::string_view start(raw, static_cast<std::size_t>(got));
    if (!is_compressed(start)) return is_tar_header(start);
    ::lseek(file.raw(), 0, SEEK_SET);
    bool is_tar = false;
    if (auto plain = image::open_decompressed(file); plain.ok()) {
        // What cannot be decompressed is no archive but a file like any other.
        const auto decoded = read_start(*plain.value());
        is_tar = decoded.ok() && is_tar_header(decoded.value());
    }
    ::lseek(file.raw(), 0, SEEK_SET);
    return is_tar;
}

}  // namespace berth::builder
