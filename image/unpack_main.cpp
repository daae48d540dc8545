// berth-unpack: any archive that libarchive reads on standard input (tar, cpio, zip, 7z, … compressed by xz, bzip2, lz4, …),
// as a plain tar on standard output. A program of its own, so that these parsers cost berth's start nothing and run apart
// from it: what they make goes through berth's own strict reader. It gives up everything but its three descriptors before it reads
// the first byte (confine.h). On failure one line on standard error and exit status 1.

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "base/sys.h"
#include "image/confine.h"
#include "image/tar_writer.h"

namespace berth::image {
namespace {

Error refused(archive* from, std::string_view what) {
    const char* text = ::archive_error_string(from);
    return Error(Kind::corrupt, cat(what, ": ", text == nullptr ? "unknown failure" : text));
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

std::optional<TarType> type_of(archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr) return TarType::hard_link;
    switch (::archive_entry_filetype(entry)) {
        case AE_IFREG: return TarType::file;
        case AE_IFDIR: return TarType::folder;
        case AE_IFLNK: return TarType::symlink;
        case AE_IFCHR: return TarType::character_device;
        case AE_IFBLK: return TarType::block_device;
        case AE_IFIFO: return TarType::fifo;
        default: return {};
    }
}

TarEntry entry_of(archive_entry* from, TarType type) {
    TarEntry entry;
    entry.type = type;
    entry.path = text_of(::archive_entry_pathname(from));
    entry.mode = ::archive_entry_perm(from) & 07777;
    entry.uid = static_cast<uid_t>(::archive_entry_uid(from));
    entry.gid = static_cast<gid_t>(::archive_entry_gid(from));
    entry.mtime = ::archive_entry_mtime_is_set(from) ? ::archive_entry_mtime(from) : 0;
    if (type == TarType::hard_link) entry.link = text_of(::archive_entry_hardlink(from));
    if (type == TarType::symlink) entry.link = text_of(::archive_entry_symlink(from));
    if (type == TarType::character_device || type == TarType::block_device) {
        entry.device_major = static_cast<unsigned>(::archive_entry_rdevmajor(from));
        entry.device_minor = static_cast<unsigned>(::archive_entry_rdevminor(from));
    }
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ::archive_entry_xattr_reset(from);
    while (::archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
        if (size != 0) entry.xattrs[name] = std::string(static_cast<const char*>(value), size);
    return entry;
}

/// A file's content; libarchive gives it with the holes left out, and zip tells the size only at the end.
Result<std::string> read_content(archive* from) {
    constexpr std::size_t limit = 1u << 30;
    std::string content;
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int status = ARCHIVE_OK;
    while ((status = ::archive_read_data_block(from, &block, &size, &offset)) == ARCHIVE_OK) {
        if (static_cast<std::size_t>(offset) + size > limit) return Error(Kind::unsupported, "a file of unknown size is larger than 1 GiB");
        content.resize(static_cast<std::size_t>(offset));
        content.append(static_cast<const char*>(block), size);
    }
    if (status != ARCHIVE_EOF) return refused(from, "content");
    return content;
}

Result<void> copy_content(archive* from, TarWriter& writer, std::int64_t size) {
    static const std::vector<char> zeros(64u << 10, '\0');
    const void* block = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    std::int64_t at = 0;
    const auto fill = [&](std::int64_t end) -> Result<void> {
        while (at < end) {
            const auto part = std::min<std::int64_t>(end - at, static_cast<std::int64_t>(zeros.size()));
            TRY(writer.write_content({zeros.data(), static_cast<std::size_t>(part)}));
            at += part;
        }
        return {};
    };
    int status = ARCHIVE_OK;
    while ((status = ::archive_read_data_block(from, &block, &length, &offset)) == ARCHIVE_OK) {
        if (offset < at || offset + static_cast<std::int64_t>(length) > size) return Error(Kind::corrupt, "content is longer than its header says");
        TRY(fill(offset));
        if (length != 0) TRY(writer.write_content({static_cast<const char*>(block), length}));
        at += static_cast<std::int64_t>(length);
    }
    if (status != ARCHIVE_EOF) return refused(from, "content");
    return fill(size);
}

Result<void> convert(archive* from, TarWriter& writer) {
    archive_entry* found = nullptr;
    int status = ARCHIVE_OK;
    while ((status = ::archive_read_next_header(from, &found)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
        const auto type = type_of(found);
        if (!type) continue;
        if (::archive_entry_pathname(found) == nullptr) return Error(Kind::corrupt, "archive: a name is in a charset that cannot be read");
        TarEntry entry = entry_of(found, *type);
        const std::string path = entry.path;
        if (*type != TarType::file) {
            TRY(writer.add(entry), path);
        } else if (!::archive_entry_size_is_set(found)) {
            const std::string content = TRY(read_content(from), path);
            TRY(writer.add_file(entry, content), path);
        } else {
            entry.size = ::archive_entry_size(found);
            TRY(writer.add(entry), path);
            TRY(copy_content(from, writer, entry.size), path);
        }
    }
    if (status != ARCHIVE_EOF) return refused(from, "archive");
    return writer.finish();
}

/// libarchive's own reader of a descriptor looks at the file first, which is none of ours to allow.
la_ssize_t read_input(archive* to, void*, const void** bytes) {
    static std::vector<char> buffer(256u << 10);
    while (true) {
        const ssize_t got = ::read(0, buffer.data(), buffer.size());
        *bytes = buffer.data();
        if (got >= 0) return got;
        if (errno != EINTR) return ::archive_set_error(to, errno, "read"), -1;
    }
}

/// Standard input without its compression, as libarchive's filters find it. `head` is what was looked at already.
class Plain {
public:
    static Result<Plain> open() {
        archive* from = ::archive_read_new();
        ::archive_read_support_filter_all(from);
        ::archive_read_support_format_raw(from);
        ::archive_read_support_format_empty(from);
        archive_entry* only = nullptr;
        if (::archive_read_open(from, nullptr, nullptr, read_input, nullptr) != ARCHIVE_OK) return refused(from, "archive");
        const int status = ::archive_read_next_header(from, &only);
        if (status != ARCHIVE_OK && status != ARCHIVE_EOF) return refused(from, "archive");
        return Plain(from, status == ARCHIVE_EOF);
    }
    /// A piece; empty at the end. It lives until the next call.
    Result<std::string_view> next() {
        if (is_at_end_) return std::string_view();
        const la_ssize_t got = ::archive_read_data(from_, buffer_.data(), buffer_.size());
        if (got < 0) return refused(from_, "archive");
        is_at_end_ = got == 0;
        return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
    }

private:
    Plain(archive* from, bool is_at_end) : from_(from), buffer_(256u << 10), is_at_end_(is_at_end) {}
    archive* from_;
    std::vector<char> buffer_;
    bool is_at_end_;
};

struct Feed {
    Plain plain;
    std::string_view piece;  ///< read but not given yet
};

la_ssize_t give(archive* to, void* context, const void** bytes) {
    Feed& feed = *static_cast<Feed*>(context);
    if (feed.piece.empty()) {
        Result<std::string_view> next = feed.plain.next();
        if (!next.ok()) return ::archive_set_error(to, EIO, "%s", next.error().text().c_str()), -1;
        feed.piece = next.value();
    }
    *bytes = feed.piece.data();
    return static_cast<la_ssize_t>(std::exchange(feed.piece, {}).size());
}

/// A tar passes as it is: its digest is the layer's. Anything else is made into one.
Result<void> run() {
    const Fd out(1);
    FdSink sink(out);
    Feed feed{TRY(Plain::open()), {}};
    feed.piece = TRY(feed.plain.next());
    if (feed.piece.size() >= 512 && feed.piece.substr(257, 5) == "ustar") {
        while (!feed.piece.empty()) {
            TRY(sink.write(feed.piece));
            feed.piece = TRY(feed.plain.next());
        }
        return sink.flush();
    }
    archive* from = ::archive_read_new();
    ::archive_read_support_format_all(from);
    ::archive_read_support_format_empty(from);
    if (::archive_read_open(from, &feed, nullptr, give, nullptr) != ARCHIVE_OK) return refused(from, "archive");
    TarWriter writer(sink);
    TRY(convert(from, writer));
    return sink.flush();
}

}  // namespace

/// The whole work, for main.
Result<void> convert_standard_input() { return run(); }

}  // namespace berth::image

int main() {
    // Names of zip and its like are Unicode, which libarchive gives only in a locale that has it (and then in composed form);
    // those of tar and cpio are bytes in any locale.
    std::setlocale(LC_CTYPE, "C.UTF-8");
    // A zip has local times, whose zone is a file. When TZ is set, libc does not look whether it changed meanwhile.
    ::setenv("TZ", ":/etc/localtime", 0);
    ::tzset();
    const berth::Result<void> confined = berth::image::confine_to_standard_streams();
    const berth::Result<void> done = confined.ok() ? berth::image::convert_standard_input() : berth::Result<void>(berth::Error(berth::Kind::system, confined.error().text()));
    if (done.ok()) return 0;
    const std::string line = berth::cat(done.error().text(), "\n");
    return ::write(2, line.data(), line.size()) < 0 ? 2 : 1;
}
