#include "container/events.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "container/folder_watch.h"

namespace berth::container {

namespace {

using Sink = std::function<Result<bool>(const Event&)>;

constexpr std::string_view file_name = "events.log";
constexpr std::string_view old_name = "events.log.1";
constexpr off_t most_bytes = 8 << 20;
constexpr std::size_t piece = 64 * 1024;
constexpr std::size_t longest_line = 1 << 20;

constexpr std::string_view filter_keys[] = {"container", "image", "network", "volume", "event", "label", "scope", "type",
                                            "daemon", "plugin", "node", "service", "secret", "config"};

bool is_type_key(std::string_view key) {
    return key == "container" || key == "image" || key == "network" || key == "volume";
}

const std::string* attribute(const Event& event, const std::string& name) {
    const auto found = event.actor.attributes.find(name);
    return found == event.actor.attributes.end() ? nullptr : &found->second;
}

bool is_id_of(const std::string& id, const std::string& wanted) {
    return id == wanted || (wanted.size() >= 3 && (id.starts_with(wanted) || id.starts_with(cat("sha256:", wanted))));
}

/// docker: an image is meant by its name with or without the tag.
bool is_image(const std::string* name, const std::string& wanted) {
    if (name == nullptr) return false;
    const std::size_t tag = name->rfind(':');
    const bool has_tag = tag != std::string::npos && name->find('/', tag) == std::string::npos;
    return *name == wanted || (has_tag && std::string_view(*name).substr(0, tag) == wanted);
}

/// A container, volume or network is in its own events only; an image also in those of its containers.
bool is_actor(const Event& event, const std::string& type, const std::string& wanted) {
    if (type == "image" && event.type == "container") return is_image(attribute(event, "image"), wanted);
    if (event.type != type) return false;
    const std::string* name = attribute(event, "name");
    if (type == "image" && (is_image(name, wanted) || is_image(&event.actor.id, wanted))) return true;
    return is_id_of(event.actor.id, wanted) || (name != nullptr && *name == wanted);
}

bool has_label(const Event& event, const std::string& wanted) {
    const std::size_t equals = wanted.find('=');
    const std::string* value = attribute(event, wanted.substr(0, equals));
    return value != nullptr && (equals == std::string::npos || *value == wanted.substr(equals + 1));
}

bool matches_one(const Event& event, const std::string& key, const std::string& wanted) {
    if (key == "type") return event.type == wanted;
    if (key == "scope") return event.scope == wanted;
    // docker: "health_status" means "health_status: healthy" too.
    if (key == "event") return event.action == wanted || event.action.starts_with(cat(wanted, ":"));
    if (key == "label") return has_label(event, wanted);
    return is_type_key(key) && is_actor(event, key, wanted);
}

/// Lines of one file from its position on; keeps the half line at its end for the next call.
class EventReader {
public:
    explicit EventReader(Fd file) : file_(std::move(file)) {}
    const Fd& file() const { return file_; }

