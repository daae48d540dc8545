#include "container/log_writer.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "container/log_drivers.h"
#include "container/log_queue.h"
#include "container/merge.h"

namespace berth::container {

namespace {

// docker: daemon/logger/copier.go, the longest line that stays whole.
constexpr std::size_t longest_line = 16 * 1024;

class NoLog : public LogDriver {
public:
    void append(const LogLine&) override {}
    std::uint64_t flush() override { return 0; }
};

struct DriverOptions {
    std::string_view driver;
    std::vector<std::string_view> options;
};

const std::vector<DriverOptions>& known_drivers() {
    static const std::vector<DriverOptions> drivers = {
        {"json-file", {"max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"}},
        {"local", {"max-size", "max-file", "compress", "mode", "max-buffer-size"}},
        {"journald", {"labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"}},
        {"syslog", {"syslog-address", "syslog-facility", "syslog-format", "tag", "labels", "env", "mode", "max-buffer-size"}},
        {"none", {}},
    };
    return drivers;
}

/// docker: kilo is 1000 for the size of files, 1024 for that of memory.
Result<std::int64_t> parse_log_size(std::string_view option, std::string_view text, std::int64_t kilo) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (unit.ends_with('b') || unit.ends_with('B')) unit.remove_suffix(1);
    std::int64_t factor = 0;
    constexpr std::string_view units = "kmgt";
    if (unit.empty()) factor = 1;
    else if (unit.size() == 1)
        for (std::int64_t i = 0, power = kilo; i < std::ssize(units); ++i, power *= kilo)
            if ((unit[0] | 0x20) == units[static_cast<std::size_t>(i)]) factor = power;
    if (code != std::errc() || factor == 0 || (value < 1 && value != -1) || value > (std::int64_t{1} << 40) / factor)
        return Error(Kind::invalid, cat("log option ", option, "=", text, ": give a size such as 10m", option == "max-size" ? ", or -1 for no limit" : ""));
    return value < 0 ? -1 : value * factor;
}

/// The names of a comma list, each with its value when there is one.
template <class Find>
void add_listed(TextMap& out, const TextMap& options, const std::string& option, Find find) {
    const auto found = options.find(option);
    if (found == options.end()) return;
    std::string_view rest = found->second;
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string name(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        if (std::optional<std::string> value = find(name)) out[name] = *value;
    }
}

}  // namespace

Result<void> check_log_config(const LogConfig& config) {
    const auto& drivers = known_drivers();
    const auto driver = std::find_if(drivers.begin(), drivers.end(), [&](const auto& known) { return known.driver == config.type; });
    if (driver == drivers.end())
        return Error(Kind::invalid, cat("unknown log driver '", config.type, "'"))
            .with_hint("berth has json-file, local, journald, syslog and none");
    for (const auto& [name, value] : config.options) {
        if (std::find(driver->options.begin(), driver->options.end(), name) == driver->options.end())
            return Error(Kind::invalid, cat("unknown log opt '", name, "' for ", config.type, " log driver"));
        if (name == "mode" && value != "blocking" && value != "non-blocking")
            return Error(Kind::invalid, cat("log option mode=", value, ": must be blocking or non-blocking"));
    }
    if (const auto size = config.options.find("max-buffer-size"); size != config.options.end()) {
        if (const auto mode = config.options.find("mode"); mode == config.options.end() || mode->second != "non-blocking")
            return Error(Kind::invalid, "log option max-buffer-size is for mode=non-blocking only");
        if (TRY(parse_log_size("max-buffer-size", size->second, 1024)) < 0) return Error(Kind::invalid, "log option max-buffer-size: there must be a limit");
    }
    TRY(parse_log_limits(config));
    return {};
}

std::optional<std::int64_t> queue_bytes_of(const LogConfig& config) {
    const auto mode = config.options.find("mode");
    const bool waits = config.type == "json-file" || config.type == "local";
    if (!waits || mode == config.options.end() || mode->second != "non-blocking") return std::nullopt;
    const auto size = config.options.find("max-buffer-size");
    if (size == config.options.end()) return std::int64_t{1} << 20;
    return parse_log_size("max-buffer-size", size->second, 1024).value_or(std::int64_t{1} << 20);
}

std::string gap_text(std::uint64_t lines, std::string_view why) {
    return cat("[berth: ", lines, lines == 1 ? " line" : " lines", " of this log ", lines == 1 ? "was" : "were", " lost: ", why, "]\n");
}

Result<LogLimits> parse_log_limits(const LogConfig& config) {
    LogLimits limits;
    if (config.type == "local") limits = {20'000'000, 5, true};
    if (const auto size = config.options.find("max-size"); size != config.options.end())
        limits.max_size = TRY(parse_log_size("max-size", size->second, 1000));
    if (const auto files = config.options.find("max-file"); files != config.options.end()) {
        const std::string& text = files->second;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), limits.max_files);
        if (code != std::errc() || end != text.data() + text.size() || limits.max_files < 1 || limits.max_files > 1000)
            return Error(Kind::invalid, cat("log option max-file=", text, ": give a number from 1 to 1000"));
    }
    if (const auto compress = config.options.find("compress"); compress != config.options.end()) {
        if (compress->second != "true" && compress->second != "false")
            return Error(Kind::invalid, cat("log option compress=", compress->second, ": must be true or false"));
        limits.compress = compress->second == "true";
    }
    return limits;
}

