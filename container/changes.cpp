#include "container/changes.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "base/root.h"

namespace berth::container {

namespace {

bool lies_in(std::string_view path, std::string_view place) {
    return path == place || (path.starts_with(place) && path[place.size()] == '/');
}

std::vector<std::string> places_of(const Definition& definition) {
    std::vector<std::string> places = {"/sbin/docker-init"};
    for (const MountTarget& target : usual_mount_targets) places.emplace_back(target.path);
    for (const MountPoint& point : definition.mounts) places.push_back(point.destination);
    return places;
}

Result<void> remove_mount_target(const Root& root, const std::string& place) {
    auto parent = root.open_parent(place);
    if (!parent.ok()) return {};
    const Fd& folder = parent.value().folder;
    const struct stat before = TRY(sys::fstat(folder));
    const Fd readable = TRY(sys::openat(folder, ".", O_RDONLY | O_DIRECTORY));
    TRY(remove_tree(readable, parent.value().name), place);
    const timespec times[2] = {before.st_atim, before.st_mtim};
    if (::futimens(readable.raw(), times) != 0) return Error::of_errno(errno, place);
    return {};
}

}  // namespace

bool is_mounted_over(const Definition& definition, const std::string& path) {
    const std::vector<std::string> places = places_of(definition);
    return std::any_of(places.begin(), places.end(), [&](const std::string& place) { return lies_in(path, place); });
}

bool holds_mount_target(const Definition& definition, const std::string& path) {
    const std::vector<std::string> places = places_of(definition);
    return std::any_of(places.begin(), places.end(), [&](const std::string& place) { return place.substr(0, place.rfind('/')) == path; });
}

Result<void> remove_mount_targets(const Definition& definition, const Fd& folder) {
    Fd top = TRY(folder.duplicate());
    const Root root = TRY(Root::of(std::move(top)));
    for (const std::string& place : places_of(definition)) TRY(remove_mount_target(root, place), "leave out mount points");
    return {};
}

}  // namespace berth::container
