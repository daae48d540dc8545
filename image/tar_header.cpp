#include "image/tar_header.h"

#include <algorithm>
#include <charconv>

#include "base/cat.h"

namespace berth::image {
namespace {

/// GNU's form for what octal cannot hold: the first byte's high bit, the rest a two's complement number, big-endian.
std::optional<std::int64_t> base256(std::string_view field) {
    const bool is_negative = (field[0] & 0x40) != 0;
    // All but the sign of the first byte, without the marker bit.
    std::int64_t value = is_negative ? -1 : 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        unsigned char byte = static_cast<unsigned char>(field[i]);
        if (i == 0) byte = static_cast<unsigned char>(is_negative ? byte | 0x80 : byte & 0x7f);
        const std::int64_t top = value >> 55;
        if (top != 0 && top != -1) return {};
        value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 | byte);
    }
    if ((value < 0) != is_negative) return {};
    return value;
}

}  // namespace

std::string_view text_field(const TarBlock& block, TarField field) {
    const std::string_view bytes = field_of(block, field);
    return bytes.substr(0, bytes.find('\0'));
}

std::optional<std::int64_t> number_field(std::string_view field) {
    if ((field[0] & 0x80) != 0) return base256(field);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\0')) field.remove_suffix(1);
    if (field.empty()) return 0;
    // Old writers leave what was in the buffer behind the NUL.
    field = field.substr(0, field.find('\0'));
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
    if (error != std::errc() || value < 0) return {};
    const std::string_view rest(end, static_cast<std::size_t>(field.data() + field.size() - end));
    if (rest.find_first_not_of(' ') != rest.npos) return {};
    return value;
}

std::uint32_t sum_of(const TarBlock& block) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i)
        sum += i >= tar_sum.at && i < tar_sum.at + tar_sum.size ? ' ' : static_cast<unsigned char>(block[i]);
    return sum;
}

Result<PaxRecords> parse_pax(std::string_view text) {
    const auto bad = [] { return Error(Kind::corrupt, "PAX record does not parse"); };
    PaxRecords records;
    while (!text.empty()) {
        std::size_t length = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
        const std::size_t digits = static_cast<std::size_t>(end - text.data());
        if (error != std::errc() || digits == 0 || length > text.size() || length < digits + 4) return bad();
        const std::string_view record = text.substr(0, length);
        if (record[digits] != ' ' || record.back() != '\n') return bad();
        const std::string_view body = record.substr(digits + 1, length - digits - 2);
        const std::size_t equals = body.find('=');
        if (equals == body.npos || equals == 0) return bad();
        const std::string_view key = body.substr(0, equals);
        if (key.find('\0') != key.npos) return bad();
        records.emplace_back(key, body.substr(equals + 1));
        text.remove_prefix(length);
    }
    return records;
}

std::string pax_record(std::string_view key, std::string_view value) {
    // The length counts its own digits.
    const std::size_t fixed = key.size() + value.size() + 3;
    std::size_t length = fixed + 1;
    while (length != fixed + cat(length).size()) length = fixed + cat(length).size();
    return cat(length, " ", key, "=", value, "\n");
}

}  // namespace berth::image
