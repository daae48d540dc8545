#include "image/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "image/tar_header.h"

namespace berth::image {
namespace {

constexpr std::size_t buffer_size = 1u << 20;
constexpr std::int64_t longest_extension = 1 << 20;  // A name, or all PAX records of one member.
constexpr std::size_t most_extents = 1u << 20;
constexpr std::size_t longest_xattr = 64u << 10;     // The kernel's limit (xattr(7)).

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

bool is_zero(const TarBlock& block) {
    return std::all_of(block.begin(), block.end(), [](char c) { return c == 0; });
}

std::optional<std::int64_t> decimal(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
    return value;
}

/// PAX times: seconds with an optional fraction, possibly negative.
bool parse_time(std::string_view text, TarEntry& entry) {
    const std::size_t dot = text.find('.');
    const auto seconds = decimal(text.substr(0, dot));
    if (!seconds) return false;
    entry.mtime = *seconds;
    if (dot == text.npos) return true;
    std::string fraction(text.substr(dot + 1, 9));
    fraction.resize(9, '0');
    const auto nanoseconds = decimal(fraction);
    if (!nanoseconds || *nanoseconds < 0) return false;
    entry.mtime_nanoseconds = static_cast<long>(*nanoseconds);
    // -1.25 is a quarter of a second before -1.
    if (text.front() == '-' && entry.mtime_nanoseconds != 0) {
        entry.mtime -= 1;
        entry.mtime_nanoseconds = 1'000'000'000 - entry.mtime_nanoseconds;
    }
    return true;
}

std::optional<TarType> type_of(char type) {
    switch (type) {
        case '0': case '\0': case '7': case 'S': return TarType::file;
        case '1': return TarType::hard_link;
        case '2': return TarType::symlink;
        case '3': return TarType::character_device;
        case '4': return TarType::block_device;
        case '5': return TarType::folder;
        case '6': return TarType::fifo;
        default: return {};
    }
}

/// Names longer than the fields hold: ustar's prefix, or star's shorter one. GNU uses the place otherwise.
std::string full_name(const TarBlock& block) {
    const std::string_view name = text_field(block, tar_name);
    const std::string_view magic = field_of(block, tar_magic);
    if (!magic.starts_with(std::string_view("ustar\0", 6))) return std::string(name);
    const bool is_star = field_of(block, tar_star_trailer) == std::string_view("tar\0", 4);
    const std::string_view prefix = text_field(block, is_star ? tar_star_prefix : tar_prefix);
    return prefix.empty() ? std::string(name) : cat(prefix, "/", name);
}

bool is_global_conflict(std::string_view key) {
    return key == "path" || key == "linkpath" || key == "size" || key.starts_with("GNU.sparse.");
}

}  // namespace

/// A sparse file's map while it is being put together.
struct TarReader::Sparse {
    std::vector<Extent> extents;
    std::optional<std::int64_t> real_size;
    std::string name;
    std::string map;      // PAX 0.1
    bool is_1_0 = false;  // the map stands in front of the content
    bool is_sparse = false;
    std::optional<std::int64_t> open_offset;  // PAX 0.0: an offset waits for its length

    bool add(std::int64_t offset, std::int64_t length) {
        if (extents.size() >= most_extents) return false;
        extents.push_back({offset, length});
        return true;
    }
    /// "offset,length,offset,length"
    bool add_map() {
        std::string_view rest = map;
        std::optional<std::int64_t> offset;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            const auto number = decimal(rest.substr(0, comma));
            if (!number) return false;
            if (!offset) offset = number;
            else if (!add(*std::exchange(offset, {}), *number)) return false;
            rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        }
        return !offset;
    }
    bool take_record(std::string_view key, const std::string& value) {
        key.remove_prefix(std::string_view("GNU.sparse.").size());
        is_sparse = true;
        if (key == "name") return name = value, true;
        if (key == "map") return map = value, true;
        if (key == "major") return is_1_0 = value == "1", value == "1" || value == "0";
        if (key == "minor" || key == "numblocks") return decimal(value).has_value();
        if (key == "size" || key == "realsize") return real_size = decimal(value), real_size.has_value();
        if (key == "offset") return !open_offset && (open_offset = decimal(value)).has_value();
        if (key == "numbytes") {
            const auto length = decimal(value);
            return open_offset && length && add(*std::exchange(open_offset, {}), *length);
        }
        return false;
    }
};

