#include "tests/unit/image/tar_bytes.h"

#include "image/tar_header.h"

namespace tar_bytes {
namespace {

void put(std::string& block, std::size_t at, std::size_t size, const std::string& text) { block.replace(at, std::min(size, text.size()), text.substr(0, size)); }

}  // namespace

std::string octal(std::size_t value) {
    std::string digits;
    for (int i = 0; i < 11; ++i, value >>= 3) digits.insert(digits.begin(), static_cast<char>('0' + (value & 7)));
    return digits;
}

std::string block(const Header& header) {
    std::string out(512, '\0');
    put(out, 0, 100, header.name);
    put(out, 100, 8, header.mode);
    put(out, 108, 8, header.uid);
    put(out, 116, 8, header.gid);
    put(out, 124, 12, header.size);
    put(out, 136, 12, header.mtime);
    put(out, 148, 8, "        ");
    out[156] = header.type;
    put(out, 157, 100, header.link);
    put(out, 257, 8, header.magic);
    put(out, 329, 8, header.major_number);
    put(out, 337, 8, header.minor_number);
    put(out, 345, 155, header.prefix);
    std::size_t sum = 0;
    for (const char c : out) sum += static_cast<unsigned char>(c);
    put(out, 148, 7, octal(sum).substr(5) + std::string(1, '\0'));
    return out;
}

std::string padded(std::string content) {
    content.resize((content.size() + 511) / 512 * 512, '\0');
    return content;
}

std::string file(const std::string& name, const std::string& content, const std::string& mode) {
    Header header;
    header.name = name;
    header.mode = mode;
    header.size = octal(content.size());
    return block(header) + padded(content);
}

std::string folder(const std::string& name, const std::string& mode) {
    Header header;
    header.name = name;
    header.type = '5';
    header.mode = mode;
    return block(header);
}

std::string symlink(const std::string& name, const std::string& target) {
    Header header;
    header.name = name;
    header.type = '2';
    header.link = target;
    return block(header);
}

std::string hard_link(const std::string& name, const std::string& target) {
    Header header;
    header.name = name;
    header.type = '1';
    header.link = target;
    return block(header);
}

std::string device(const std::string& name, char type, unsigned major_number, unsigned minor_number) {
    Header header;
    header.name = name;
    header.type = type;
    header.major_number = octal(major_number).substr(4);
    header.minor_number = octal(minor_number).substr(4);
    return block(header);
}

std::string extension(char type, const std::string& body) {
    Header header;
    header.name = "extension";
    header.type = type;
    header.size = octal(body.size());
    return block(header) + padded(body);
}

std::string record(const std::string& key, const std::string& value) { return berth::image::pax_record(key, value); }

std::string end() { return std::string(1024, '\0'); }

}  // namespace tar_bytes
