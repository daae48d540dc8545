#pragma once
// One member of a tar archive, as the reader finds it and the writer takes it.

#include <cstdint>
#include <map>
#include <string>

#include <sys/types.h>

namespace berth::image {

enum class TarType { file, hard_link, symlink, character_device, block_device, folder, fifo };

struct TarEntry {
    std::string path;  ///< as in the archive when read; relative, without "./", when written
    TarType type = TarType::file;
    mode_t mode = 0;  ///< 07777 only
    uid_t uid = 0;
    gid_t gid = 0;
    std::int64_t size = 0;  ///< bytes of content; 0 for anything but files
    std::int64_t mtime = 0;
    long mtime_nanoseconds = 0;  ///< read from PAX; never written
    std::string link;            ///< target of a link
    unsigned device_major = 0;
    unsigned device_minor = 0;
    std::map<std::string, std::string> xattrs;  ///< name without the SCHILY.xattr. prefix, value as it is
};

}  // namespace berth::image
