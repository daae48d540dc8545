// ps --filter: docker's keys and what they match.

#include <algorithm>
#include <charconv>
#include <map>

#include <regex.h>

#include "container/engine.h"
#include "container/filter.h"
#include "container/registry.h"
#include "image/store.h"

namespace berth::container {

namespace {

struct Question {
    Engine& engine;
    const Record& record;
    const std::string& value;
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// docker's names begin with a slash, and an expression may say so or not. One that is malformed matches nothing.
bool expression_matches(std::string_view name, const std::string& pattern) {
    regex_t expression;
    if (::regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
    const auto matches = [&](const std::string& text) { return ::regexec(&expression, text.c_str(), 0, nullptr, 0) == 0; };
    const bool found = matches(std::string(name)) || matches(cat("/", name));
    ::regfree(&expression);
    return found;
}

}  // namespace

bool name_matches(std::string_view name, std::string_view pattern) {
    if (pattern.find_first_of(".*+?()[]{}|\\") != std::string_view::npos) return expression_matches(name, std::string(pattern));
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    const bool from_start = pattern.starts_with('^');
    const bool to_end = pattern.ends_with('$');
    if (from_start) pattern.remove_prefix(1);
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    if (to_end) pattern.remove_suffix(1);
    if (from_start && to_end) return name == pattern;
    if (from_start) return name.starts_with(pattern);
    if (to_end) return name.ends_with(pattern);
    return contains(name, pattern);
}

namespace {

bool label_matches(const TextMap& labels, std::string_view wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(std::string(wanted.substr(0, equals)));
    if (found == labels.end()) return false;
    return equals == std::string_view::npos || found->second == wanted.substr(equals + 1);
}

Result<bool> by_id(const Question& q) { return q.record.id().starts_with(q.value); }
Result<bool> by_name(const Question& q) { return name_matches(q.record.name(), q.value); }
Result<bool> by_label(const Question& q) { return label_matches(q.record.definition.config.labels, q.value); }

Result<bool> by_status(const Question& q) {
    constexpr std::string_view known[] = {"created", "restarting", "running", "removing", "paused", "exited", "dead"};
    if (std::find(std::begin(known), std::end(known), q.value) == std::end(known))
        return Error(Kind::invalid, cat("filter 'status=", q.value, "': unknown status"))
            .with_hint("one of created, restarting, running, removing, paused, exited, dead");
    return status_word(q.record.run.state.status) == q.value;
}

Result<bool> by_exited(const Question& q) {
    std::int64_t code = 0;
    const auto [end, error] = std::from_chars(q.value.data(), q.value.data() + q.value.size(), code);
    if (error != std::errc() || end != q.value.data() + q.value.size())
        return Error(Kind::invalid, cat("filter 'exited=", q.value, "': must be a number"));
    const State& state = q.record.run.state;
    return state.has_been_started && !state.running() && state.exit_code == code;
}

Result<bool> by_health(const Question& q) {
    constexpr std::string_view known[] = {"starting", "healthy", "unhealthy", "none"};
    if (std::find(std::begin(known), std::end(known), q.value) == std::end(known))
        return Error(Kind::invalid, cat("filter 'health=", q.value, "': must be starting, healthy, unhealthy or none"));
    const auto& health = q.record.run.state.health;
    return (health ? healthcheck::status_text(health->status) : "none") == q.value;
}

Result<bool> by_ancestor(const Question& q) {
    const Definition& definition = q.record.definition;
    if (definition.config.image == q.value) return true;
    image::Store* store = TRY(q.engine.images());
    const auto id = store->resolve(q.value);
    if (!id.ok()) return false;
    if (definition.image_id == id.value().str()) return true;
    // A descendant stands on all layers of its ancestor.
    const auto record = store->load_record(id.value());
    if (!record.ok()) return false;
    const auto& layers = record.value().layers;
    return layers.size() <= definition.layers.size() && std::equal(layers.begin(), layers.end(), definition.layers.begin());
}

Result<bool> by_network(const Question& q) {
    const Definition& definition = q.record.definition;
    if (definition.host.network_mode == q.value) return true;
    const auto& running = q.record.run.network.endpoints;
    const bool runs_there = std::any_of(running.begin(), running.end(), [&](const auto& endpoint) {
        return endpoint.network == q.value || endpoint.network_id.starts_with(q.value);
    });
    return runs_there || std::any_of(definition.networks.begin(), definition.networks.end(),
                                     [&](const auto& endpoint) { return endpoint.network == q.value; });
}

Result<bool> by_volume(const Question& q) {
    const auto& mounts = q.record.definition.mounts;
    return std::any_of(mounts.begin(), mounts.end(), [&](const MountPoint& point) {
        return point.name == q.value || point.destination == q.value || point.source == q.value;
    });
}

/// "80", "80/tcp", "8000-8010/udp".
Result<std::vector<network::ContainerPort>> parse_ports(const Question& q, std::string_view key) {
    return TRY(network::parse_expose(q.value), "filter '", key, '=', q.value, "'");
}

Result<bool> by_publish(const Question& q) {
    for (const network::ContainerPort& port : TRY(parse_ports(q, "publish")))
        for (const network::PublishedPort& published : q.record.run.network.ports)
            if (published.protocol == port.protocol && (published.host.contains(port.number) || published.container.contains(port.number)))
                return true;
    return false;
}

Result<bool> by_expose(const Question& q) {
    for (const network::ContainerPort& port : TRY(parse_ports(q, "expose"))) {
        if (q.record.definition.config.exposed_ports.contains(port.str())) return true;
        for (const network::PortMapping& mapping : q.record.definition.host.port_bindings)
            if (mapping.protocol == port.protocol && mapping.container.contains(port.number)) return true;
    }
    return false;
}

Result<bool> by_before(const Question& q) {
    const Record other = TRY(find(q.engine, q.value));
    return q.record.definition.created < other.definition.created;
}
Result<bool> by_since(const Question& q) {
    const Record other = TRY(find(q.engine, q.value));
    return q.record.definition.created > other.definition.created;
}
Result<bool> by_is_task(const Question& q) { return q.value == "false"; }
Result<bool> by_isolation(const Question&) { return true; }

struct Key {
    std::string_view name;
    Result<bool> (*matches)(const Question&);
};
constexpr Key keys[] = {
    {"ancestor", by_ancestor}, {"before", by_before},   {"exited", by_exited},   {"expose", by_expose}, {"health", by_health},
    {"id", by_id},             {"is-task", by_is_task}, {"isolation", by_isolation}, {"label", by_label}, {"name", by_name},
    {"network", by_network},   {"publish", by_publish}, {"since", by_since},     {"status", by_status}, {"volume", by_volume},
};

Result<const Key*> find_key(const std::string& name) {
    for (const Key& key : keys)
        if (key.name == name) return &key;
    return Error(Kind::invalid, cat("invalid filter '", name, "'"));
}

Result<bool> matches_all(Engine& engine, const Record& record, const Filters& filters) {
    std::map<std::string_view, bool> any_of;
    for (const auto& [name, value] : filters) {
        const Key* key = TRY(find_key(name));
        const bool matches = TRY(key->matches({engine, record, value}));
        if (name == "label" && !matches) return false;
        any_of[key->name] = any_of[key->name] || matches;
    }
    return std::all_of(any_of.begin(), any_of.end(), [](const auto& entry) { return entry.second; });
}

}  // namespace

Result<std::vector<Record>> filter(Engine& engine, std::vector<Record> records, const Filters& filters) {
    // Keys are checked even when there is nothing to filter.
    for (const auto& [name, value] : filters) TRY(find_key(name));
    if (filters.empty()) return records;
    std::vector<Record> out;
    for (Record& record : records)
        if (TRY(matches_all(engine, record, filters))) out.push_back(std::move(record));
    return out;
}

}  // namespace berth::container
