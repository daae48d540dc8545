#include "container/log_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "container/engine.h"
#include "container/folder_watch.h"
#include "container/registry.h"
#include "image/compression.h"

namespace berth::container {

namespace {

using Sink = std::function<Result<bool>(const LogEntry&)>;
constexpr std::size_t piece = 256 * 1024;
// A line of the file holds at most 16 KiB of text, each byte of which may have become six.
constexpr std::size_t longest_line = 1 << 20;
// A monitor that was killed writes no last event; this bounds how long a follower waits for one.
constexpr int longest_silence_ms = 2000;

/// One file of the log: the current one or a rotated part.
struct Part {
    Fd file;
    struct stat status;
    bool is_compressed = false;
    bool is_same_file(const struct stat& other) const {
        return status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    }
};

std::optional<Part> open_part(const Fd& folder, const std::string& name, bool is_compressed) {
    auto file = sys::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (!file.ok()) return std::nullopt;
    const auto status = sys::fstat(file.value());
    if (!status.ok() || !S_ISREG(status.value().st_mode)) return std::nullopt;
    return Part{std::move(file).value(), status.value(), is_compressed};
}

/// Oldest first, the current file last. Opened from the newest on, so that a rotation meanwhile at most shows one file
/// twice, which is noticed.
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

/// Reads a file from its position on.
class FileSource final : public image::ByteSource {
public:
    explicit FileSource(const Fd& file) : file_(file) {}
    Result<std::size_t> read(std::span<char> into) override { return sys::read(file_, into); }

private:
    const Fd& file_;
};

std::size_t length_at(std::string_view bytes, std::size_t at) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    return length;
}

/// Whole records out of a stream of bytes: lines without their ends, or what stands between two lengths.
class RecordReader {
public:
    RecordReader(image::ByteSource& source, LogFiles::Form form) : source_(source), form_(form) {}

