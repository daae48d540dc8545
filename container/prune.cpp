#include "container/prune.h"

#include <algorithm>
#include <set>

#include "base/cat.h"
#include "base/file.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/log_reader.h"
#include "container/registry.h"
#include "image/store.h"

namespace berth::container {

namespace {

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

/// Sums the sizes of files below `folder`, each inode once.
Result<void> add_sizes(const Fd& folder, std::set<std::pair<dev_t, ino_t>>& seen, std::uint64_t& bytes) {
    const std::vector<std::string> names = TRY(list_folder(folder));
    for (const std::string& name : names) {
        const auto found = sys::fstatat(folder, name);
        if (!found.ok()) continue;  // Gone meanwhile: a running container's files change.
        const struct stat& status = found.value();
        if (S_ISDIR(status.st_mode)) {
            auto below = sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (below.ok()) TRY(add_sizes(below.value(), seen, bytes));
        } else if (status.st_nlink < 2 || seen.emplace(status.st_dev, status.st_ino).second) {
            bytes += static_cast<std::uint64_t>(status.st_size);
        }
    }
    return {};
}

Result<std::uint64_t> upper_bytes(Engine& engine, const Record& record) {
    if (!record.definition.rootfs.empty()) return std::uint64_t{0};
    Registry* registry = TRY(engine.containers());
    const Fd upper = TRY(sys::open(cat(registry->folder_path(record.id()), "/fs/upper"), O_RDONLY | O_DIRECTORY));
    std::set<std::pair<dev_t, ino_t>> seen;
    std::uint64_t bytes = 0;
    TRY(add_sizes(upper, seen, bytes), "size of container ", record.name());
    return bytes;
}

bool is_prunable(const Record& record) {
    const Status status = record.run.state.status;
    return status == Status::created || status == Status::exited || status == Status::dead;
}

void add_users(const Definition& definition, std::map<std::string, std::vector<std::string>>& users) {
    for (const MountPoint& point : definition.mounts)
        if (point.type == MountType::volume) users[point.name].push_back(definition.id);
}

Error volume_in_use(const std::string& name, const std::vector<std::string>& ids) {
    std::string list;
    for (const std::string& id : ids) list += cat(list.empty() ? "" : ", ", id);
    return Error(Kind::busy, cat("remove ", name, ": volume is in use - [", list, "]"))
        .with_hint("remove the container first: a stopped one keeps its volumes too");
}

}  // namespace

Result<void> PruneFilter::add(std::string_view key, std::string_view value, Moment now) {
    if (key == "until") {
        until = TRY(parse_time_option(value, now), "filter until");
    } else if (key == "label") {
        labels.emplace_back(value);
    } else if (key == "label!") {
        labels_not.emplace_back(value);
    } else {
        return Error(Kind::invalid, cat("invalid filter '", key, "'")).with_hint("filters are until, label and label!");
    }
    return {};
}

bool PruneFilter::matches(Moment created, const std::map<std::string, std::string>& its_labels) const {
    const auto has = [&](const std::string& wanted) { return has_label(its_labels, wanted); };
    if (until && created > *until) return false;
    return std::all_of(labels.begin(), labels.end(), has) && std::none_of(labels_not.begin(), labels_not.end(), has);
}

Result<PruneReport> prune_containers(Engine& engine, const PruneFilter& filter, PruneMode mode) {
    PruneReport report;
    const std::vector<Record> records = TRY(list(engine));
    for (const Record& record : records) {
        if (!is_prunable(record) || !filter.matches(record.definition.created, record.definition.config.labels)) continue;
        const std::uint64_t bytes = upper_bytes(engine, record).value_or(0);
        if (mode == PruneMode::remove) {
            auto removed = remove(engine, record, {});
            // Started or removed by somebody else meanwhile: then it is no longer for us to prune.
            if (!removed.ok() && (removed.error().kind() == Kind::wrong_state || removed.error().kind() == Kind::not_found)) continue;
            TRY(std::move(removed), "prune");
        }
        report.removed.push_back(record.id());
        report.freed_bytes += bytes;
    }
    if (mode == PruneMode::remove) note(engine.paths().root, {prune_event("container", report.freed_bytes)});
    return report;
}

Result<std::map<std::string, std::vector<std::string>>> volume_users(Engine& engine) {
    std::map<std::string, std::vector<std::string>> users;
    Registry* registry = TRY(engine.containers());
    const std::vector<std::string> ids = TRY(registry->ids());
    for (const std::string& id : ids) {
        const auto record = registry->load(id);
        if (record.ok()) add_users(record.value().definition, users);
    }
    return users;
}

Result<void> remove_volume(Engine& engine, const std::string& name) {
    Volumes* volumes = TRY(engine.volumes());
    const DirLock held = TRY(volumes->lock(LockMode::exclusive));
    const Volume volume = TRY(volumes->get(name));
    const auto users = TRY(volume_users(engine));
    if (const auto found = users.find(volume.name); found != users.end()) return volume_in_use(volume.name, found->second);
    TRY(volumes->remove(volume.name));
    return volumes->sweep();
}

Result<void> remove_anonymous_volumes(Engine& engine, const Definition& definition) {
    const auto is_anonymous = [](const MountPoint& point) { return point.type == MountType::volume && point.anonymous; };
    if (std::none_of(definition.mounts.begin(), definition.mounts.end(), is_anonymous)) return {};
    Volumes* volumes = TRY(engine.volumes());
    const DirLock held = TRY(volumes->lock(LockMode::exclusive));
    auto users = TRY(volume_users(engine));
    for (const MountPoint& point : definition.mounts) {
        if (!is_anonymous(point)) continue;
        std::vector<std::string>& others = users[point.name];
        std::erase(others, definition.id);
        if (others.empty()) TRY(volumes->remove(point.name), "remove volumes of ", definition.name);
    }
    return {};
}

Result<PruneReport> prune_volumes(Engine& engine, const PruneFilter& filter, VolumeChoice choice, PruneMode mode) {
    Volumes* volumes = TRY(engine.volumes());
    const DirLock held = TRY(volumes->lock(LockMode::exclusive));
    const auto users = TRY(volume_users(engine));
    const std::vector<Volume> all = TRY(volumes->list());
    PruneReport report;
    for (const Volume& volume : all) {
        if (users.count(volume.name) != 0 || !filter.matches(volume.created_at, volume.labels)) continue;
        if (choice == VolumeChoice::anonymous && !volume.is_anonymous()) continue;
        const std::int64_t bytes = volumes->size_bytes(volume).value_or(0);
        if (mode == PruneMode::remove) TRY(volumes->remove(volume.name), "prune");
        report.removed.push_back(volume.name);
        report.freed_bytes += static_cast<std::uint64_t>(bytes);
    }
    if (mode == PruneMode::only_tell) return report;
    TRY(volumes->sweep());
    note(engine.paths().root, {prune_event("volume", report.freed_bytes)});
    return report;
}

Result<ContainerSize> container_size(Engine& engine, const Record& record) {
    ContainerSize size;
    size.rw_bytes = TRY(upper_bytes(engine, record));
    size.root_bytes = size.rw_bytes;
    image::Store* store = TRY(engine.images());
    for (const std::string& key : record.definition.layers) {
        const image::LayerMeta layer = TRY(store->load_layer(key), "size of container ", record.name());
        size.root_bytes += static_cast<std::uint64_t>(layer.size);
    }
    return size;
}

}  // namespace berth::container
