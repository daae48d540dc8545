#include "container/log_parts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <unistd.h>

#include "base/cat.h"

namespace berth::container {

namespace {

constexpr std::size_t piece = 256 * 1024;
// A line of the file holds at most 16 KiB of text, each byte of which may have become six.
constexpr std::size_t longest_line = 1 << 20;

std::optional<Part> open_part(const Fd& folder, const std::string& name, bool is_compressed) {
    auto file = sys::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (!file.ok()) return std::nullopt;
    const auto status = sys::fstat(file.value());
    if (!status.ok() || !S_ISREG(status.value().st_mode)) return std::nullopt;
    return Part{std::move(file).value(), status.value(), is_compressed};
}

std::size_t length_at(std::string_view bytes, std::size_t at) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    return length;
}

/// Moves the file's position to where its last `wanted` lines begin, and takes those found off `wanted`.
Result<void> seek_tail(const Part& part, std::uint64_t& wanted) {
    off_t at = part.status.st_size;
    std::string buffer(piece, '\0');
    bool at_end = true;
    std::uint64_t found = 0;
    while (at > 0) {
        const std::size_t size = static_cast<std::size_t>(std::min<off_t>(at, static_cast<off_t>(piece)));
        at -= static_cast<off_t>(size);
        if (::pread(part.file.raw(), buffer.data(), size, at) != static_cast<ssize_t>(size))
            return Error::of_errno(errno, "read log");
        for (std::size_t i = size; i-- > 0;) {
            if (buffer[i] != '\n') continue;
            // The last line's own end comes first; a line begins behind each other one.
            if (!std::exchange(at_end, false) && ++found == wanted) {
                wanted = 0;
                if (::lseek(part.file.raw(), at + static_cast<off_t>(i) + 1, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
                return {};
            }
        }
    }
    wanted -= std::min(wanted, found + (at_end ? 0 : 1));
    return {};
}

/// The same for records: the length behind each leads to the one before. From a damaged end the whole file is read.
Result<void> seek_tail_of_records(const Part& part, std::uint64_t& wanted) {
    off_t at = part.status.st_size;
    while (at > 0 && wanted > 0) {
        std::array<char, 4> bytes{};
        if (::pread(part.file.raw(), bytes.data(), bytes.size(), at - 4) != 4) break;
        const std::size_t length = length_at({bytes.data(), bytes.size()}, 0);
        const off_t begin = at - static_cast<off_t>(length) - 8;
        if (length > longest_line || begin < 0) break;
        at = begin;
        --wanted;
    }
    if (wanted > 0 || at < 0) return {};
    if (::lseek(part.file.raw(), at, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
    return {};
}

Result<std::uint64_t> count_records(const Part& part, LogFiles::Form form) {
    FileSource packed(part.file);
    const std::unique_ptr<image::ByteSource> unpacked = image::make_gunzip(packed);
    RecordReader records(*unpacked, form);
    std::uint64_t count = 0;
    for (;;) {
        const std::optional<std::string_view> record = TRY(records.next());
        if (!record) break;
        ++count;
    }
    if (::lseek(part.file.raw(), 0, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
    return count;
}

}  // namespace

// Opened from the newest on, so that a rotation meanwhile at most shows one file twice, which is noticed.
std::vector<Part> open_parts(const Fd& folder, const std::string& name) {
    std::vector<Part> parts;
    if (auto current = open_part(folder, name, false)) parts.push_back(std::move(*current));
    for (int index = 1;; ++index) {
        // While a part is being compressed both forms are there; the plain one goes last.
        auto part = open_part(folder, cat(name, ".", index), false);
        if (!part) part = open_part(folder, cat(name, ".", index, ".gz"), true);
        if (!part) break;
        if (parts.empty() || !parts.back().is_same_file(part->status)) parts.push_back(std::move(*part));
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
}

Result<std::optional<std::string_view>> RecordReader::next() {
    for (;;) {
        const std::optional<std::string_view> record = form_ == LogFiles::Form::lines ? cut_line() : cut_record();
        if (record) return record;
        const std::size_t got = TRY(fill());
        if (got == 0) return std::optional<std::string_view>();
    }
}

void RecordReader::restart() {
    buffer_.clear();
    begin_ = scanned_ = 0;
    is_damaged_ = false;
}

std::optional<std::string_view> RecordReader::cut_line() {
    for (;;) {
        const std::size_t end = buffer_.find('\n', scanned_);
        scanned_ = std::min(end, buffer_.size());
        if (end == std::string::npos) return std::nullopt;
        const std::string_view line(buffer_.data() + begin_, end - begin_);
        begin_ = scanned_ = end + 1;
        if (!std::exchange(skips_, false)) return line;
    }
}

/// Four bytes of length, the record, the length again. Where they differ there is no telling what follows.
std::optional<std::string_view> RecordReader::cut_record() {
    const std::string_view rest = std::string_view(buffer_).substr(begin_);
    if (is_damaged_ || rest.size() < 4) return std::nullopt;
    const std::size_t length = length_at(rest, 0);
    is_damaged_ = length > longest_line;
    if (is_damaged_ || rest.size() < length + 8) return std::nullopt;
    is_damaged_ = length_at(rest, length + 4) != length;
    if (is_damaged_) return std::nullopt;
    begin_ += length + 8;
    return rest.substr(4, length);
}

Result<std::size_t> RecordReader::fill() {
    buffer_.erase(0, is_damaged_ ? buffer_.size() : begin_);
    scanned_ -= std::min(scanned_, std::exchange(begin_, 0));
    // A line too long to be ours is dropped as it comes.
    if (form_ == LogFiles::Form::lines && buffer_.size() > longest_line) {
        buffer_.clear();
        scanned_ = 0;
        skips_ = true;
    }
    const std::size_t held = buffer_.size();
    buffer_.resize(held + piece);
    auto got = source_.read(std::span(buffer_.data() + held, piece));
    buffer_.resize(held + (got.ok() ? got.value() : 0));
    return got;
}

Result<Beginning> find_beginning(const std::vector<Part>& parts, std::optional<std::uint64_t> tail, LogFiles::Form form) {
    Beginning begin;
    if (!tail) return begin;
    std::uint64_t wanted = *tail;
    for (begin.part = parts.size(); begin.part > 0 && wanted > 0; --begin.part) {
        const Part& part = parts[begin.part - 1];
        if (!part.is_compressed) {
            TRY(form == LogFiles::Form::lines ? seek_tail(part, wanted) : seek_tail_of_records(part, wanted));
            continue;
        }
        const std::uint64_t count = TRY(count_records(part, form));
        begin.skipped = count > wanted ? count - wanted : 0;
        wanted -= std::min(wanted, count);
    }
    return begin;
}

}  // namespace berth::container
