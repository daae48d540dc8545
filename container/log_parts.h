#pragma once
// The files of a log, rotated and compressed ones included, and the records in them: where reading begins, and one record after
// the other. What a record means is log_reader.h's matter.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "base/sys.h"
#include "container/log_reader.h"
#include "image/compression.h"

namespace berth::container {

/// One file of the log: the current one or a rotated part.
struct Part {
    Fd file;
    struct stat status;
    bool is_compressed = false;
    bool is_same_file(const struct stat& other) const {
        return status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    }
};

/// Oldest first, the current file last; those that are gone meanwhile are left out.
std::vector<Part> open_parts(const Fd& folder, const std::string& name);

/// Reads a file from its position on.
class FileSource final : public image::ByteSource {
public:
    explicit FileSource(const Fd& file) : file_(file) {}
    Result<std::size_t> read(std::span<char> into) override { return sys::read(file_, into); }

private:
    const Fd& file_;
};

/// Whole records out of a stream of bytes: lines without their ends, or what stands between two lengths.
class RecordReader {
public:
    RecordReader(image::ByteSource& source, LogFiles::Form form) : source_(source), form_(form) {}

    /// The next record; nothing when there is none (yet). It lives until the next call.
    Result<std::optional<std::string_view>> next();
    /// The stream begins anew.
    void restart();

private:
    std::optional<std::string_view> cut_line();
    std::optional<std::string_view> cut_record();
    Result<std::size_t> fill();

    image::ByteSource& source_;
    LogFiles::Form form_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
    bool skips_ = false;
    bool is_damaged_ = false;
};

/// Where reading begins: a part, and how many of its records to leave out (a compressed part cannot be sought in).
struct Beginning {
    std::size_t part = 0;
    std::uint64_t skipped = 0;
};
/// For the last `tail` records of the log, or all of them. The position of a part that is no compressed one is moved there.
Result<Beginning> find_beginning(const std::vector<Part>& parts, std::optional<std::uint64_t> tail, LogFiles::Form form);

}  // namespace berth::container