std::string log_tag(const Definition& definition, std::string_view form) {
    struct Field {
        std::string_view name;
        std::string value;
    };
    const std::string image = definition.image_id.substr(definition.image_id.find(':') + 1);
    const Field known[] = {
        {"{{.ID}}", definition.id.substr(0, 12)}, {"{{.FullID}}", definition.id},
        {"{{.Name}}", definition.name},           {"{{.ImageName}}", definition.config.image},
        {"{{.ImageID}}", image.substr(0, 12)},    {"{{.ImageFullID}}", definition.image_id},
        {"{{.DaemonName}}", "berth"},
    };
    std::string out;
    while (!form.empty()) {
        const auto field = std::find_if(std::begin(known), std::end(known), [&](const Field& f) { return form.starts_with(f.name); });
        if (field == std::end(known)) out.push_back(form.front()), form.remove_prefix(1);
        else out += field->value, form.remove_prefix(field->name.size());
    }
    return out;
}

TextMap log_attributes(const Definition& definition) {
    TextMap out;
    const TextMap& options = definition.host.log_config.options;
    const auto label = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = definition.config.labels.find(name);
        return found == definition.config.labels.end() ? std::nullopt : std::optional(found->second);
    };
    add_listed(out, options, "labels", label);
    add_listed(out, options, "env", [&](const std::string& name) { return find_env(definition.config.env, name); });
    if (const auto tag = options.find("tag"); tag != options.end()) out["tag"] = log_tag(definition, tag->second);
    return out;
}

Result<LogWriter> LogWriter::open(const Fd& folder, const Definition& definition) {
    const std::string& type = definition.host.log_config.type;
    if (type == "json-file" || type == "local") {
        const auto open_file = type == "local" ? open_local_log : open_json_log;
        const auto queue_bytes = queue_bytes_of(definition.host.log_config);
        if (!queue_bytes) return LogWriter(TRY(open_file(folder, definition), "log"));
        const auto open = [open_file, definition](const Fd& own_folder) { return open_file(own_folder, definition); };
        return LogWriter(TRY(open_queued_log(folder, *queue_bytes, open), "log"));
    }
    if (type == "journald") return LogWriter(TRY(open_journald_log(definition), "log"));
    if (type == "syslog") return LogWriter(TRY(open_syslog_log(definition), "log"));
    return LogWriter(std::make_unique<NoLog>());
}

std::size_t LogWriter::add_stream(LogStream stream, std::string process) {
    streams_.push_back({stream, std::move(process), {}});
    return streams_.size() - 1;
}

// One look at the clock a batch; within it each line is a nanosecond later, so that order by time is order of writing.
Moment LogWriter::next_time() {
    last_ = std::max(batch_, Moment{last_.nanoseconds + 1});
    return last_;
}

void LogWriter::emit(Stream& stream, std::string_view text, bool is_part) {
    // A line that was begun in an earlier batch, and the parts of a long one, keep the time of their beginning.
    const bool has_time = stream.is_split || !stream.rest.empty();
    const Moment time = has_time ? stream.time : next_time();
    if (is_part && !stream.is_split) stream.time = time;
    stream.is_split = is_part;
    driver_->append({stream.kind, text, is_part, time, stream.process});
}

void LogWriter::write(std::size_t number, std::string_view bytes) {
    Stream& stream = streams_[number];
    batch_ = now();
    while (!bytes.empty()) {
        const std::size_t room = longest_line - stream.rest.size();
        const std::size_t look = std::min(room, bytes.size());
        const void* newline = std::memchr(bytes.data(), '\n', look);
        if (newline == nullptr && bytes.size() < room) {
            if (stream.rest.empty() && !stream.is_split) stream.time = next_time();
            stream.rest.append(bytes);
            break;
        }
        const std::size_t length =
            newline != nullptr ? static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data()) + 1 : room;
        if (stream.rest.empty()) {
            emit(stream, bytes.substr(0, length), newline == nullptr);
        } else {
            stream.rest.append(bytes.substr(0, length));
            emit(stream, stream.rest, newline == nullptr);
            stream.rest.clear();
        }
        bytes.remove_prefix(length);
    }
    dropped_ += driver_->flush();
}

void LogWriter::end_of(std::size_t number) {
    Stream& stream = streams_[number];
    if (stream.rest.empty()) return;
    emit(stream, stream.rest, false);
    stream.rest.clear();
    dropped_ += driver_->flush();
}

void LogWriter::close() { dropped_ += driver_->close(); }

}  // namespace berth::container