TarReader::TarReader(ByteSource& source, Observer* observer)
    : source_(source), observer_(observer), buffer_(buffer_size) {}

/// At least `wanted` bytes in the buffer, fewer at the end of the stream. Returns how many there are.
Result<std::size_t> TarReader::fill(std::size_t wanted) {
    if (end_ - begin_ < wanted && begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    while (end_ - begin_ < wanted && !at_end_) {
        const std::size_t got = TRY(source_.read(std::span(buffer_).subspan(end_)));
        if (got == 0) at_end_ = true;
        end_ += got;
    }
    return end_ - begin_;
}

Result<void> TarReader::take_raw(std::size_t size) {
    if (observer_ != nullptr) TRY(observer_->raw({buffer_.data() + begin_, size}));
    begin_ += size;
    return {};
}

/// False at a clean end of the stream.
Result<bool> TarReader::read_block(Block& block) {
    const std::size_t there = TRY(fill(tar_block));
    if (there == 0) return false;
    if (there < tar_block) return corrupt("archive is cut off");
    std::memcpy(block.data(), buffer_.data() + begin_, tar_block);
    TRY(take_raw(tar_block));
    return true;
}

/// False at the end of the archive.
Result<bool> TarReader::read_header(Block& block) {
    if (!TRY(read_block(block))) return false;
    if (is_zero(block)) {
        Block second;
        if (TRY(read_block(second)) && !is_zero(second)) return corrupt("a lone block of zeros stands between members");
        has_end_mark_ = true;
        return false;
    }
    const auto sum = number_field(block, tar_sum);
    if (!sum || *sum != static_cast<std::int64_t>(sum_of(block))) return corrupt("header has a wrong checksum");
    return true;
}

/// The content of an extension header.
Result<std::string> TarReader::read_body(const Block& block, std::string_view what) {
    const auto size = number_field(block, tar_size);
    if (!size || *size < 0) return corrupt(cat(what, " has no valid size"));
    if (*size > longest_extension) return corrupt(cat(what, " is longer than ", longest_extension, " bytes"));
    std::string body;
    std::int64_t left = *size + tar_padding(*size);
    while (left > 0) {
        const std::size_t there = std::min(TRY(fill(1)), static_cast<std::size_t>(left));
        if (there == 0) return corrupt("archive is cut off");
        body.append(buffer_.data() + begin_, there);
        TRY(take_raw(there));
        left -= static_cast<std::int64_t>(there);
    }
    body.resize(static_cast<std::size_t>(*size));
    return body;
}

/// Takes L, K, x and g headers; false when `type` is a member's.
Result<bool> TarReader::read_extension(const Block& block, char type, Pending& pending) {
    if (type == 'g') {
        // What a global header says is ignored as everywhere; what could change where members begin or end is refused.
        const std::string body = TRY(read_body(block, "global PAX header"));
        const PaxRecords records = TRY(parse_pax(body));
        for (const auto& [key, value] : records)
            if (is_global_conflict(key)) return corrupt(cat("global PAX header sets '", key, "'"));
        return true;
    }
    if (type == 'x') {
        if (pending.has_pax) return corrupt("two PAX headers stand before one member");
        const std::string body = TRY(read_body(block, "PAX header"));
        pending.pax = TRY(parse_pax(body));
        return pending.has_pax = true;
    }
    if (type != 'L' && type != 'K') return false;
    bool& has = type == 'L' ? pending.has_name : pending.has_link;
    if (has) return corrupt("two long names stand before one member");
    std::string text = TRY(read_body(block, "long name"));
    text.resize(std::min(text.find('\0'), text.size()));
    (type == 'L' ? pending.name : pending.link) = std::move(text);
    return has = true;
}

Result<void> TarReader::read_gnu_sparse(const Block& block, Sparse& sparse) {
    sparse.is_sparse = true;
    sparse.real_size = number_field(block, gnu_sparse_size);
    std::string_view map = field_of(block, gnu_sparse_map);
    bool has_more = field_of(block, gnu_sparse_more)[0] != 0;
    Block extension;
    while (true) {
        for (; map.size() >= 24 && map[0] != 0; map.remove_prefix(24)) {
            const auto offset = number_field(map.substr(0, 12));
            const auto length = number_field(map.substr(12, 12));
            if (!offset || !length || !sparse.add(*offset, *length)) return corrupt("sparse map does not parse");
        }
        if (!has_more) return {};
        if (!TRY(read_block(extension))) return corrupt("archive is cut off");
        map = std::string_view(extension.data(), 504);
        has_more = extension[504] != 0;
    }
}

/// PAX 1.0: the map stands in front of the content, decimal numbers on lines of their own, padded to a block.
Result<void> TarReader::read_map_1_0(Sparse& sparse, std::int64_t& stored) {
    std::string text;
    std::size_t at = 0;
    Block block;
    const auto next_number = [&]() -> Result<std::int64_t> {
        std::size_t newline = 0;
        while ((newline = text.find('\n', at)) == text.npos) {
            if (stored < static_cast<std::int64_t>(tar_block) || text.size() > most_extents * 32)
                return corrupt("sparse map does not parse");
            if (!TRY(read_block(block))) return corrupt("archive is cut off");
            stored -= static_cast<std::int64_t>(tar_block);
            text.append(block.data(), block.size());
        }
        const auto number = decimal(std::string_view(text).substr(at, newline - at));
        at = newline + 1;
        if (!number || *number < 0) return corrupt("sparse map does not parse");
        return *number;
    };
    const std::int64_t count = TRY(next_number());
    if (count > static_cast<std::int64_t>(most_extents)) return corrupt("sparse map is too long");
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t offset = TRY(next_number());
        const std::int64_t length = TRY(next_number());
        sparse.extents.push_back({offset, length});
    }
    return {};
}

