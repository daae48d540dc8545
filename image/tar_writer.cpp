#include "image/tar_writer.h"

#include <algorithm>
#include <cstring>

#include "image/tar_header.h"

namespace berth::image {
namespace {

constexpr std::int64_t most_octal(std::size_t digits) { return (1ll << (3 * digits)) - 1; }

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void put_text(TarBlock& block, TarField field, std::string_view text) {
    std::memcpy(block.data() + field.at, text.data(), std::min(text.size(), field.size));
}

/// Zero-padded octal and a NUL; what does not fit stands in a PAX record and is 0 here.
void put_number(TarBlock& block, TarField field, std::int64_t value) {
    if (value < 0 || value > most_octal(field.size - 1)) value = 0;
    for (std::size_t i = field.size - 1; i-- > 0; value >>= 3) block[field.at + i] = static_cast<char>('0' + (value & 7));
}

char type_letter(TarType type) {
    switch (type) {
        case TarType::file: return '0';
        case TarType::hard_link: return '1';
        case TarType::symlink: return '2';
        case TarType::character_device: return '3';
        case TarType::block_device: return '4';
        case TarType::folder: return '5';
        case TarType::fifo: return '6';
    }
    return '0';
}

/// Where ustar may cut a long path: prefix of at most 155 bytes, '/', name of 1 to 100 bytes.
std::optional<std::size_t> find_cut(std::string_view path) {
    if (path.size() > tar_prefix.size + 1 + tar_name.size) return {};
    std::size_t cut = path.rfind('/', tar_prefix.size);
    // A folder's last slash is no place to cut.
    if (cut != path.npos && cut + 1 == path.size()) cut = cut == 0 ? path.npos : path.rfind('/', cut - 1);
    if (cut == path.npos || cut == 0 || path.size() - cut - 1 > tar_name.size) return {};
    return cut;
}

TarBlock make_block(const TarEntry& entry, std::string_view path, char type) {
    TarBlock block{};
    if (path.size() <= tar_name.size) {
        put_text(block, tar_name, path);
    } else if (const auto cut = is_ascii(path) ? find_cut(path) : std::nullopt) {
        put_text(block, tar_prefix, path.substr(0, *cut));
        put_text(block, tar_name, path.substr(*cut + 1));
    } else {
        put_text(block, tar_name, path.substr(0, tar_name.size));
    }
    put_text(block, tar_link, entry.link);
    put_number(block, tar_mode, entry.mode & 07777);
    put_number(block, tar_uid, entry.uid);
    put_number(block, tar_gid, entry.gid);
    put_number(block, tar_size, entry.size);
    put_number(block, tar_mtime, entry.mtime);
    put_number(block, tar_major, entry.device_major);
    put_number(block, tar_minor, entry.device_minor);
    put_text(block, tar_magic, std::string_view("ustar\00000", 8));
    block[tar_type.at] = type;
    // Six digits, NUL, space: the one field that ends so.
    put_number(block, {tar_sum.at, 7}, sum_of(block));
    block[tar_sum.at + 7] = ' ';
    return block;
}

/// Records for what ustar cannot hold, sorted by key.
std::string pax_of(const TarEntry& entry, std::string_view path) {
    std::vector<std::pair<std::string, std::string>> records;
    for (const auto& [name, value] : entry.xattrs) records.emplace_back(cat("SCHILY.xattr.", name), value);
    if (entry.gid > most_octal(tar_gid.size - 1)) records.emplace_back("gid", cat(entry.gid));
    if (entry.link.size() > tar_link.size || !is_ascii(entry.link)) records.emplace_back("linkpath", entry.link);
    if (entry.mtime < 0 || entry.mtime > most_octal(tar_mtime.size - 1)) records.emplace_back("mtime", cat(entry.mtime));
    if (!is_ascii(path) || (path.size() > tar_name.size && !find_cut(path))) records.emplace_back("path", path);
    if (entry.size > most_octal(tar_size.size - 1)) records.emplace_back("size", cat(entry.size));
    if (entry.uid > most_octal(tar_uid.size - 1)) records.emplace_back("uid", cat(entry.uid));
    std::sort(records.begin(), records.end());
    std::string text;
    for (const auto& [key, value] : records) text += pax_record(key, value);
    return text;
}

std::string_view base_name(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<void> TarWriter::add(const TarEntry& entry) {
    if (left_ != 0) bug("tar: a file's content is not complete");
    std::string path = entry.path;
    if (entry.type == TarType::folder && !path.ends_with('/')) path += '/';
    if (const std::string pax = pax_of(entry, path); !pax.empty()) {
        TarEntry extension;
        extension.size = static_cast<std::int64_t>(pax.size());
        extension.mode = 0644;
        const std::string name = cat("PaxHeaders.0/", base_name(path)).substr(0, tar_name.size);
        const TarBlock block = make_block(extension, name, 'x');
        TRY(sink_.write({block.data(), block.size()}));
        TRY(sink_.write(pax));
        padding_ = tar_padding(extension.size);
        TRY(pad());
    }
    const TarBlock block = make_block(entry, path, type_letter(entry.type));
    TRY(sink_.write({block.data(), block.size()}));
    left_ = entry.size;
    padding_ = tar_padding(entry.size);
    return {};
}

Result<void> TarWriter::write_content(std::string_view bytes) {
    if (static_cast<std::int64_t>(bytes.size()) > left_) bug("tar: more content than the header says");
    TRY(sink_.write(bytes));
    left_ -= static_cast<std::int64_t>(bytes.size());
    return left_ == 0 ? pad() : Result<void>();
}

Result<void> TarWriter::add_file(const TarEntry& entry, std::string_view content) {
    TarEntry file = entry;
    file.size = static_cast<std::int64_t>(content.size());
    TRY(add(file));
    return content.empty() ? Result<void>() : write_content(content);
}

Result<void> TarWriter::pad() {
    static constexpr TarBlock zeros{};
    return sink_.write({zeros.data(), static_cast<std::size_t>(std::exchange(padding_, 0))});
}

Result<void> TarWriter::finish() {
    static constexpr std::array<char, 2 * tar_block> zeros{};
    return sink_.write({zeros.data(), zeros.size()});
}

}  // namespace berth::image