    /// The next record; nothing when there is none (yet). It lives until the next call.
    Result<std::optional<std::string_view>> next() {
        for (;;) {
            const std::optional<std::string_view> record = form_ == LogFiles::Form::lines ? cut_line() : cut_record();
            if (record) return record;
            const std::size_t got = TRY(fill());
            if (got == 0) return std::optional<std::string_view>();
        }
    }
    /// The stream begins anew.
    void restart() {
        buffer_.clear();
        begin_ = scanned_ = 0;
        is_damaged_ = false;
    }

private:
    std::optional<std::string_view> cut_line() {
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
    std::optional<std::string_view> cut_record() {
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
    Result<std::size_t> fill() {
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

    image::ByteSource& source_;
    LogFiles::Form form_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
    bool skips_ = false;
    bool is_damaged_ = false;
};

/// Parses records and hands on those that were asked for.
class Emitter {
public:
    Emitter(const LogQuery& query, LogFiles::Form form, const Sink& sink) : query_(query), form_(form), sink_(sink) {}
    LogFiles::Form form() const { return form_; }

    /// False when no further record is wanted.
    Result<bool> take(std::string_view record) {
        const std::optional<LogEntry> entry = form_ == LogFiles::Form::lines ? parse_log_line(record) : parse_log_record(record);
        if (!entry || (query_.since && entry->time < *query_.since)) return true;
        if (only_after_ && entry->time <= *only_after_) return true;
        // The writer's times only grow, so nothing behind this record is wanted.
        if (query_.until && entry->time > *query_.until) return false;
        last_ = entry->time;
        return sink_(*entry);
    }
    Result<bool> take_all(RecordReader& records) {
        for (;;) {
            const std::optional<std::string_view> record = TRY(records.next());
            if (!record) return true;
            const bool goes_on = TRY(take(*record));
            if (!goes_on) return false;
        }
    }
    /// From here on only what is newer than the last record handed on.
    void skip_known() { only_after_ = last_; }
    void take_unknown() { only_after_.reset(); }

private:
    const LogQuery& query_;
    LogFiles::Form form_;
    const Sink& sink_;
    std::optional<Moment> last_;
    std::optional<Moment> only_after_;
};

Result<bool> emit_part(const Part& part, std::uint64_t skipped, Emitter& emitter) {
    FileSource plain(part.file);
    const std::unique_ptr<image::ByteSource> unpacked = part.is_compressed ? image::make_gunzip(plain) : nullptr;
    RecordReader records(unpacked ? *unpacked : plain, emitter.form());
    for (; skipped > 0; --skipped) TRY(records.next());
    return emitter.take_all(records);
}

// --- tail --------------------------------------------------------------------------------------------------------------

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

/// Where reading begins: a part, and how many of its records to leave out (a compressed part cannot be sought in).
struct Beginning {
    std::size_t part = 0;
    std::uint64_t skipped = 0;
};
Result<Beginning> find_beginning(const std::vector<Part>& parts, const LogQuery& query, LogFiles::Form form) {
    Beginning begin;
    if (!query.tail) return begin;
    std::uint64_t wanted = *query.tail;
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

// --- follow ------------------------------------------------------------------------------------------------------------

/// Reads on in the current file, and over rotations of it.
class Follower {
public:
    Follower(const LogFiles& files, Emitter& emitter, Part current)
        : files_(files), emitter_(emitter), current_(std::move(current)), source_(current_.file), records_(source_, files.form) {}

    /// All there is by now; false when no more is wanted.
    Result<bool> read_on() {
        TRY(notice_truncation());
        for (;;) {
            // Asked before reading: what is written into the old file comes before its name is given to a new one.
            const bool was_rotated = is_rotated();
            const bool goes_on = TRY(emitter_.take_all(records_));
            if (!goes_on) return false;
            if (!was_rotated) return true;
            const bool moved_on = TRY(move_on());
            if (!moved_on) return false;
        }
    }

private:
    bool is_rotated() const {
        const auto named = sys::fstatat(files_.folder, files_.name);
        return named.ok() && !current_.is_same_file(named.value());
    }
    Result<void> notice_truncation() {
        const struct stat status = TRY(sys::fstat(current_.file));
        if (::lseek(current_.file.raw(), 0, SEEK_CUR) <= status.st_size) return {};
        if (::lseek(current_.file.raw(), 0, SEEK_SET) < 0) return Error::of_errno(errno, "seek");
        records_.restart();
        return {};
    }
    /// Reads the parts between the old file and the current one, and takes the current one.
    Result<bool> move_on() {
        std::vector<Part> parts = open_parts(files_.folder, files_.name);
        if (parts.empty()) return true;
        const auto old = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.is_same_file(current_.status); });
        // Compressed meanwhile: its lines and those after it are told apart by their time.
        std::size_t next = 0;
        if (old == parts.end()) emitter_.skip_known();
        else next = static_cast<std::size_t>(old - parts.begin()) + 1;
        for (; next + 1 < parts.size(); ++next) {
            const bool goes_on = TRY(emit_part(parts[next], 0, emitter_));
            if (!goes_on) return false;
        }
        emitter_.take_unknown();
        current_ = std::move(parts.back());
        records_.restart();
        return true;
    }

    const LogFiles& files_;
    Emitter& emitter_;
    Part current_;
    FileSource source_;
    RecordReader records_;
};

/// The files that the container's driver writes (container/log_json.cpp, log_local.cpp).
Result<LogFiles> files_of(const Record& record, const Fd& folder) {
    const std::string& driver = record.definition.host.log_config.type;
    if (driver == "json-file") return LogFiles{folder, cat(record.id(), "-json.log"), LogFiles::Form::lines};
    if (driver == "local") return LogFiles{folder, "container.log", LogFiles::Form::records};
    return Error(Kind::unsupported, cat("container ", record.name(), " has log driver '", driver, "', which cannot be read here"))
        .with_hint(driver == "journald" ? cat("journalctl CONTAINER_NAME=", record.name()) : "use json-file or local");
}

/// What state.json says now, whoever lives: a restart under way is no end.
bool may_still_write(const Registry& registry, const std::string& id) {
    const auto record = registry.load(id);
    if (!record.ok() || !record.value().run.state.running()) return false;
    const auto locked = registry.is_run_locked(id);
    return locked.ok() && locked.value();
}

}  // namespace

Result<void> read_log_files(const LogFiles& files, const LogQuery& query, const std::function<bool()>& is_written, const Sink& sink) {
    std::optional<FolderWatch> watch;
    if (query.follow) watch = TRY(FolderWatch::open(files.folder));
    bool goes_on = true;
    Emitter emitter(query, files.form, sink);
    std::vector<Part> parts = open_parts(files.folder, files.name);
    const Beginning begin = TRY(find_beginning(parts, query, files.form));
    // When following, the current file is the follower's.
    for (std::size_t i = begin.part; i + (query.follow ? 1 : 0) < parts.size() && goes_on; ++i)
        goes_on = TRY(emit_part(parts[i], i == begin.part ? begin.skipped : 0, emitter));
    if (!query.follow) return {};

    // `tail 0`: only what comes from now on.
    if (!parts.empty() && begin.part == parts.size() && ::lseek(parts.back().file.raw(), 0, SEEK_END) < 0)
        return Error::of_errno(errno, "seek");
    while (parts.empty() && is_written()) {
        watch->wait(longest_silence_ms);
        parts = open_parts(files.folder, files.name);
    }
    if (parts.empty()) return {};
    Follower follower(files, emitter, std::move(parts.back()));
    while (goes_on) {
        // Asked before reading, so that the last lines are read after the last writer is known to be gone.
        const bool may_grow = is_written();
        goes_on = TRY(follower.read_on());
        if (!may_grow || !goes_on) return {};
        watch->wait(longest_silence_ms);
    }
    return {};
}

Result<void> read_logs(Engine& engine, const Record& record, const LogQuery& query, const Sink& sink) {
    Registry* registry = TRY(engine.containers());
    const Fd folder = TRY(registry->folder(record.id()));
    const LogFiles files = TRY(files_of(record, folder));
    return read_log_files(files, query, [&] { return may_still_write(*registry, record.id()); }, sink);
}

Result<void> truncate_logs(Engine& engine, const Record& record) {
    Registry* registry = TRY(engine.containers());
    const Fd folder = TRY(registry->folder(record.id()));
    const LogFiles files = TRY(files_of(record, folder));
    const std::string& name = files.name;
    auto file = sys::openat(folder, name, O_WRONLY | O_NOFOLLOW);
    if (!file.ok() && file.error().code() == ENOENT) return {};
    if (!file.ok()) return std::move(file).error();
    // The writer appends (O_APPEND), so it goes on at the new end.
    if (::ftruncate(file.value().raw(), 0) != 0) return Error::of_errno(errno, cat("truncate ", name));
    for (int index = 1;; ++index) {
        const bool plain = sys::unlinkat(folder, cat(name, ".", index)).ok();
        const bool packed = sys::unlinkat(folder, cat(name, ".", index, ".gz")).ok();
        if (!plain && !packed) return {};
    }
}

}  // namespace berth::container
