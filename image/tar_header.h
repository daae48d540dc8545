#pragma once
// The 512-byte header of a tar member (POSIX pax "ustar Interchange Format", GNU tar's "old GNU" variant) and PAX records,
// as reader and writer share them.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace berth::image {

constexpr std::size_t tar_block = 512;
using TarBlock = std::array<char, tar_block>;

/// Where a field lies.
struct TarField {
    std::size_t at;
    std::size_t size;
};
constexpr TarField tar_name{0, 100}, tar_mode{100, 8}, tar_uid{108, 8}, tar_gid{116, 8}, tar_size{124, 12},
    tar_mtime{136, 12}, tar_sum{148, 8}, tar_type{156, 1}, tar_link{157, 100}, tar_magic{257, 8}, tar_major{329, 8},
    tar_minor{337, 8}, tar_prefix{345, 155}, tar_star_prefix{345, 131}, tar_star_trailer{508, 4};
// Old GNU sparse headers use the place of the prefix.
constexpr TarField gnu_sparse_map{386, 96}, gnu_sparse_more{482, 1}, gnu_sparse_size{483, 12};

inline std::string_view field_of(const TarBlock& block, TarField field) { return {block.data() + field.at, field.size}; }
/// The field up to its first NUL.
std::string_view text_field(const TarBlock& block, TarField field);
/// Octal, or base-256 when the high bit is set; nothing when it is neither.
std::optional<std::int64_t> number_field(std::string_view field);
inline std::optional<std::int64_t> number_field(const TarBlock& block, TarField field) {
    return number_field(field_of(block, field));
}
/// The sum of all bytes, the sum field counted as spaces.
std::uint32_t sum_of(const TarBlock& block);

using PaxRecords = std::vector<std::pair<std::string, std::string>>;
/// "LENGTH KEY=VALUE\n"…; Kind::corrupt.
Result<PaxRecords> parse_pax(std::string_view text);
/// One record.
std::string pax_record(std::string_view key, std::string_view value);

/// Smallest multiple of the block size that holds `size`, minus `size`.
constexpr std::int64_t tar_padding(std::int64_t size) { return (512 - size % 512) % 512; }

}  // namespace berth::image