/// Checks the map against what is stored, and makes it the content to come.
Result<void> TarReader::set_content(Sparse& sparse, bool is_sparse, std::int64_t stored, std::int64_t& size) {
    padding_ = tar_padding(stored);
    extents_.clear();
    extent_ = 0;
    if (!is_sparse) {
        if (stored > 0) extents_.push_back({0, stored});
        size = stored;
        return {};
    }
    if (!sparse.real_size || *sparse.real_size < 0 || sparse.open_offset) return corrupt("sparse map does not parse");
    std::int64_t end = 0;
    std::int64_t sum = 0;
    for (const Extent& extent : sparse.extents) {
        if (extent.offset < end || extent.length < 0 || extent.length > *sparse.real_size - extent.offset)
            return corrupt("sparse map leads out of the file");
        end = extent.offset + extent.length;
        sum += extent.length;
        if (extent.length > 0) extents_.push_back(extent);
    }
    if (sum != stored) return corrupt("sparse map does not fit what is stored");
    size = *sparse.real_size;
    return {};
}

Result<TarEntry> TarReader::make_entry(const Block& block, char type, Pending& pending) {
    const auto kind = type_of(type);
    if (!kind) return corrupt(cat("member of unknown type '", type, "'"));
    TarEntry entry;
    entry.type = *kind;
    entry.path = pending.has_name ? std::move(pending.name) : full_name(block);
    entry.link = pending.has_link ? std::move(pending.link) : std::string(text_field(block, tar_link));

    const auto mode = number_field(block, tar_mode);
    auto uid = number_field(block, tar_uid), gid = number_field(block, tar_gid);
    auto stored = number_field(block, tar_size);
    const auto mtime = number_field(block, tar_mtime);
    if (!mode || !mtime) return corrupt(cat("'", entry.path, "': header does not parse"));
    entry.mode = static_cast<mode_t>(*mode & 07777);
    entry.mtime = *mtime;

    Sparse sparse;
    for (auto& [key, value] : pending.pax) {
        const bool is_name = key == "path" || key == "linkpath";
        if (is_name && value.find('\0') != value.npos) return corrupt("a name contains a NUL");
        // An empty value takes the record back (pax, "extended header").
        if (value.empty()) continue;
        bool is_good = true;
        if (is_name) {
            if (key == "path" ? pending.has_name : pending.has_link)
                return corrupt(cat("'", value, "': named by a PAX and by a GNU header"));
            (key == "path" ? entry.path : entry.link) = std::move(value);
        } else if (key == "size") {
            is_good = (stored = decimal(value)).has_value();
        } else if (key == "uid") {
            is_good = (uid = decimal(value)).has_value();
        } else if (key == "gid") {
            is_good = (gid = decimal(value)).has_value();
        } else if (key == "mtime") {
            is_good = parse_time(value, entry);
        } else if (key.starts_with("SCHILY.xattr.")) {
            is_good = value.size() <= longest_xattr;
            entry.xattrs[key.substr(13)] = std::move(value);
        } else if (key.starts_with("GNU.sparse.")) {
            is_good = sparse.take_record(key, value);
        }
        if (!is_good) return corrupt(cat("'", entry.path, "': PAX record '", key, "' does not parse"));
    }
    // 2^32-1 means "no change" to chown(2), and more does not fit (CVE-2024-40635).
    constexpr std::int64_t highest_id = 0xffff'fffe;
    if (!uid || !gid || *uid < 0 || *gid < 0 || *uid > highest_id || *gid > highest_id)
        return corrupt(cat("'", entry.path, "': owner is out of range"));
    entry.uid = static_cast<uid_t>(*uid);
    entry.gid = static_cast<gid_t>(*gid);
    if (!stored || *stored < 0) return corrupt(cat("'", entry.path, "': size does not parse"));

    if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
        const auto device_major = number_field(block, tar_major), device_minor = number_field(block, tar_minor);
        if (!device_major || !device_minor || *device_major < 0 || *device_minor < 0 || *device_major > 0xffff || *device_minor > 0xffffff)
            return corrupt(cat("'", entry.path, "': device number does not parse"));
        entry.device_major = static_cast<unsigned>(*device_major);
        entry.device_minor = static_cast<unsigned>(*device_minor);
    }
    if (!sparse.name.empty()) entry.path = std::move(sparse.name);
    if (entry.type == TarType::file && entry.path.ends_with('/') && type != '7') {
        // Version 7 had no folders; a name ending in '/' was one.
        if (*stored != 0) return corrupt(cat("'", entry.path, "': a folder with content"));
        entry.type = TarType::folder;
    }
    if (entry.type != TarType::file) {
        // Links and the like have no content, whatever their size says: what pax(1) writes and others do not read.
        extents_.clear();
        extent_ = 0;
        padding_ = 0;
        return entry;
    }
    if (type == 'S') TRY(read_gnu_sparse(block, sparse));
    if (sparse.is_1_0) TRY(read_map_1_0(sparse, *stored));
    else if (!sparse.map.empty() && !sparse.add_map()) return corrupt(cat("'", entry.path, "': sparse map does not parse"));
    TRY(set_content(sparse, sparse.is_sparse, *stored, entry.size), "'", entry.path, "'");
    return entry;
}

