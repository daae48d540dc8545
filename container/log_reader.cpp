#include "container/log_reader.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <unistd.h>

#include "base/cat.h"
#include "container/engine.h"
#include "container/folder_watch.h"
#include "container/log_parts.h"
#include "container/registry.h"
#include "image/compression.h"

namespace berth::container {

namespace {

using Sink = std::function<Result<bool>(const LogEntry&)>;
// A monitor that was killed writes no last event; this bounds how long a follower waits for one.
constexpr int longest_silence_ms = 2000;

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
    const Beginning begin = TRY(find_beginning(parts, query.tail, files.form));
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
