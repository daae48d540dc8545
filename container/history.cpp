#include "container/history.h"

#include <algorithm>

#include "base/cat.h"
#include "container/engine.h"
#include "image/store.h"
#include "network/networks.h"

namespace berth::container {

namespace {

Event make_event(std::string type, std::string action, std::string id, TextMap attributes) {
    return Event{std::move(type), std::move(action), {std::move(id), std::move(attributes)}, "local", {}};
}

/// A link on the host's side is a bridge's; the record is only read for the rarer kinds.
std::string driver_of(Engine& engine, const network::Endpoint& endpoint) {
    if (!endpoint.host_link.empty()) return "bridge";
    const auto networks = engine.networks();
    if (!networks.ok()) return "bridge";
    const auto found = networks.value()->find(endpoint.network);
    return found.ok() ? found.value().driver : "bridge";
}

Event mount_event(const Record& record, const MountPoint& point) {
    return volume_event(point.name, "mount",
                        {{"driver", point.driver.empty() ? "local" : point.driver},
                         {"container", record.id()},
                         {"destination", point.destination},
                         {"read/write", point.rw ? "true" : "false"},
                         {"propagation", point.propagation}});
}

Event unmount_event(const Record& record, const MountPoint& point) {
    return volume_event(point.name, "unmount",
                        {{"driver", point.driver.empty() ? "local" : point.driver}, {"container", record.id()}});
}

}  // namespace

void note(const std::string& root, std::vector<Event> events) {
    const auto log = EventLog::open(root);
    if (log.ok()) ignore(log.value().append(std::move(events)), "history is not worth a failure");
}

Event container_event(const Record& record, std::string action, TextMap attributes) {
    attributes["image"] = record.definition.config.image;
    attributes["name"] = record.name();
    for (const auto& label : record.definition.config.labels) attributes.insert(label);
    return make_event("container", std::move(action), record.id(), std::move(attributes));
}

Event volume_event(const std::string& volume, std::string action, TextMap attributes) {
    attributes.emplace("driver", "local");
    return make_event("volume", std::move(action), volume, std::move(attributes));
}

Event network_event(const network::Network& network, std::string action) {
    return make_event("network", std::move(action), network.id, {{"name", network.name}, {"type", network.driver}});
}

Event prune_event(std::string type, std::uint64_t reclaimed_bytes) {
    return make_event(std::move(type), "prune", "", {{"reclaimed", cat(reclaimed_bytes)}});
}

Event endpoint_event(Engine& engine, const Record& record, const network::Endpoint& endpoint, std::string action) {
    return make_event("network", std::move(action), endpoint.network_id,
                      {{"container", record.id()}, {"name", endpoint.network}, {"type", driver_of(engine, endpoint)}});
}

std::vector<Event> start_events(Engine& engine, const Record& record) {
    std::vector<Event> events;
    for (const auto& endpoint : record.run.network.endpoints)
        events.push_back(endpoint_event(engine, record, endpoint, "connect"));
    for (const MountPoint& point : record.definition.mounts)
        if (point.type == MountType::volume) events.push_back(mount_event(record, point));
    events.push_back(container_event(record, "start"));
    return events;
}

std::vector<Event> end_events(Engine& engine, const Record& record, TextMap die_attributes) {
    std::vector<Event> events = {container_event(record, "die", std::move(die_attributes))};
    for (const auto& endpoint : record.run.network.endpoints)
        events.push_back(endpoint_event(engine, record, endpoint, "disconnect"));
    for (const MountPoint& point : record.definition.mounts)
        if (point.type == MountType::volume) events.push_back(unmount_event(record, point));
    return events;
}

Event image_event(const image::Store& store, const image::ImageId& id, std::string action, std::string name) {
    TextMap attributes = {{"name", name.empty() ? id.str() : std::move(name)}};
    if (const auto record = store.load_record(id); record.ok())
        for (const auto& label : record.value().labels) attributes.insert(label);
    return make_event("image", std::move(action), id.str(), std::move(attributes));
}

Event transfer_event(const image::Store& store, const image::Reference& name, std::string action) {
    TextMap attributes = {{"name", name.familiar_name()}};
    if (const auto id = store.find(name); id.ok() && id.value())
        if (const auto record = store.load_record(*id.value()); record.ok())
            for (const auto& label : record.value().labels) attributes.insert(label);
    return make_event("image", std::move(action), name.str(), std::move(attributes));
}

std::vector<NamedImage> named_images(const image::Store& store) {
    std::vector<NamedImage> images;
    const auto listed = store.list();
    if (!listed.ok()) return images;
    for (const image::Store::Listed& one : listed.value()) {
        NamedImage& image = images.emplace_back(NamedImage{one.id.str(), {}, one.record.labels});
        for (const auto* list : {&one.names, &one.digests})
            for (const image::Reference& name : *list) image.names.push_back(name.full());
    }
    return images;
}

std::vector<Event> removal_events(const std::vector<NamedImage>& before, const image::Removal& removal) {
    std::vector<Event> events;
    const auto add = [&](const NamedImage& image, const char* action) {
        TextMap attributes = {{"name", image.id}};
        attributes.insert(image.labels.begin(), image.labels.end());
        events.push_back(make_event("image", action, image.id, std::move(attributes)));
    };
    for (const image::Reference& name : removal.untagged) {
        const std::string full = name.full();
        const auto image = std::find_if(before.begin(), before.end(), [&](const NamedImage& one) {
            return std::find(one.names.begin(), one.names.end(), full) != one.names.end();
        });
        if (image != before.end()) add(*image, "untag");
    }
    for (const image::ImageId& id : removal.deleted) {
        const auto image = std::find_if(before.begin(), before.end(), [&](const NamedImage& one) { return one.id == id.str(); });
        if (image != before.end()) add(*image, "delete");
    }
    return events;
}

}  // namespace berth::container