Result<std::optional<TarEntry>> TarReader::next() {
    if (is_done_) return std::optional<TarEntry>();
    TRY(finish_entry());
    Pending pending;
    while (true) {
        Block block;
        if (!TRY(read_header(block))) break;
        const char type = block[tar_type.at];
        if (TRY(read_extension(block, type, pending))) continue;
        TarEntry entry = TRY(make_entry(block, type, pending));
        if (entry.path.find('\0') != entry.path.npos || entry.link.find('\0') != entry.link.npos)
            return corrupt("a name contains a NUL");
        return std::optional(std::move(entry));
    }
    if (pending.any()) return corrupt("archive ends behind an extension header");
    is_done_ = true;
    return std::optional<TarEntry>();
}

Result<std::optional<TarReader::Piece>> TarReader::read_content() {
    if (extent_ == extents_.size()) return std::optional<Piece>();
    Extent& extent = extents_[extent_];
    const std::size_t there = TRY(fill(1));
    if (there == 0) return corrupt("archive is cut off");
    const std::size_t size = std::min(there, static_cast<std::size_t>(extent.length));
    const Piece piece{extent.offset, {buffer_.data() + begin_, size}};
    if (observer_ != nullptr) TRY(observer_->content(piece.offset, piece.bytes));
    begin_ += size;
    extent.offset += static_cast<std::int64_t>(size);
    extent.length -= static_cast<std::int64_t>(size);
    if (extent.length == 0) ++extent_;
    return std::optional(piece);
}

Result<void> TarReader::finish_entry() {
    while (TRY(read_content())) continue;
    while (padding_ > 0) {
        const std::size_t there = std::min(TRY(fill(1)), static_cast<std::size_t>(padding_));
        if (there == 0) return corrupt("archive is cut off");
        TRY(take_raw(there));
        padding_ -= static_cast<std::int64_t>(there);
    }
    return {};
}

Result<void> TarReader::drain() {
    while (true) {
        const std::size_t there = TRY(fill(1));
        if (there == 0) return {};
        TRY(take_raw(there));
    }
}

}  // namespace berth::image