    Result<bool> read_all(const Sink& sink) {
        for (;;) {
            const std::size_t held = buffer_.size();
            buffer_.resize(held + piece);
            auto got = sys::read(file_, std::span(buffer_.data() + held, piece));
            buffer_.resize(held + (got.ok() ? got.value() : 0));
            const std::size_t size = TRY(std::move(got));
            if (size == 0) return true;
            const bool goes_on = TRY(take_lines(sink));
            if (!goes_on) return false;
            if (buffer_.size() > longest_line) buffer_.clear();
        }
    }

private:
    Result<bool> take_lines(const Sink& sink) {
        std::size_t begin = 0;
        for (std::size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const auto json = parse_json(std::string_view(buffer_).substr(begin, end - begin));
            if (!json.ok()) continue;  // Torn by a crash.
            const auto event = from_json<Event>(json.value());
            if (!event.ok()) continue;
            const bool goes_on = TRY(sink(event.value()));
            if (!goes_on) return false;
        }
        buffer_.erase(0, begin);
        return true;
    }
    Fd file_;
    std::string buffer_;
};

Result<Fd> open_current(const Fd& folder) {
    return sys::openat(folder, std::string(file_name), O_RDONLY | O_CREAT | O_NOFOLLOW, 0600);
}

bool is_same_file(const Fd& left, const Fd& right) {
    const auto a = sys::fstat(left), b = sys::fstat(right);
    return a.ok() && b.ok() && a.value().st_ino == b.value().st_ino && a.value().st_dev == b.value().st_dev;
}

/// Events from before the last rotation.
Result<bool> read_old_file(const Fd& folder, const Fd& current, const Sink& sink) {
    auto old = sys::openat(folder, std::string(old_name), O_RDONLY | O_NOFOLLOW);
    if (!old.ok() || is_same_file(old.value(), current)) return true;
    EventReader reader(std::move(old).value());
    return reader.read_all(sink);
}

/// Milliseconds until then, a minute at most since the clock may be set; 0 when it is past.
std::optional<int> time_left(const std::optional<Moment>& until) {
    if (!until) return std::nullopt;
    const std::int64_t left = until->nanoseconds - now().nanoseconds;
    if (left <= 0) return 0;
    return static_cast<int>(std::min<std::int64_t>(left / 1'000'000 + 1, 60'000));
}

}  // namespace

Result<void> EventFilter::add(std::string_view key, std::string_view value) {
    if (std::find(std::begin(filter_keys), std::end(filter_keys), key) == std::end(filter_keys))
        return Error(Kind::invalid, cat("invalid filter '", key, "'"))
            .with_hint("filters are container, image, network, volume, event, label, scope and type");
    if (value.empty()) return Error(Kind::invalid, cat("filter '", key, "' needs a value"));
    wanted_[std::string(key)].emplace_back(value);
    return {};
}

bool EventFilter::matches(const Event& event) const {
    return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
        const auto& [key, values] = wanted;
        const auto fits = [&](const std::string& value) { return matches_one(event, key, value); };
        // docker: labels must all be there, of everything else one value is enough.
        if (key == "label") return std::all_of(values.begin(), values.end(), fits);
        return std::any_of(values.begin(), values.end(), fits);
    });
}

Result<EventLog> EventLog::open(const std::string& root) {
    TRY(make_host_folders(root, 0700));
    Fd folder = TRY(sys::open(root, O_RDONLY | O_DIRECTORY));
    return EventLog(std::move(folder), root);
}

Result<void> EventLog::append(std::vector<Event> events) const {
    const std::string name(file_name);
    const Moment present = now();
    std::string lines;
    for (Event& event : events) {
        if (event.time.nanoseconds == 0) event.time = present;
        lines += cat(json_text(to_json(event)), "\n");
    }
    const Fd file = TRY(sys::openat(folder_, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
    // One write with O_APPEND is one piece in the file, whoever else writes (write(2)).
    const std::size_t written = TRY(sys::write(file, lines));
    if (written != lines.size()) return Error(Kind::system, "events.log: no space left");

    const struct stat status = TRY(sys::fstat(file));
    if (status.st_size < most_bytes) return {};
    // Two writers may both come here; who gets the lock second sees a small file.
    const DirLock held = TRY(DirLock::wait_at(folder_, "events.lock", LockMode::exclusive));
    const struct stat named = TRY(sys::fstatat(folder_, name));
    if (named.st_size < most_bytes) return {};
    return sys::renameat(folder_, name, folder_, std::string(old_name));
}

Result<void> EventLog::read(const EventQuery& query, const std::function<Result<bool>(const Event&)>& sink) const {
    const bool follows = !query.until || *query.until > now();
    // Watched before the first read, so that nothing slips through between the two.
    std::optional<FolderWatch> watch;
    if (follows) watch = TRY(FolderWatch::open(folder_));
    const Sink choose = [&](const Event& event) -> Result<bool> {
        if (query.since && event.time < *query.since) return true;
        if (query.until && event.time > *query.until) return false;
        return query.filter.matches(event) ? sink(event) : Result<bool>(true);
    };

    EventReader current(TRY(open_current(folder_)));
    if (query.since) {
        const bool goes_on = TRY(read_old_file(folder_, current.file(), choose));
        if (!goes_on) return {};
    } else if (::lseek(current.file().raw(), 0, SEEK_END) < 0) {
        return Error::of_errno(errno, "seek events.log");
    }
    for (;;) {
        // Opened before reading: what is written into the old file comes before its name is given to a new one.
        Fd named = TRY(open_current(folder_));
        const bool goes_on = TRY(current.read_all(choose));
        if (!goes_on || !follows) return {};
        if (!is_same_file(named, current.file())) {
            current = EventReader(std::move(named));
        } else {
            const std::optional<int> wait_ms = time_left(query.until);
            if (wait_ms && *wait_ms == 0) return {};
            watch->wait(wait_ms.value_or(-1));
        }
    }
}

}  // namespace berth::container
