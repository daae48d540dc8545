#pragma once
// `events`: what happened, one JSON object a line in `<root>/events.log`, appended by whoever did it, since there is no
// daemon to ask. One write(2) with O_APPEND keeps lines whole among many writers; a reader skips a line that is torn by a
// crash. Past 8 MB the file becomes events.log.1, so that history costs at most 16 MB.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

namespace berth::container {

struct EventActor {
    std::string id;
    std::map<std::string, std::string> attributes;
};
template <class Io>
void fields(Io& io, EventActor& actor) {
    io.required("ID", actor.id);
    io.required("Attributes", actor.attributes);
}
/// docker's events.Message.
struct Event {
    std::string type;    ///< container, image, volume, network, builder
    std::string action;  ///< create, start, die, "health_status: healthy", …
    EventActor actor;
    std::string scope = "local";
    Moment time;
};
template <class Io>
void fields(Io& io, Event& event) {
    io.required("Type", event.type);
    io.required("Action", event.action);
    io.required("Actor", event.actor);
    io.required("scope", event.scope);
    std::int64_t seconds = event.time.nanoseconds / 1'000'000'000;
    io.required("time", seconds);
    io.required("timeNano", event.time.nanoseconds);
}

/// --filter key=value as docker has them: container, image, network, volume, event, label, scope, type. Values of one key
/// are alternatives, keys must all match. A thing is meant by its name or a prefix of its id; docker takes prefixes of names
/// too, so that "web" would also mean web2.
class EventFilter {
public:
    Result<void> add(std::string_view key, std::string_view value);
    bool matches(const Event& event) const;

private:
    std::map<std::string, std::vector<std::string>> wanted_;
};

struct EventQuery {
    std::optional<Moment> since;  ///< absent: only what comes from now on
    std::optional<Moment> until;  ///< absent: follow without end
    EventFilter filter;
};

class EventLog {
public:
    static Result<EventLog> open(const std::string& root);
    /// In order and as one piece; sets the time where it is 0. Never worth failing a command for (history.h).
    Result<void> append(std::vector<Event> events) const;
    /// Gives each event to `sink`, which returns false to stop; `until` in the future is waited for, without polling.
    Result<void> read(const EventQuery& query, const std::function<Result<bool>(const Event&)>& sink) const;

private:
    EventLog(Fd folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
    Fd folder_;
    std::string path_;
};

}  // namespace berth::container
