#pragma once
// Archives as text, byte by byte: also those that no writer makes.

#include <string>
#include <vector>

#include "image/tar_entry.h"

namespace tar_bytes {

/// A header's fields as they are written, the checksum put right.
struct Header {
    std::string name;
    char type = '0';
    std::string mode = "0000644";
    std::string uid = "0000000";
    std::string gid = "0000000";
    std::string size = "00000000000";
    std::string mtime = "00000000000";
    std::string link;
    std::string magic = std::string("ustar\00000", 8);
    std::string major_number;
    std::string minor_number;
    std::string prefix;
};
std::string block(const Header& header);
/// Content, filled up to whole blocks.
std::string padded(std::string content);
std::string octal(std::size_t value);
/// A whole member.
std::string file(const std::string& name, const std::string& content, const std::string& mode = "0000644");
std::string folder(const std::string& name, const std::string& mode = "0000755");
std::string symlink(const std::string& name, const std::string& target);
std::string hard_link(const std::string& name, const std::string& target);
std::string device(const std::string& name, char type, unsigned major_number, unsigned minor_number);
/// An extension header: 'x' or 'g' with records, 'L' or 'K' with a name.
std::string extension(char type, const std::string& body);
std::string record(const std::string& key, const std::string& value);
/// The end mark.
std::string end();

}  // namespace tar_bytes
